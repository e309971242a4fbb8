//! The async driver in both modes: closures and loops, with every hook and with none, overridden, resumed and deferred,
//! polled to the end and dropped before it.

use core::{
    future::poll_fn,
    pin::pin,
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use embassy_time_driver::Driver;
use redress_core::keeper::{Keep, Keeper, Session, WakeFuture};
use redress_embassy::{
    AsyncEnvironment, AttemptInfo, BreakerConfig, Budget, BudgetConfig, ByRef, Checkpoint, CircuitBreaker, Classifier,
    Clock, Context, Embassy, EmbassyClock, EmbassySleeper, Environment, ErrorObserver, Event, Instant, Local, Millis,
    Outcome, Policy, Recoverable, Resumed, RetryError, RetryTimeline, Run, SeededRandom, SelfClassifier,
    context::{HookSet, PolicyRef, ResultClassifier},
    embedded::{DelaySleeper, SleptClock},
    env::mode,
    retry,
};

use crate::{
    blocking::{self, Fault, handle_sleep, recovery},
    configuration, keeper, opaque, shared,
    sink::Sink,
};

struct BoardTime;

impl Driver for BoardTime {
    fn now(&self) -> u64 {
        opaque::long()
    }

    fn schedule_wake(&self, _at: u64, waker: &Waker) {
        waker.wake_by_ref();
    }
}

embassy_time_driver::time_driver_impl!(static DRIVER: BoardTime = BoardTime);

/// Waits until the board says so.
async fn wait() {
    poll_fn(|_| if opaque::flag() { Poll::Ready(()) } else { Poll::Pending }).await;
}

async fn operation() -> Result<u32, Fault> {
    wait().await;
    blocking::operation()
}

async fn informed(attempt: AttemptInfo) -> Result<u32, Fault> {
    attempt.sink();
    operation().await
}

/// A timer without a clock, whose waits are futures.
struct Delay;

impl embedded_hal_async::delay::DelayNs for Delay {
    async fn delay_ns(&mut self, nanos: u32) {
        nanos.sink();
        wait().await;
    }
}

/// An environment whose calls can be spawned.
struct Spawning;

impl Clock for Spawning {
    const TICK_HZ: u32 = 32_768;

    fn now(&self) -> Instant {
        opaque::instant()
    }
}

impl Environment for Spawning {
    type Mode = mode::Spawned;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        opaque::word()
    }
}

impl AsyncEnvironment for Spawning {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        ticks.sink();
        wait()
    }
}

/// Polls a future to its end, or drops it before.
fn drive<F: Future<Output: Sink>>(future: F) {
    let mut future = pin!(future);
    let mut task = Task::from_waker(Waker::noop());
    while opaque::flag() {
        if let Poll::Ready(output) = future.as_mut().poll(&mut task) {
            return output.sink();
        }
    }
}

pub fn run() {
    let policy = if opaque::flag() { &shared::POLICY } else { &shared::PER_CLASS };
    under(policy);
    if let Ok(policy) = Policy::from_config(&configuration::retry()) {
        under(&policy);
    }
    shared::BREAKER.record_failure(opaque::class(), &EmbassyClock).sink();
    drive(decorated(opaque::word()));
    drive(decorated_outcome(opaque::word()));
    drive(kept_local(&keeper::KEEP));
    drive(kept_spawned(&keeper::KEEP));
}

/// Keeps a connection up on an executor of one thread.
async fn kept_local(keep: &Keep<'_>) {
    let environment = Local::new(EmbassyClock, EmbassySleeper, opaque::word);
    let hooked = keep.context(environment).abort_if(opaque::flag).observe(|event: &Event| event.sink());
    let mut context = hooked.slice(opaque::span(), || opaque::word().sink());
    let mut link = context.keep().wake_on(wait);
    if let Ok(checkpoint) = Checkpoint::from_bytes(&opaque::bytes::<32>()) {
        link.resume(&checkpoint, opaque::span()).sink();
    }
    let session = async |session: Session<'_>| {
        let value = operation().await?;
        session.established();
        session.attempt().sink();
        wait().await;
        Ok::<_, Fault>(value)
    };
    link.run(session).await.sink();
    kept_in_a_loop(link).await;
}

