//! Circuit breakers: probes, leases, rejections without the lock, checkpoints, thresholds, requests by hand.

use std::time::Duration;

use loom::thread::spawn;
use redress_core::{
    BreakerConfig, BreakerState, CircuitBreaker,
    ErrorClass::Transient,
    Millis, Rejected,
    breaker::{BreakerMode, Permit, RateBreaker, RateConfig},
};

use super::{Time, holds, leak, models};

type Breaker = CircuitBreaker<2>;

const RECOVERY: u64 = 100;
const LEASE: u64 = 200;
const START: u64 = 1_000;

const ONE: BreakerConfig = BreakerConfig::new(1)
    .window(Duration::from_millis(60))
    .recovery_timeout(Duration::from_millis(RECOVERY))
    .probe_lease(Duration::from_millis(LEASE));

/// A breaker that opened at this time.
fn opened(config: BreakerConfig, time: &Time) -> &'static Breaker {
    let breaker = leak(Breaker::new(config));
    while breaker.record_failure(Transient, time).is_none() {}
    breaker
}

fn wait(rejected: &Result<Permit<'_>, Rejected>) -> Option<u32> {
    rejected.as_ref().err().map(|rejected| rejected.retry_after().get())
}

models! {
    /// Of two calls that find the recovery timeout passed, one is the probe; the other is rejected for its lease.
    one_probe, 3, needs NoLock;
    /// Two probes are admitted of three calls, and the circuit closes with the second success, not before.
    two_probes, 2, needs NoLock;
    /// Successes that come together are both counted.
    two_successes, 3, needs NoLock;
    /// A probe whose lease has passed has lost its place, and its result means nothing to who has it now.
    lease, 3;
    /// A rejection tells the time that is left in the state that it found, at the time that it read.
    rejection, 3, needs AcquireLoad, needs ReleaseStore, needs AcquireFence, needs ReleaseFence;
    /// The same where the upper half of the time changes.
    rejection_across_halves, 3, needs AcquireLoad;
    /// A restored circuit stays as the checkpoint had it, whatever a call reports meanwhile.
    restore, 3, needs NoLock;
    /// A checkpoint holds what a failure has left behind, or what was there before it, whole.
    checkpoint, 3;
    /// Two failures that come together reach a threshold of two, and one of them is told so.
    threshold, 3, needs NoLock;
    /// A success that clears the failures and a failure of before the circuit opened.
    late_failure, 3;
    /// Opened by hand, the circuit is open for its whole time, whatever the probe reports.
    open_by_hand, 3, needs NoLock;
    /// Closed by hand, it is closed, whatever the probe reports.
    close_by_hand, 3, needs NoLock;
    /// Isolated, it is open, whatever the calls report.
    isolated, 2;
    /// A breaker by rate counts each call.
    rate, 2, needs NoLock;
    /// A success that is counted without the lock is not lost to a failure that is counted with it.
    rate_of_both, 2;
    /// Of calls to a circuit that closed a moment ago, the first is admitted and the second is not.
    progressive, 2, needs NoLock;
}

fn one_probe() {
    let time = Time::at(START);
    let breaker = opened(ONE, &time);
    time.set(START + RECOVERY);
    let other = time.clone();
    let second = spawn(move || breaker.try_acquire(&other));
    let (first, second) = (breaker.try_acquire(&time), second.join().unwrap());
    holds!(first.is_ok() != second.is_ok(), "one probe: {first:?}, {second:?}");
    let left = wait(&first).or(wait(&second));
    holds!(left == Some(LEASE as u32), "rejected for the lease: {left:?}");
    first.or(second).unwrap().success(&time);
    holds!(breaker.state() == BreakerState::Closed, "{breaker:?}");
}

fn two_probes() {
    let time = Time::at(START);
    let breaker = opened(ONE.probes(2), &time);
    time.set(START + RECOVERY);
    let calls = [time.clone(), time.clone()].map(|time| spawn(move || breaker.try_acquire(&time)));
    let mut all = vec![breaker.try_acquire(&time)];
    all.extend(calls.map(|call| call.join().unwrap()));
    let mut permits: Vec<_> = all.into_iter().flatten().collect();
    holds!(permits.len() == 2, "{} of three were admitted", permits.len());
    permits.pop().unwrap().success(&time);
    holds!(breaker.state() == BreakerState::HalfOpen, "closed by one of two: {breaker:?}");
    permits.pop().unwrap().success(&time);
    holds!(breaker.state() == BreakerState::Closed, "{breaker:?}");
}

