//! The blocking driver: closures and loops, with every hook and with none, overridden, resumed and deferred.

use core::time::Duration;

use redress_core::{
    AttemptInfo, BackoffContext, Blocking, BlockingEnvironment, BreakerConfig, Budget, BudgetConfig, ByRef, Checkpoint,
    CircuitBreaker, Classification, Classifier, Classify, Clock, Context, ErrorObserver, Event, Outcome, Policy,
    Recoverable, Resumed, RetryError, RetryTimeline, Run, SeededRandom, SleepDecision,
    context::{HookSet, PolicyRef, ResultClassifier},
    env::mode,
    retry,
};

use crate::{
    configuration, opaque,
    shared::{self, BoardClock},
    sink::Sink,
};

/// An error that carries its class.
pub struct Fault;

impl Classify for Fault {
    fn classify(&self) -> Classification {
        opaque::classification()
    }
}

impl Sink for Fault {
    fn sink(self) {}
}

#[expect(clippy::cast_possible_truncation, reason = "the board sleeps for 49 days at most")]
fn sleep(ticks: u64) {
    board::sleep_ms(ticks as u32);
}

pub fn operation() -> Result<u32, Fault> {
    if opaque::flag() { Ok(opaque::word()) } else { Err(Fault) }
}

pub fn recovery() -> Result<(), Fault> {
    if opaque::flag() { Ok(()) } else { Err(Fault) }
}

fn environment() -> Blocking<BoardClock, fn(u64), SeededRandom> {
    Blocking::new(BoardClock, sleep, SeededRandom::new(opaque::long()))
}

pub fn run() {
    let policy = if opaque::flag() { &shared::POLICY } else { &shared::PER_CLASS };
    under(policy);
    if let Ok(policy) = Policy::from_config(&configuration::retry()) {
        under(&policy);
    }
    decorated(opaque::word()).sink();
    decorated_outcome(opaque::word()).sink();
}

fn under(policy: &Policy<'_>) {
    let mut plain = policy.context(environment());
    plain.env().now().sink();
    plain.policy().retry().deadline_after().sink();
    forms(&mut plain);
    forms(&mut plain.rebind(&policy.once(), environment()));
    overridden(policy);

    let (mut timeline, mut second) = (RetryTimeline::<8>::new(), RetryTimeline::<1>::new());
    forms(
        &mut policy
            .context(environment())
            .operation("everything")
            .classifier(|_: &Fault| opaque::classification())
            .retry_result(|value: &u32| (*value == 0).then(opaque::classification))
            .abort_if(opaque::flag)
            .sleep_handler(handle_sleep)
            .observe(|event: &Event| event.sink())
            .observe(&mut timeline)
            .observe(ByRef(&mut second))
            .on_attempt_start(|start| start.sink())
            .on_retry(|_: &Fault, event| event.sink())
            .on_attempt_end(|end| end.sink())
            .slice(Duration::from_millis(u64::from(opaque::word())), || opaque::word().sink()),
    );
    timeline.events().chain(second.events()).for_each(Sink::sink);
    timeline.dropped().sink();
}

pub fn handle_sleep(context: &BackoffContext, delay: redress_core::Millis) -> SleepDecision {
    context.attempt.sink();
    context.previous.sink();
    delay.sink();
    match opaque::byte() {
        0 => SleepDecision::Sleep,
        1 => SleepDecision::Defer,
        _ => SleepDecision::Abort,
    }
}

/// Makes calls with every override of a policy, one by one and together.
fn overridden(policy: &Policy<'_>) {
    static BREAKER: CircuitBreaker<2> = CircuitBreaker::new(BreakerConfig::new(1));
    static BUDGET: Budget<1> = Budget::new(BudgetConfig::rolling(1, Duration::from_secs(1)));
    let context = || policy.context(environment());
    forms(&mut context().deadline(opaque::span()));
    forms(&mut context().attempt_timeout(opaque::span()));
    forms(&mut context().circuit_breaker(&BREAKER));
    forms(&mut context().budget(&BUDGET));
    let all = context().deadline(opaque::span()).attempt_timeout(opaque::span()).circuit_breaker(&BREAKER);
    forms(&mut all.budget(&BUDGET).clone());
}

/// Makes every form of a call.
pub fn forms<'p, E, H, P>(context: &mut Context<'p, E, H, P, mode::Blocking>)
where
    E: BlockingEnvironment,
    H: HookSet,
    H::Classifier: Classifier<Fault>,
    H::Observer: ErrorObserver<Fault>,
    H::Results: ResultClassifier<u32>,
    P: PolicyRef<'p>,
{
    context.call(operation).sink();
    context.call(informed).sink();
    context.execute(operation).sink();
    context.execute(informed).sink();

    let mut device = Recoverable::new(0_u32, |_: &mut u32| recovery());
    context.call(device.run(|_: &mut u32| operation())).sink();
    device.device().sink();
    let mut lent = 0_u32;
    let mut device = Recoverable::new(&mut lent, |_: &mut u32| opaque::word().sink());
    context.execute(device.run(|_: &mut u32| operation())).sink();

    match context.start() {
        Ok(run) => looped(run),
        Err(rejected) => rejected.sink(),
    }

    let Ok(checkpoint) = Checkpoint::from_bytes(&opaque::bytes::<32>()) else { return };
    let resumed = if opaque::flag() {
        context.resume(&checkpoint, opaque::span())
    } else {
        context.resume(&checkpoint, opaque::millis())
    };
    match resumed {
        Ok(resumed) => resume(resumed),
        Err(error) => error.sink(),
    }
}

fn informed(attempt: AttemptInfo) -> Result<u32, Fault> {
    attempt.sink();
    operation()
}

fn looped<E, H>(mut run: Run<'_, E, H, mode::Blocking>)
where
    E: BlockingEnvironment,
    H: HookSet,
    H::Classifier: Classifier<Fault>,
    H::Observer: ErrorObserver<Fault>,
{
    loop {
        run.attempt().sink();
        let failed = match operation() {
            Ok(value) => return run.succeed(value).sink(),
            Err(error) if opaque::flag() => run.failed(error),
            Err(_) if opaque::flag() => run.failed_result(opaque::classification()),
            Err(error) => run.failed_as(opaque::class(), error),
        };
        if let Err(error) = failed {
            return error.sink();
        }
        if opaque::flag() {
            return run.suspend().sink();
        }
    }
}

fn resume<E, H>(resumed: Resumed<'_, E, H, mode::Blocking>)
where
    E: BlockingEnvironment,
    H: HookSet,
    H::Classifier: Classifier<Fault>,
    H::Observer: ErrorObserver<Fault>,
    H::Results: ResultClassifier<u32>,
{
    let mut device = Recoverable::new(0_u32, |_: &mut u32| recovery());
    match opaque::byte() {
        0 => resumed.call(operation).sink(),
        1 => resumed.call(informed).sink(),
        2 => resumed.execute(operation).sink(),
        3 => resumed.execute(informed).sink(),
        4 => resumed.call(device.run(|_: &mut u32| operation())).sink(),
        5 => resumed.execute(device.run(|_: &mut u32| operation())).sink(),
        _ => match resumed.start() {
            Ok(run) => looped(run),
            Err(rejected) => rejected.sink(),
        },
    }
}

#[retry(policy = shared::POLICY, context = environment())]
fn decorated(word: u32) -> Result<u32, RetryError<Fault>> {
    word.sink();
    operation()
}

#[retry(policy = shared::PER_CLASS, context = environment())]
fn decorated_outcome(word: u32) -> Outcome<u32, Fault> {
    word.sink();
    operation()
}