/// Keeps a connection up in a task that can be spawned.
async fn kept_spawned(keep: &Keep<'_>) {
    let mut context = keep.context(Spawning);
    let mut link = context.keep();
    link.run(|session: Session<'_>| async move {
        session.established();
        operation().await
    })
    .await
    .sink();
    kept_in_a_loop(link).await;
}

async fn kept_in_a_loop<E, H, W, M: mode::Async>(mut link: Keeper<'_, E, H, W, M>)
where
    E: AsyncEnvironment,
    H: HookSet,
    H::Classifier: Classifier<Fault>,
    H::Observer: ErrorObserver<Fault>,
    W: WakeFuture,
{
    while opaque::flag() {
        link.begin().await.sink();
        link.established();
        link.tick().sink();
        if let Err(fault) = operation().await {
            link.lost(fault).sink();
        }
        link.closed::<Fault>().sink();
        link.link_up();
        link.wait().sink();
    }
    link.suspend().sink();
}

fn under(policy: &Policy<'_>) {
    drive(local(policy.context(Embassy::seeded(opaque::long()))));
    let clock = SleptClock::<1_000>::new();
    let sleeper = clock.sleeper(DelaySleeper::new(&clock, Delay));
    drive(local(policy.context(Local::new(&clock, sleeper, SeededRandom::new(opaque::long())))));
    drive(spawned(policy.context(Spawning)));
    overridden(policy);
    hooked(policy);
}

fn overridden(policy: &Policy<'_>) {
    static BREAKER: CircuitBreaker<2> = CircuitBreaker::new(BreakerConfig::new(1));
    static BUDGET: Budget<1> = Budget::new(BudgetConfig::rolling(1, Duration::from_secs(1)));
    let context = policy.context(Local::new(EmbassyClock, EmbassySleeper, opaque::word));
    let timed = context.deadline(opaque::span()).attempt_timeout(opaque::span());
    drive(local(timed.circuit_breaker(&BREAKER).budget(&BUDGET)));
}

fn hooked(policy: &Policy<'_>) {
    let mut timeline = RetryTimeline::<8>::new();
    drive(local(
        policy
            .context(Embassy::with(opaque::word))
            .operation("everything")
            .classifier(|_: &Fault| opaque::classification())
            .retry_result(|value: &u32| (*value == 0).then(opaque::classification))
            .abort_if(opaque::flag)
            .sleep_handler(handle_sleep)
            .observe(|event: &Event| event.sink())
            .observe(ByRef(&mut timeline))
            .slice(Duration::from_millis(u64::from(opaque::word())), || opaque::word().sink()),
    ));
    timeline.events().for_each(Sink::sink);
    drive(spawned(policy.context(Spawning).abort_if(opaque::flag).sleep_handler(handle_sleep)));
}

/// Makes every form of a call on an executor of one thread.
async fn local<'p, E, H, P>(mut context: Context<'p, E, H, P, mode::Local>)
where
    E: AsyncEnvironment,
    H: HookSet,
    H::Classifier: Classifier<Fault>,
    H::Observer: ErrorObserver<Fault>,
    H::Results: ResultClassifier<u32>,
    P: PolicyRef<'p>,
{
    let mut lent = 0_u32;
    context.call(async || operation().await).await.sink();
    context.call(async |attempt: AttemptInfo| informed(attempt).await).await.sink();
    let lending = async || {
        lent = lent.wrapping_add(1);
        operation().await
    };
    context.execute(lending).await.sink();
    context.execute(informed).await.sink();

    let mut device = Recoverable::new(0_u32, async |_: &mut u32| recovery());
    context.call(device.run(async |_: &mut u32| operation().await)).await.sink();
    let mut device = Recoverable::new(&mut lent, async |_: &mut u32| wait().await);
    context.execute(device.run(async |_: &mut u32| operation().await)).await.sink();

    looped(context.start()).await;
    match resumed(&mut context) {
        Some(resumed) => resume_local(resumed).await,
        None => opaque::word().sink(),
    }
}

