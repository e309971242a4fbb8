//! Operation and hooks.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use redress_core::{
    AttemptInfo, ErrorClass, RetryError, RetryTimeline, SleepDecision, StopReason,
    classify::http,
    retry,
    testing::{INSTANT_RETRIES, TestAsyncEnv, TestEnv, block_on},
};

#[test]
fn the_operation_is_the_functions_name_or_what_is_given() {
    let names = RefCell::new(Vec::new());
    let note = |event: &redress_core::Event| names.borrow_mut().push(event.operation);

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new(), observe = note)]
    fn r#match(note: impl Fn(&redress_core::Event)) -> Result<(), RetryError<ErrorClass>> {
        Ok(())
    }

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new(), observe = note, operation = "given")]
    fn named(note: impl Fn(&redress_core::Event)) -> Result<(), RetryError<ErrorClass>> {
        Ok(())
    }

    r#match(note).unwrap();
    named(note).unwrap();
    assert_eq!(*names.borrow(), ["match", "given"]);
}

struct Foreign(u16);

#[retry(
    policy = INSTANT_RETRIES,
    context = TestEnv::new(),
    classifier = |error: &Foreign| http::status(error.0).unwrap_or(ErrorClass::Unknown.into()),
    observe = &mut *timeline,
    observe = |_: &redress_core::Event| events.set(events.get() + 1),
    on_attempt_start = |_: &redress_core::AttemptStart| starts.set(starts.get() + 1),
    on_attempt_end = |_: &redress_core::AttemptEnd| ends.set(ends.get() + 1),
    slice(Duration::from_millis(1), || ()),
    attempt = attempt,
)]
fn hooked(
    timeline: &mut RetryTimeline<8>,
    (events, starts, ends): (&Cell<u32>, &Cell<u32>, &Cell<u32>),
) -> Result<u32, RetryError<Foreign>> {
    if attempt.number < 3 { Err(Foreign(503)) } else { Ok(attempt.number) }
}

#[retry(
    policy = INSTANT_RETRIES,
    context = TestEnv::new(),
    sleep_handler = |_: &redress_core::BackoffContext, _| SleepDecision::Defer,
)]
fn deferred() -> Result<(), RetryError<ErrorClass>> {
    Err(ErrorClass::Transient)
}

#[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new(), attempt = attempt)]
async fn numbered() -> Result<u32, RetryError<ErrorClass>> {
    let AttemptInfo { number, .. } = attempt;
    if number < 3 { Err(ErrorClass::Transient) } else { Ok(number) }
}

#[test]
fn hooks_are_set() {
    let mut timeline = RetryTimeline::new();
    let counts = (Cell::new(0), Cell::new(0), Cell::new(0));
    let value = hooked(&mut timeline, (&counts.0, &counts.1, &counts.2));
    assert_eq!(value.ok(), Some(3));
    assert_eq!((timeline.events().count(), counts), (3, (Cell::new(3), Cell::new(3), Cell::new(3))));
    assert_eq!(deferred().unwrap_err().reason, StopReason::Scheduled);
    assert_eq!(block_on(numbered()), Ok(3));
}