fn two_successes() {
    let time = Time::at(START);
    let breaker = opened(ONE.probes(2), &time);
    time.set(START + RECOVERY);
    let (first, second) = (breaker.try_acquire(&time).unwrap(), breaker.try_acquire(&time).unwrap());
    let other = time.clone();
    let second = spawn(move || second.success(&other));
    let told = [first.success(&time), second.join().unwrap()];
    holds!(breaker.state() == BreakerState::Closed, "{breaker:?} after two successes");
    holds!(told.into_iter().flatten().count() == 1, "one of them closed it: {told:?}");
}

fn lease() {
    let time = Time::at(START);
    let breaker = opened(ONE, &time);
    time.set(START + RECOVERY);
    let lost = breaker.try_acquire(&time).unwrap();
    time.set(START + RECOVERY + LEASE);
    let other = time.clone();
    let late = spawn(move || lost.success(&other));
    let taken = breaker.try_acquire(&time);
    let closed = late.join().unwrap();
    let Ok(taken) = taken else { panic!("model: the place was free: {taken:?}") };
    // The place was taken before the success came, or the success closed the circuit before.
    let is_probe = format!("{taken:?}").contains("HalfOpen");
    holds!(is_probe == closed.is_none(), "{taken:?}, and the late success was told {closed:?}");
    let state = if closed.is_some() { BreakerState::Closed } else { BreakerState::HalfOpen };
    holds!(breaker.state() == state, "{breaker:?}, the late success was told {closed:?}");
    // The permit is of the state as it is now, so its failure counts.
    taken.failure(Transient, &time);
    holds!(breaker.state() == BreakerState::Open, "{breaker:?} after the failure of the call that has the place");
}

fn rejection() {
    rejection_from(START);
}

fn rejection_across_halves() {
    rejection_from((1 << 32) - RECOVERY - 10);
}

/// The probe takes 30 ms and fails, while another call asks.
fn rejection_from(start: u64) {
    let time = Time::at(start);
    let breaker = opened(ONE, &time);
    time.set(start + 20);
    let own = time.other();
    let probe = spawn(move || {
        time.set(start + RECOVERY);
        if let Ok(probe) = breaker.try_acquire(&time) {
            time.set(start + RECOVERY + 30);
            probe.failure(Transient, &time);
        }
    });
    let asked = breaker.try_acquire(&own);
    // What is left of the recovery timeout, of the lease, and of the next recovery timeout.
    let left = wait(&asked);
    let possible: &[Option<u32>] = match own.seen() - start {
        20 => &[Some(80)],
        100 => &[None, Some(200)],
        _ => &[Some(170), Some(100)],
    };
    holds!(possible.contains(&left), "{left:?} after {} ms", own.seen() - start);
    drop(asked);
    probe.join().unwrap();
}

fn restore() {
    let time = Time::at(START);
    let saved = leak(Breaker::new(ONE));
    saved.record_failure(Transient, &time);
    time.set(START + 40);
    let mut bytes = [0; Breaker::CHECKPOINT_LEN];
    saved.checkpoint(&time, &mut bytes).unwrap();
    let breaker = leak(Breaker::new(ONE));
    let call = breaker.try_acquire(&time).unwrap();
    let other = time.clone();
    let restoring = spawn(move || breaker.restore(&bytes, Millis::ZERO, &other).unwrap());
    call.failure(Transient, &time);
    restoring.join().unwrap();
    let left = breaker.retry_after(&time);
    holds!(left == Some(Millis::new(60)), "open for {left:?}, 60 ms were left");
}

fn checkpoint() {
    let time = Time::at(START);
    let config = ONE.threshold_for(Transient, 2);
    let breaker = leak(Breaker::new(config));
    breaker.record_failure(Transient, &time);
    time.set(START + 10);
    let other = time.clone();
    let failing = spawn(move || breaker.record_failure(Transient, &other));
    let mut bytes = [0; Breaker::CHECKPOINT_LEN];
    breaker.checkpoint(&time, &mut bytes).unwrap();
    holds!(failing.join().unwrap() == Some(BreakerState::Open), "the second failure opens it");
    let awake = leak(Breaker::new(config));
    awake.restore(&bytes, Millis::ZERO, &time).unwrap();
    match awake.state() {
        BreakerState::Open => {
            let left = awake.retry_after(&time);
            holds!(left == Some(Millis::new(100)), "it opened now: {left:?}");
        }
        BreakerState::Closed => holds!(awake.failures(&time) == 1, "{} failures, not one", awake.failures(&time)),
        state => panic!("model: {state:?}"),
    }
}

fn threshold() {
    let time = Time::at(START);
    let breaker = leak(Breaker::new(ONE.threshold_for(Transient, 2)));
    let other = time.clone();
    let second = spawn(move || breaker.record_failure(Transient, &other));
    let told = [breaker.record_failure(Transient, &time), second.join().unwrap()];
    holds!(told.into_iter().flatten().count() == 1, "told: {told:?}");
    holds!(breaker.state() == BreakerState::Open, "{breaker:?}");
}

