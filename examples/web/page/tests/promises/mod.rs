//! The same in pages and in workers: clock, waits, random numbers, calls.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    future::poll_fn,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use js_sys::{Function, Promise, Reflect, global};
use redress_std::{
    AsyncEnvironment, AsyncSleeper, AttemptInfo, Backoff, Cause, Clock, Environment, ErrorClass, Event, EventKind,
    Failure, Policy, Retry, StopReason, Web, WebClock, WebSleeper,
};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn the_clock_never_goes_back_and_goes_on() {
    let start = WebClock.now();
    let mut before = start;
    // Browsers round what they show of time, so it stands still for a while; but not for so many looks.
    for _ in 0..50_000_000 {
        let now = WebClock.now();
        assert!(now >= before);
        before = now;
        if now.ticks_since(start) > 2_000 {
            return;
        }
    }
    panic!("the clock stands still at {start:?}");
}

#[wasm_bindgen_test]
async fn waits_are_never_shorter_than_asked() {
    for micros in [0, 1, 500, 999, 1_000, 1_001, 3_700, 20_001] {
        let before = WebClock.now();
        WebSleeper.sleep(micros).await;
        assert!(WebClock.now().ticks_since(before) >= micros, "{micros}");
    }
}

#[wasm_bindgen_test]
async fn a_wait_begins_when_it_is_made() {
    let mut web = Web;
    let wait = web.sleep(5_000);
    let before = WebClock.now();
    while WebClock.now().ticks_since(before) < 6_000 {}
    // It is over before it is looked at for the first time.
    assert!(pin!(wait).as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

#[wasm_bindgen_test]
async fn a_wait_longer_than_a_timeout_can_be_does_not_end_at_once() {
    let mut web = Web;
    let mut long = pin!(web.sleep(u64::MAX));
    let mut context = Context::from_waker(Waker::noop());
    assert!(long.as_mut().poll(&mut context).is_pending());
    // `setTimeout` of more than 2^31 ms would be over by now.
    WebSleeper.sleep(20_000).await;
    assert!(long.as_mut().poll(&mut context).is_pending());
}

thread_local! {
    static CLEARED: Cell<u32> = const { Cell::new(0) };
}

/// Counts what goes to `clearTimeout` as long as it lives.
struct Watched {
    clear: Function,
    _counting: Closure<dyn FnMut(JsValue)>,
}

impl Watched {
    fn new() -> Self {
        let clear: Function =
            Reflect::get(&global(), &"clearTimeout".into()).expect("the host has it").unchecked_into();
        let passed_on = clear.clone();
        let counting = Closure::new(move |handle: JsValue| {
            CLEARED.set(CLEARED.get() + 1);
            passed_on.call1(&JsValue::UNDEFINED, &handle).expect("it throws nothing");
        });
        Reflect::set(&global(), &"clearTimeout".into(), counting.as_ref()).expect("it can be replaced");
        Self { clear, _counting: counting }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        Reflect::set(&global(), &"clearTimeout".into(), &self.clear).expect("it can be replaced");
    }
}

#[wasm_bindgen_test]
fn a_dropped_wait_clears_its_timeout() {
    let _watched = Watched::new();
    let cleared = CLEARED.get();
    {
        let mut web = Web;
        let wait = pin!(web.sleep(60_000_000));
        assert!(wait.poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(CLEARED.get(), cleared);
    }
    assert_eq!(CLEARED.get(), cleared + 1);
}

#[wasm_bindgen_test]
fn random_numbers_use_all_bits_and_differ() {
    let drawn: BTreeSet<_> = (0..100).map(|_| Web.random()).collect();
    assert!(drawn.len() > 95, "{drawn:?}");
    assert_eq!(drawn.iter().fold(0, |bits, number| bits | number), u32::MAX);
    assert_eq!(drawn.iter().fold(u32::MAX, |bits, number| bits & number), 0);
}

#[wasm_bindgen_test]
async fn a_call_retries_waits_and_succeeds() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(5))).max_attempts(4));
    let left = Cell::new(2);
    let before = WebClock.now();
    let outcome = POLICY
        .context(Web)
        .classifier(|class: &ErrorClass| *class)
        .execute(async || match left.get() {
            0 => Ok("answer"),
            more => {
                left.set(more - 1);
                Err(ErrorClass::Transient)
            }
        })
        .await;
    assert_eq!((outcome.value(), outcome.attempts), (Some(&"answer"), 3));
    assert!(WebClock.now().ticks_since(before) >= 10_000);
}

#[wasm_bindgen_test]
async fn an_abort_cuts_a_wait_short() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(3_600))).no_deadline());
    let looks = Cell::new(0);
    let abort = || {
        looks.set(looks.get() + 1);
        looks.get() > 3
    };
    let outcome = POLICY
        .context(Web)
        .classifier(|class: &ErrorClass| *class)
        .abort_if(abort)
        .execute(async || Err::<(), _>(ErrorClass::Transient))
        .await;
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::Aborted), 1));
}

/// How long a call may take before a test fails, in microseconds. Far longer than any deadline, so that it matters only if
/// a call hangs.
const PATIENCE: u64 = 20_000_000;

/// Waits for the future, or returns `None` if it is still pending after [`PATIENCE`].
async fn unless_it_hangs<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut web = Web;
    let (mut future, mut guard) = (pin!(future), pin!(web.sleep(PATIENCE)));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => guard.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// Counts attempts that end, also those that are dropped.
struct Attempt<'a>(&'a Cell<u32>);

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[wasm_bindgen_test]
async fn the_deadline_ends_an_attempt_whose_promise_is_never_settled() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).deadline(Duration::from_millis(400)));
    // The attempt that hangs is the first, or the one after a failure.
    for hanging in [1, 2] {
        let (ended, events) = (Cell::new(0), RefCell::new(Vec::new()));
        let mut context = POLICY
            .context(Web)
            .classifier(|class: &ErrorClass| *class)
            .observe(|event: &Event| events.borrow_mut().push((event.kind, event.attempt, event.cause)));
        let call = context.execute(async |info: AttemptInfo| {
            let _attempt = Attempt(&ended);
            if info.number < hanging {
                return Err(ErrorClass::ServerError);
            }
            let never = Promise::new(&mut |_resolve, _reject| {});
            JsFuture::from(never).await.map_err(|_| ErrorClass::Permanent)
        });
        let outcome = unless_it_hangs(call).await.expect("the call ends by itself");
        assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::DeadlineExceeded), hanging));
        assert!(matches!(outcome.result, Err(Some(Failure::Timeout))), "{:?}", outcome.result);
        assert_eq!((outcome.last_class, outcome.cause), (Some(ErrorClass::Transient), Some(Cause::Timeout)));
        assert_eq!((outcome.last_failure_attempt, outcome.next_delay), (Some(hanging), None));
        assert_eq!(ended.get(), hanging, "the attempt that hangs is dropped");
        let last = events.borrow().last().copied();
        assert_eq!(last, Some((EventKind::DeadlineExceeded, hanging, Some(Cause::Timeout))));
    }
}
