//! recloser: a lock-free breaker on an error rate; it cannot count consecutive failures, so its window is as long as the
//! others' threshold.

use std::hint::black_box;

use recloser::Recloser;

use crate::script::FAILED;
use crate::{Contender, RECOVERY, THRESHOLD, Work, in_line};

pub(crate) const RECLOSER: Contender = Contender {
    breaker_closed: Some(breaker_closed),
    breaker_open: Some(breaker_open),
    ..Contender::named("recloser")
};

fn breaker() -> Recloser {
    Recloser::custom().error_rate(0.5).closed_len(THRESHOLD as usize).open_wait(RECOVERY).build()
}

fn breaker_closed() -> Work {
    let breaker = breaker();
    in_line(move |script| black_box(&breaker).call(|| script.call()).unwrap_or(FAILED))
}

fn breaker_open() -> Work {
    let breaker = breaker();
    // Its rate is judged from the call after the one that filled the window.
    for _ in 0..=THRESHOLD {
        let _ = breaker.call(|| Err::<u32, ()>(()));
    }
    in_line(move |script| black_box(&breaker).call(|| script.call()).unwrap_or(FAILED))
}
