//! An environment for one thread takes an `AsyncFnMut`, which may lend what it captures. Nobody can prove such futures
//! `Send`: its calls are not for executors with many threads.

use core::future::{Future, ready};
use redress_core::{
    AsyncSleeper, Clock, ErrorClass, Instant, Local, SeededRandom, testing::INSTANT_RETRIES,
};

struct Still;

impl Clock for Still {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

impl AsyncSleeper for Still {
    async fn sleep(&mut self, _ticks: u64) {}
}

/// As the `spawn` of tokio's multi-thread runtime.
fn spawn<F: Future + Send + 'static>(_future: F) {}

struct Radio;

impl Radio {
    async fn send(&mut self) -> Result<(), ErrorClass> {
        ready(()).await;
        Ok(())
    }
}

fn main() {
    spawn(async {
        let mut radio = Radio;
        let mut context = INSTANT_RETRIES.context(Local::new(Still, Still, SeededRandom::new(1)));
        let _ = context.call(async || radio.send().await).await;
    });
}