async fn resume_local<E, H>(resumed: Resumed<'_, E, H, mode::Local>)
where
    E: AsyncEnvironment,
    H: HookSet,
    H::Classifier: Classifier<Fault>,
    H::Observer: ErrorObserver<Fault>,
    H::Results: ResultClassifier<u32>,
{
    let mut device = Recoverable::new(0_u32, async |_: &mut u32| recovery());
    match opaque::byte() {
        0 => resumed.call(operation).await.sink(),
        1 => resumed.call(informed).await.sink(),
        2 => resumed.execute(operation).await.sink(),
        3 => resumed.execute(informed).await.sink(),
        4 => resumed.call(device.run(async |_: &mut u32| operation().await)).await.sink(),
        5 => resumed.execute(device.run(async |_: &mut u32| operation().await)).await.sink(),
        _ => looped(resumed.start().await).await,
    }
}

/// Makes every form of a call that can be spawned.
async fn spawned<'p, E, H, P>(mut context: Context<'p, E, H, P, mode::Spawned>)
where
    E: AsyncEnvironment,
    H: HookSet,
    H::Classifier: Classifier<Fault>,
    H::Observer: ErrorObserver<Fault>,
    H::Results: ResultClassifier<u32>,
    P: PolicyRef<'p>,
{
    context.call(operation).await.sink();
    context.call(informed).await.sink();
    context.execute(operation).await.sink();
    context.execute(informed).await.sink();
    looped(context.start()).await;
    let Some(resumed) = resumed(&mut context) else { return };
    match opaque::byte() {
        0 => resumed.call(operation).await.sink(),
        1 => resumed.call(informed).await.sink(),
        2 => resumed.execute(operation).await.sink(),
        3 => resumed.execute(informed).await.sink(),
        _ => looped(resumed.start().await).await,
    }
}

/// Resumes the call of arbitrary bytes, if they are a checkpoint of this policy.
fn resumed<'c, 'p, E, H, P, M>(context: &'c mut Context<'p, E, H, P, M>) -> Option<Resumed<'c, E, H, M>>
where
    E: AsyncEnvironment,
    H: HookSet,
    P: PolicyRef<'p>,
{
    let checkpoint = Checkpoint::from_bytes(&opaque::bytes::<32>()).ok()?;
    let slept: redress_embassy::Slept = Millis::new(opaque::word()).into();
    context.resume(&checkpoint, slept).ok()
}

async fn looped<E, H, M: mode::Async>(begun: Result<Run<'_, E, H, M>, redress_embassy::Rejected>)
where
    E: AsyncEnvironment,
    H: HookSet,
    H::Classifier: Classifier<Fault>,
    H::Observer: ErrorObserver<Fault>,
{
    let mut run = match begun {
        Ok(run) => run,
        Err(rejected) => return rejected.sink(),
    };
    loop {
        run.attempt().sink();
        let failed = match operation().await {
            Ok(value) => return run.succeed(value).sink(),
            Err(error) if opaque::flag() => run.failed(error).await,
            Err(_) if opaque::flag() => run.failed_result(opaque::classification()).await,
            Err(error) => run.failed_as(opaque::class(), error).await,
        };
        if let Err(error) = failed {
            return error.sink();
        }
        if opaque::flag() {
            return run.suspend().sink();
        }
    }
}

#[retry(policy = shared::POLICY, context = Embassy::seeded(opaque::long()))]
async fn decorated(word: u32) -> Result<u32, RetryError<Fault>> {
    word.sink();
    operation().await
}

#[retry(policy = shared::PER_CLASS, context = Embassy::with(opaque::word))]
async fn decorated_outcome(word: u32) -> Outcome<u32, Fault> {
    word.sink();
    operation().await
}