fn late_failure() {
    let time = Time::at(START);
    let breaker = opened(ONE, &time);
    time.set(START + RECOVERY);
    let probe = breaker.try_acquire(&time).unwrap();
    let other = time.clone();
    let failing = spawn(move || breaker.record_failure(Transient, &other));
    let closed = probe.success(&time);
    let opened = failing.join().unwrap();
    holds!(closed == Some(BreakerState::Closed), "the probe closed it: {closed:?}");
    let state = opened.unwrap_or(BreakerState::Closed);
    holds!(breaker.state() == state, "{breaker:?}, but the failure was told {opened:?}");
}

fn open_by_hand() {
    let time = Time::at(START);
    let breaker = opened(ONE, &time);
    time.set(START + RECOVERY);
    let probe = breaker.try_acquire(&time).unwrap();
    let other = time.clone();
    let success = spawn(move || probe.success(&other));
    breaker.open(&time);
    success.join().unwrap();
    let left = breaker.retry_after(&time);
    holds!(left == Some(Millis::new(100)), "opened by hand, and open for {left:?}");
}

fn close_by_hand() {
    let time = Time::at(START);
    let breaker = opened(ONE, &time);
    time.set(START + RECOVERY);
    let probe = breaker.try_acquire(&time).unwrap();
    let other = time.clone();
    let failure = spawn(move || probe.failure(Transient, &other));
    breaker.close(&time);
    failure.join().unwrap();
    holds!(breaker.state() == BreakerState::Closed, "{breaker:?}");
}

static RATES: RateConfig = RateConfig::new(100).minimum_calls(2).recovery_timeout(Duration::from_millis(RECOVERY));
static PROGRESSIVE: RateConfig = RateConfig::new(100)
    .minimum_calls(1)
    .recovery_timeout(Duration::from_millis(RECOVERY))
    .progressive(Duration::from_secs(10));

fn isolated() {
    let time = Time::at(START);
    let breaker = leak(RateBreaker::<1>::new(&RATES));
    let permit = breaker.try_acquire(&time).unwrap();
    permit.failure(Transient, &time);
    let permit = breaker.try_acquire(&time).unwrap();
    let other = time.clone();
    let failing = spawn(move || permit.failure(Transient, &other));
    holds!(breaker.set_mode(BreakerMode::Isolated, &time), "it has modes");
    failing.join().unwrap();
    let (state, mode) = (breaker.state(), breaker.mode());
    holds!((state, mode) == (BreakerState::Open, BreakerMode::Isolated), "{state:?}, {mode:?}");
    time.set(START + 10 * RECOVERY);
    holds!(breaker.try_acquire(&time).is_err(), "an isolated circuit admits nothing");
}

fn rate() {
    let time = Time::at(START);
    let breaker = leak(RateBreaker::<1>::new(&RATES));
    let calls = [breaker.try_acquire(&time).unwrap(), breaker.try_acquire(&time).unwrap()];
    let [first, second] = calls;
    let other = time.clone();
    let second = spawn(move || second.failure(Transient, &other));
    let told = [first.failure(Transient, &time), second.join().unwrap()];
    holds!(told.into_iter().flatten().count() == 1, "two of two failed: {told:?}");
    holds!(breaker.state() == BreakerState::Open, "{breaker:?}");
}

fn rate_of_both() {
    let time = Time::at(START);
    let breaker = leak(RateBreaker::<1>::new(&RATES));
    // Its first bucket has begun.
    breaker.try_acquire(&time).unwrap().success(&time);
    let [first, second] = [breaker.try_acquire(&time).unwrap(), breaker.try_acquire(&time).unwrap()];
    let other = time.clone();
    let second = spawn(move || second.success(&other));
    first.failure(Transient, &time);
    second.join().unwrap();
    let counts = breaker.counts(&time);
    holds!((counts.calls, counts.failed) == (3, 1), "{counts:?} of three calls");
}

fn progressive() {
    let time = Time::at(START);
    let breaker = leak(RateBreaker::<1>::new(&PROGRESSIVE));
    breaker.try_acquire(&time).unwrap().failure(Transient, &time);
    time.set(START + RECOVERY);
    breaker.try_acquire(&time).unwrap().success(&time);
    holds!(breaker.state() == BreakerState::Closed, "{breaker:?}");
    let other = time.clone();
    let second = spawn(move || breaker.try_acquire(&other).is_ok());
    let admitted = [breaker.try_acquire(&time).is_ok(), second.join().unwrap()];
    holds!(admitted[0] != admitted[1], "one of two: {admitted:?}");
}
