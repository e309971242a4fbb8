//! Whether the contenders do what their rows say. A row that skips its sleeps or retries too little looks fast.

use redress_bench::script::{FAILED, Script, take_events, take_sleeps};
use redress_bench::{ATTEMPTS, THRESHOLD, Work, Workload};

/// Calls of the operation, sleeps, and the answer.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    calls: u32,
    sleeps: u32,
    value: u32,
}

pub(crate) fn all() -> Result<(), String> {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (name, workload, work) in crate::rows() {
        let logic = name != "no logic";
        let mut expect = |what: &str, got: Seen, want: Seen| {
            checked += 1;
            if got != want {
                wrong.push(format!("{name}, {}, {what}: {got:?} instead of {want:?}", workload.name()));
            }
        };
        let mut work = work();
        let failures = workload.failures();
        for _ in 0..3 {
            expect("the workload", see(&mut work, Script::new(failures).leak()), want(workload, logic));
        }
        if workload.is_full() {
            take_events();
            see(&mut work, Script::new(failures).leak());
            // Each failure and the end are reported.
            if take_events() <= failures {
                expect("the observer", Seen { calls: 0, sleeps: 0, value: 0 }, Seen { calls: 1, sleeps: 0, value: 0 });
            }
        }
        if logic && !workload.is_breaker() && workload != Workload::ReadmeFirstTry {
            let exhausted = Seen { calls: ATTEMPTS, sleeps: ATTEMPTS - 1, value: FAILED };
            expect("too many failures", see(&mut work, Script::new(ATTEMPTS).leak()), exhausted);
            let refused = Seen { calls: 1, sleeps: 0, value: FAILED };
            expect("a permanent failure", see(&mut work, Script::permanent().leak()), refused);
        }
        if logic && workload == Workload::BreakerClosed {
            // One more than the threshold: recloser judges a full window at the call after.
            for _ in 0..=THRESHOLD {
                see(&mut work, Script::new(1).leak());
            }
            let rejected = Seen { calls: 0, sleeps: 0, value: FAILED };
            expect("failures in a row", see(&mut work, Script::new(0).leak()), rejected);
        }
    }
    if wrong.is_empty() {
        println!("{checked} expectations met");
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}

fn see(work: &mut Work, script: &'static Script) -> Seen {
    take_sleeps();
    let value = work(script, 1);
    Seen { calls: script.calls(), sleeps: take_sleeps(), value }
}

fn want(workload: Workload, logic: bool) -> Seen {
    if workload.rejects() {
        return Seen { calls: 0, sleeps: 0, value: FAILED };
    }
    let failures = workload.failures();
    Seen { calls: failures + 1, sleeps: if logic { failures } else { 0 }, value: failures + 1 }
}
