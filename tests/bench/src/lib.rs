//! What one call through redress costs, beside hand-written loops and the crates it stands beside.
//!
//! Every contender runs the same workloads on the same operation, sleeper and executor ([`script`]) with the same
//! settings: [`ATTEMPTS`] attempts, exponential backoff with jitter from [`BASE`] to [`CAP`], a retry predicate, a
//! breaker that opens after [`THRESHOLD`] failures. `cargo bench` times them; the `count` binary counts their
//! instructions, checks that they do what they claim, and prints the table kept in `tests/BENCH.md`.
//!
//! # Design
//!
//! A workload is a boxed closure that loops by itself, so that the way into it costs nothing per call. Retry workloads
//! are entered through a function which is not inlined, breaker workloads are open to inlining: the first stand at call
//! sites, the second around them. Every call rewinds the script, passes it through `black_box` and its answer as well;
//! the row `no logic` shows what that and the operation cost. Settings are read through `black_box`, as they come from
//! a file or a flag in a service; only the row `hand` has them as constants.

use std::hint::black_box;
use std::time::Duration;

use script::{FAILED, Script};

mod backon;
mod failsafe;
mod full;
mod hand;
mod mettle;
mod observers;
mod ours;
mod readme;
mod recloser;
mod relentless;
mod reliakit;
pub mod script;

/// Attempts of the retry workloads, the first included.
pub const ATTEMPTS: u32 = 5;
/// Delay before the first retry, before jitter.
pub const BASE: Duration = Duration::from_millis(10);
/// Longest delay.
pub const CAP: Duration = Duration::from_secs(1);
/// Deadline of the workloads which have one.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// Failures in a row after which a breaker opens.
pub const THRESHOLD: u32 = 5;
/// How long a breaker stays open: longer than any measurement.
pub const RECOVERY: Duration = Duration::from_secs(3600);

/// One prepared contender, called as often as told: its settings, generator and breaker are inside. Answers the last
/// value of the operation, or [`script::FAILED`].
pub type Work = Box<dyn FnMut(&'static Script, u64) -> u32>;

/// The workloads, in the order of the table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// The first attempt succeeds.
    FirstTry,
    /// Three failures, three sleeps, then success.
    ThreeFailures,
    /// [`FirstTry`](Self::FirstTry) as a future.
    AsyncFirstTry,
    /// [`ThreeFailures`](Self::ThreeFailures) as a future.
    AsyncThreeFailures,
    /// [`FirstTry`](Self::FirstTry) under a deadline, on the real clock.
    DeadlineFirstTry,
    /// [`ThreeFailures`](Self::ThreeFailures) under a deadline, on the real clock.
    DeadlineThreeFailures,
    /// A call through a closed breaker succeeds.
    BreakerClosed,
    /// An open breaker rejects a call.
    BreakerOpen,
    /// [`AsyncFirstTry`](Self::AsyncFirstTry) with an operation that is an `async` block.
    BlockFirstTry,
    /// [`AsyncThreeFailures`](Self::AsyncThreeFailures) with an operation that is an `async` block.
    BlockThreeFailures,
    /// The first call of the README, as its defaults are.
    ReadmeFirstTry,
    /// Deadline, own delays for one class, breaker, token bucket and one observer: the first attempt succeeds.
    FullFirstTry,
    /// The same, three failures.
    FullThreeFailures,
    /// [`FirstTry`](Self::FirstTry) with an observer.
    ObservedFirstTry,
    /// [`ThreeFailures`](Self::ThreeFailures) with an observer.
    ObservedThreeFailures,
    /// [`FullFirstTry`](Self::FullFirstTry) as a future.
    FullAsyncFirstTry,
    /// [`FullThreeFailures`](Self::FullThreeFailures) as a future.
    FullAsyncThreeFailures,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::FirstTry,
        Self::ThreeFailures,
        Self::AsyncFirstTry,
        Self::AsyncThreeFailures,
        Self::DeadlineFirstTry,
        Self::DeadlineThreeFailures,
        Self::BreakerClosed,
        Self::BreakerOpen,
        Self::BlockFirstTry,
        Self::BlockThreeFailures,
        Self::ReadmeFirstTry,
        Self::FullFirstTry,
        Self::FullThreeFailures,
        Self::FullAsyncFirstTry,
        Self::FullAsyncThreeFailures,
        Self::ObservedFirstTry,
        Self::ObservedThreeFailures,
    ];

    /// Name on the command line and in `cargo bench`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstTry => "first_try",
            Self::ThreeFailures => "three_failures",
            Self::AsyncFirstTry => "async_first_try",
            Self::AsyncThreeFailures => "async_three_failures",
            Self::DeadlineFirstTry => "deadline_first_try",
            Self::DeadlineThreeFailures => "deadline_three_failures",
            Self::BreakerClosed => "breaker_closed",
            Self::BreakerOpen => "breaker_open",
            Self::BlockFirstTry => "block_first_try",
            Self::BlockThreeFailures => "block_three_failures",
            Self::ReadmeFirstTry => "readme_first_try",
            Self::ObservedFirstTry => "observed_first_try",
            Self::ObservedThreeFailures => "observed_three_failures",
            Self::FullFirstTry => "full_first_try",
            Self::FullThreeFailures => "full_three_failures",
            Self::FullAsyncFirstTry => "full_async_first_try",
            Self::FullAsyncThreeFailures => "full_async_three_failures",
        }
    }

    /// How often the operation fails before it succeeds.
    pub const fn failures(self) -> u32 {
        match self {
            Self::ThreeFailures
            | Self::AsyncThreeFailures
            | Self::DeadlineThreeFailures
            | Self::BlockThreeFailures
            | Self::FullThreeFailures
            | Self::ObservedThreeFailures
            | Self::FullAsyncThreeFailures => 3,
            _ => 0,
        }
    }

    /// Whether this is a breaker's workload.
    pub const fn is_breaker(self) -> bool {
        matches!(self, Self::BreakerClosed | Self::BreakerOpen)
    }

    /// Whether the policy has everything, an observer too.
    pub const fn is_full(self) -> bool {
        matches!(
            self,
            Self::FullFirstTry | Self::FullThreeFailures | Self::FullAsyncFirstTry | Self::FullAsyncThreeFailures
        )
    }

    /// Whether the contender must not call the operation at all.
    pub const fn rejects(self) -> bool {
        matches!(self, Self::BreakerOpen)
    }
}

