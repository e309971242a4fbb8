//! Connections that last: call sites of all forms, one script through each, cancellation, bad input.

mod cancelled;
mod model;
mod scripts;
mod stored;
mod wakes;

use std::{cell::RefCell, future::poll_fn, rc::Rc, task::Poll, time::Duration};

use redress_core::{
    Backoff, Decision, ErrorClass, Event, EventKind, Instant, Millis, Policy, Retry, StopReason,
    keeper::{Keep, KeepConfig, Sessions},
    testing::{TestAsyncEnv, TestEnv, block_on},
};

const SECOND: Duration = Duration::from_secs(1);
const STABLE: Duration = Duration::from_secs(30);
const BACKOFF: Backoff = Backoff::exponential(SECOND, Duration::from_secs(60));
static LINK: Keep = Keep::new(Policy::new(Retry::new(BACKOFF)), KeepConfig::new(STABLE));

fn secs(secs: impl IntoIterator<Item = u32>) -> Vec<Millis> {
    secs.into_iter().map(Millis::from_secs).collect()
}

/// What an attempt does: whether it establishes a session, how long it takes, and what it returns.
type Step = (bool, u64, Result<(), ErrorClass>);

const DOWN: Step = (false, 0, Err(ErrorClass::Transient));
const SHORT: Step = (true, 5, Err(ErrorClass::Transient));
const LONG: Step = (true, 30, Err(ErrorClass::Transient));
const CLOSED: Step = (true, 3_600, Ok(()));
const REFUSED: Step = (false, 0, Err(ErrorClass::Auth));

/// What observers are told: kind, attempt, elapsed seconds.
type Told = (EventKind, u32, u32);

struct Story {
    waits: Vec<Millis>,
    told: Vec<Told>,
    reason: StopReason,
    attempts: u32,
}

fn sessions_of(told: &Rc<RefCell<Vec<Told>>>) -> impl FnMut(&Event) + use<> {
    let told = Rc::clone(told);
    move |event: &Event| {
        if matches!(event.kind, EventKind::SessionEstablished | EventKind::SessionLost) {
            told.borrow_mut().push((event.kind, event.attempt, event.elapsed.get() / 1_000));
        }
    }
}

/// Waits once, as every session does.
async fn yield_now() {
    let mut is_polled = false;
    poll_fn(|_| if std::mem::replace(&mut is_polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

fn blocking(keep: &Keep<'_>, script: &[Step]) -> Story {
    let (env, told, mut steps) = (TestEnv::new(), Rc::<RefCell<Vec<_>>>::default(), script.iter());
    let mut context = keep.context(&env).observe(sessions_of(&told));
    let gave_up = context.keep().run(|session| {
        let (is_established, lasts, result) = *steps.next().expect("gives up within the script");
        if is_established {
            session.established();
        }
        env.clock().advance(Duration::from_secs(lasts));
        result
    });
    Story { waits: env.sleeps().collect(), told: told.take(), reason: gave_up.reason, attempts: gave_up.attempts }
}

fn local(keep: &Keep<'_>, script: &[Step]) -> Story {
    let (env, told, mut steps) = (TestAsyncEnv::new(), Rc::<RefCell<Vec<_>>>::default(), script.iter());
    let mut context = keep.context(&env).observe(sessions_of(&told));
    let gave_up = block_on(context.keep().run(async |session| {
        let (is_established, lasts, result) = *steps.next().expect("gives up within the script");
        if is_established {
            session.established();
            yield_now().await;
        }
        env.clock().advance(Duration::from_secs(lasts));
        result
    }));
    Story { waits: env.sleeps().collect(), told: told.take(), reason: gave_up.reason, attempts: gave_up.attempts }
}

fn loop_form(keep: &Keep<'_>, script: &[Step]) -> Story {
    let (env, told) = (TestEnv::new(), Rc::<RefCell<Vec<_>>>::default());
    let mut context = keep.context(&env).observe(sessions_of(&told));
    let mut link = context.keep();
    let mut steps = script.iter();
    let gave_up = loop {
        link.begin().unwrap();
        let (is_established, lasts, result) = *steps.next().expect("gives up within the script");
        if is_established {
            link.established();
        }
        env.clock().advance(Duration::from_secs(lasts));
        match result {
            Ok(()) => link.closed::<ErrorClass>().unwrap(),
            Err(error) => {
                if let Err(gave_up) = link.lost(error) {
                    break gave_up;
                }
            }
        }
    };
    Story { waits: env.sleeps().collect(), told: told.take(), reason: gave_up.reason, attempts: gave_up.attempts }
}

/// The bare machine tells nothing.
fn bare(keep: &Keep<'_>, script: &[Step]) -> (Vec<Millis>, StopReason) {
    let mut now = Instant::ZERO;
    let mut link = Sessions::<1_000>::new(keep, now, || 0);
    let mut waits = vec![];
    for &(is_established, lasts, result) in script {
        let at = link.poll_at().unwrap();
        waits.push(Millis::new(u32::try_from(at.ticks_since(now)).unwrap()));
        now = at;
        assert_eq!(link.on_wake(now), Ok(true));
        if is_established {
            link.on_established(now);
        }
        now = now.saturating_add(1_000 * lasts);
        let class = result.err().unwrap_or(ErrorClass::Transient);
        if let Decision::Stop(reason) = link.on_lost(now, class, || 0) {
            return (waits, reason);
        }
    }
    panic!("gives up within the script");
}