/// One row of the table: what makes its workloads, `None` where the contender has no such thing. How often the operation
/// fails is the script's, so one maker serves both columns of its kind.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// Name on the command line, in `cargo bench` and in the table.
    pub name: &'static str,
    /// A blocking retry.
    pub blocking: Option<fn() -> Work>,
    /// The same as a future.
    pub asynch: Option<fn() -> Work>,
    /// The same, with an operation that is an `async` block.
    pub block: Option<fn() -> Work>,
    /// A blocking retry with a deadline, on the real clock.
    pub deadline: Option<fn() -> Work>,
    /// A call through a closed breaker.
    pub breaker_closed: Option<fn() -> Work>,
    /// A call through an open breaker.
    pub breaker_open: Option<fn() -> Work>,
    /// The first call of the README, or what comes nearest.
    pub readme: Option<fn() -> Work>,
    /// Everything that a policy can have, and an observer.
    pub full: Option<fn() -> Work>,
    /// The same as a future.
    pub full_async: Option<fn() -> Work>,
    /// A blocking retry with an observer.
    pub observed: Option<fn() -> Work>,
}

impl Contender {
    /// A row without any workload, to be filled by struct update.
    const fn named(name: &'static str) -> Self {
        Self {
            name,
            blocking: None,
            asynch: None,
            block: None,
            deadline: None,
            breaker_closed: None,
            breaker_open: None,
            readme: None,
            full: None,
            full_async: None,
            observed: None,
        }
    }

    /// What makes a workload, where the contender has it.
    pub const fn work(&self, workload: Workload) -> Option<fn() -> Work> {
        match workload {
            Workload::FirstTry | Workload::ThreeFailures => self.blocking,
            Workload::AsyncFirstTry | Workload::AsyncThreeFailures => self.asynch,
            Workload::DeadlineFirstTry | Workload::DeadlineThreeFailures => self.deadline,
            Workload::BreakerClosed => self.breaker_closed,
            Workload::BreakerOpen => self.breaker_open,
            Workload::BlockFirstTry | Workload::BlockThreeFailures => self.block,
            Workload::ReadmeFirstTry => self.readme,
            Workload::FullFirstTry | Workload::FullThreeFailures => self.full,
            Workload::FullAsyncFirstTry | Workload::FullAsyncThreeFailures => self.full_async,
            Workload::ObservedFirstTry | Workload::ObservedThreeFailures => self.observed,
        }
    }
}

/// Every contender; the table has them in this order.
pub const CONTENDERS: &[Contender] = &[
    hand::BARE,
    hand::CONSTANTS,
    hand::SETTINGS,
    hand::SHARED,
    backon::BACKON,
    reliakit::RELIAKIT,
    mettle::METTLE,
    relentless::RELENTLESS,
    failsafe::FAILSAFE,
    recloser::RECLOSER,
    readme::BACKON,
    readme::METTLE,
    full::peers::METTLE_FAILSAFE,
    full::peers::EXECUTION_POLICY,
    full::peers::SEATBELT,
    full::peers::TOWER_RESILIENCE,
    ours::REDRESS,
    ours::RATES_OF_CALLS,
    ours::RATES,
    ours::RATES_OF_MEMORY,
    full::ours::PER_CALL,
    full::ours::SHARED_POLICY,
    observers::CLOSURE,
    observers::LOG_IDLE,
    observers::LOG_ACTIVE,
    observers::TRACING_IDLE,
    observers::TRACING_ACTIVE,
    observers::METRICS_IDLE,
    observers::METRICS_ACTIVE,
];

/// A workload whose call is a function of its own, as the place which calls a retry usually is: entering it, saving
/// registers and leaving it count. For the retry rows.
fn call_site(call: impl FnMut(&'static Script) -> u32 + 'static) -> Work {
    // Behind a vtable, so that it is neither inlined nor made to fit its only caller.
    let call: Box<dyn FnMut(&'static Script) -> u32> = Box::new(call);
    in_line(call)
}

/// A workload whose call is open to inlining into the loop, as a check around a call usually is. For the breaker rows.
fn in_line(mut call: impl FnMut(&'static Script) -> u32 + 'static) -> Work {
    Box::new(move |script, iterations| {
        let mut value = FAILED;
        for _ in 0..iterations {
            script.rewind();
            value = black_box(call(black_box(script)));
        }
        value
    })
}

/// Returns the CPU time that this process has spent.
pub fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}
