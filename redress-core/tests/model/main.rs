//! Every short sequence of outcomes, under policies in which everything happens soon, against a model.
//!
//! The model is written from the rules (the order of checks, what a breaker learns, what a budget gives) in the most
//! naive way: lists of everything that ever happened, looked through from the beginning each time. It shares no code
//! with the crate and knows nothing of words, slots and ticks.

mod naive;
mod real;

use std::{fmt, io::Write, time::Instant as WallClock};

use real::Through;
use redress_core::{
    BreakerState, Cause,
    ErrorClass::{self, Auth, Concurrency, Permanent, RateLimit, ServerError, Transient, Unknown},
    Millis, Retry, SleepDecision, StopReason,
};

/// Passes before each call, also after one that was rejected, so that an open circuit is found half-open in the end.
const GAP: u64 = 2;

/// The random numbers, over and over: nothing, a half, three quarters. All spans are chosen so that the delays which
/// come of them are whole.
const DRAWS: [(u64, u32); 3] = [(0, 0), (2, 1 << 31), (3, 3 << 30)];

/// What an attempt does, and what happens around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Succeed,
    /// Succeeds while the abort condition begins to hold.
    SucceedAborted,
    Fail(ErrorClass),
    /// Fails, and the other side says when to come back.
    Hint(ErrorClass, u64),
    /// Returns a value that is a failure.
    Value(ErrorClass),
    /// Asks to abort.
    Abort,
    /// Fails, and the abort condition begins to hold meanwhile.
    FailAborted(ErrorClass),
    /// Fails, and the abort condition begins to hold during the wait.
    AbortedWait(ErrorClass),
    /// Fails, and the wait lasts so much too long.
    Oversleep(ErrorClass, u64),
    /// Fails, and the sleep handler answers this.
    Answer(ErrorClass, SleepDecision),
}

/// A deed and how long it takes.
type Symbol = (Deed, u64);

#[derive(Clone, Copy)]
enum Delay {
    Fixed(&'static [Millis]),
    Exponential(u64, u64),
    Equal(u64, u64),
    Decorrelated(u64, u64),
    /// A hint as it is plus jitter, or the other.
    HintOr(&'static Delay, u64),
    /// A hint plus jitter where it is above the other.
    HintAbove(&'static Delay, u64),
}

#[derive(Clone, Copy)]
enum BudgetRules {
    /// So many in any window.
    Rolling(usize, u64),
    /// Tokens, and thousandths of one back per success.
    Bucket(u64, u64),
    /// Percent of the calls of a window in five parts, and thousandths of a retry without a call.
    Ratio(u64, u64, u64),
}

#[derive(Clone, Copy)]
struct BreakerRules {
    threshold: usize,
    window: u64,
    recovery: u64,
    trip_on: &'static [ErrorClass],
    own: &'static [(ErrorClass, usize)],
    probes: usize,
}

#[derive(Clone, Copy)]
struct Rules {
    name: &'static str,
    max_attempts: Option<u32>,
    deadline: Option<u64>,
    max_unknown: Option<usize>,
    /// The cap on hints; `None` for the default.
    cap: Option<u64>,
    limits: &'static [(ErrorClass, usize)],
    default: Option<Delay>,
    own: &'static [(ErrorClass, Delay)],
    budget: Option<BudgetRules>,
    breaker: Option<BreakerRules>,
}

const NOTHING: Rules = Rules {
    name: "",
    max_attempts: Some(3),
    deadline: None,
    max_unknown: None,
    cap: None,
    limits: &[],
    default: Some(Delay::Exponential(2, 4)),
    own: &[],
    budget: None,
    breaker: None,
};

const BREAKER: BreakerRules =
    BreakerRules { threshold: 2, window: 14, recovery: 5, trip_on: &[Transient, ServerError], own: &[], probes: 1 };

const POLICIES: &[Rules] = &[
    Rules { name: "plain", max_unknown: Some(1), limits: &[(RateLimit, 1), (Transient, 2)], ..NOTHING },
    Rules { name: "plain with jitter", max_attempts: None, default: Some(Delay::Equal(8, 32)), ..NOTHING },
    Rules {
        name: "deadline",
        max_attempts: Some(4),
        deadline: Some(9),
        max_unknown: Some(2),
        default: Some(Delay::Fixed(&[Millis::new(0), Millis::new(4), Millis::new(2)])),
        ..NOTHING
    },
    Rules {
        name: "each class its own",
        max_attempts: Some(5),
        deadline: Some(40),
        max_unknown: Some(0),
        limits: &[(ServerError, 0), (Auth, 3)],
        default: None,
        own: &[
            (Transient, Delay::Decorrelated(4, 24)),
            (RateLimit, Delay::HintOr(&Delay::Decorrelated(8, 16), 4)),
            (ServerError, Delay::Exponential(1, 2)),
            (Unknown, Delay::Exponential(1, 2)),
        ],
        ..NOTHING
    },
    Rules {
        name: "rolling budget",
        max_attempts: Some(4),
        deadline: Some(60),
        default: Some(Delay::HintOr(&Delay::Fixed(&[Millis::new(3)]), 0)),
        budget: Some(BudgetRules::Rolling(2, 8)),
        ..NOTHING
    },
    Rules {
        name: "hints above a backoff that grows",
        max_attempts: Some(5),
        deadline: Some(17),
        default: Some(Delay::HintAbove(&Delay::Exponential(2, 64), 8)),
        own: &[(RateLimit, Delay::HintAbove(&Delay::Decorrelated(2, 24), 3))],
        ..NOTHING
    },
    Rules {
        name: "hints beyond the cap",
        cap: Some(3),
        default: Some(Delay::HintAbove(&Delay::Exponential(8, 64), 0)),
        own: &[(RateLimit, Delay::HintAbove(&Delay::Exponential(8, 64), 0)), (Transient, Delay::Equal(8, 32))],
        ..NOTHING
    },
    Rules { name: "bucket", budget: Some(BudgetRules::Bucket(2, 500)), ..NOTHING },
    Rules { name: "ratio", max_attempts: Some(4), budget: Some(BudgetRules::Ratio(40, 25, 0)), ..NOTHING },
    Rules {
        name: "ratio with a minimum",
        deadline: Some(60),
        budget: Some(BudgetRules::Ratio(50, 10, 1_000)),
        breaker: Some(BREAKER),
        ..NOTHING
    },
    Rules { name: "breaker", max_attempts: Some(2), breaker: Some(BREAKER), ..NOTHING },
    Rules {
        name: "breaker with a long memory",
        max_attempts: Some(1),
        breaker: Some(BreakerRules { threshold: 3, window: 600_000, recovery: 1, ..BREAKER }),
        ..NOTHING
    },
    Rules {
        name: "breaker, classes apart",
        max_attempts: Some(1),
        breaker: Some(BreakerRules {
            threshold: 3,
            trip_on: &[Transient, RateLimit, Permanent],
            own: &[(ServerError, 1), (RateLimit, 2), (Auth, 2)],
            probes: 2,
            ..BREAKER
        }),
        ..NOTHING
    },
    Rules {
        name: "everything",
        max_attempts: Some(3),
        deadline: Some(12),
        max_unknown: Some(1),
        cap: None,
        limits: &[(RateLimit, 1)],
        default: Some(Delay::Decorrelated(2, 6)),
        own: &[(RateLimit, Delay::HintOr(&Delay::Fixed(&[Millis::new(1)]), 4))],
        budget: Some(BudgetRules::Rolling(2, 11)),
        breaker: Some(BreakerRules { own: &[(Unknown, 2)], ..BREAKER }),
    },
];

/// What a call told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    reason: Option<StopReason>,
    attempts: u32,
    last: Option<(ErrorClass, Cause)>,
    last_attempt: Option<u32>,
    next_delay: Option<u64>,
    elapsed: u64,
    sleeps: Vec<u64>,
    draws: usize,
    breaker: Option<BreakerState>,
    budget: Option<u64>,
}

/// Symbols and how many of them in a row.
struct Sweep {
    name: &'static str,
    deeds: &'static [Deed],
    spans: &'static [u64],
    depth: u32,
    /// Whether hooks decide something.
    special: bool,
}

const SWEEPS: [Sweep; 4] = [
    Sweep {
        name: "everything that can happen",
        deeds: &[
            Deed::Succeed,
            Deed::SucceedAborted,
            Deed::Fail(Transient),
            Deed::Fail(Unknown),
            Deed::Fail(Concurrency),
            Deed::Hint(RateLimit, 4),
            Deed::Value(ServerError),
            Deed::Abort,
            Deed::FailAborted(Transient),
            Deed::AbortedWait(ServerError),
            Deed::Oversleep(Transient, 30),
            Deed::Answer(Transient, SleepDecision::Defer),
            Deed::Answer(RateLimit, SleepDecision::Abort),
        ],
        spans: &[0, 3],
        depth: 3,
        special: true,
    },
    Sweep {
        name: "classes",
        deeds: &[
            Deed::Succeed,
            Deed::Fail(Transient),
            Deed::Fail(ServerError),
            Deed::Fail(Auth),
            Deed::Fail(Unknown),
            Deed::Hint(RateLimit, 4),
        ],
        spans: &[0, 5],
        depth: 4,
        special: false,
    },
    Sweep { name: "time", deeds: &[Deed::Succeed, Deed::Fail(Transient)], spans: &[0, 2, 7], depth: 6, special: false },
    Sweep {
        name: "histories",
        deeds: &[Deed::Succeed, Deed::Fail(ServerError), Deed::Abort],
        spans: &[1],
        depth: 9,
        special: false,
    },
];

/// A sequence in which crate and model differ.
struct Disagreement<'a> {
    rules: &'a Rules,
    through: Through,
    symbols: &'a [Symbol],
    expected: &'a [Told],
    actual: &'a [Told],
}

impl fmt::Display for Disagreement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.expected.iter().zip(self.actual).take_while(|(expected, actual)| expected == actual).count();
        writeln!(f, "policy {:?}, through {:?}, {:?}: call {at}", self.rules.name, self.through, self.symbols)?;
        writeln!(f, "  model: {:?}", self.expected.get(at))?;
        write!(f, "  crate: {:?}", self.actual.get(at))
    }
}

fn compare(rules: &Rules, retry: &Retry<'_>, symbols: &[Symbol], hooked: bool) -> usize {
    let told = naive::calls(rules, symbols);
    for through in Through::ALL {
        let mut expected = told.clone();
        for told in &mut expected {
            through.mute(told);
        }
        let actual = real::calls(rules, retry, symbols, through, hooked);
        assert!(
            expected == actual,
            "{}",
            Disagreement { rules, through, symbols, expected: &expected, actual: &actual }
        );
    }
    told.len()
}

/// The sequence with this number, in the base of the alphabet.
fn sequence(alphabet: &[Symbol], depth: u32, mut number: usize) -> Vec<Symbol> {
    let mut next = || {
        let symbol = alphabet[number % alphabet.len()];
        number /= alphabet.len();
        symbol
    };
    (0..depth).map(|_| next()).collect()
}

fn sweep(sweep: &Sweep) {
    let begun = WallClock::now();
    let alphabet: Vec<Symbol> =
        sweep.deeds.iter().flat_map(|deed| sweep.spans.iter().map(move |span| (*deed, *span))).collect();
    let sequences = alphabet.len().pow(sweep.depth);
    let mut calls = 0;
    for rules in POLICIES {
        let retry = real::retry(rules);
        for number in 0..sequences {
            let symbols = sequence(&alphabet, sweep.depth, number);
            calls += compare(rules, &retry, &symbols, sweep.special);
        }
    }
    // Past the harness, which would keep it to itself when the test passes.
    writeln!(
        std::io::stdout().lock(),
        "model, {}: all {sequences} sequences of {} out of {} symbols, {} policies: {calls} calls, each through \
         {} forms, as the model says ({:.1} s)",
        sweep.name,
        sweep.depth,
        alphabet.len(),
        POLICIES.len(),
        Through::ALL.len(),
        begun.elapsed().as_secs_f32(),
    )
    .expect("an open standard output");
}

#[test]
fn everything_that_can_happen() {
    sweep(&SWEEPS[0]);
}

#[test]
fn classes() {
    sweep(&SWEEPS[1]);
}

#[test]
fn time() {
    sweep(&SWEEPS[2]);
}

#[test]
fn histories() {
    sweep(&SWEEPS[3]);
}

/// Each reason to stop comes up, so that no rule is left out of the comparison.
#[test]
fn every_rule_is_reached() {
    let mut reached = Vec::new();
    for sweep in &SWEEPS {
        let alphabet: Vec<Symbol> = sweep.deeds.iter().map(|deed| (*deed, 3)).collect();
        for rules in POLICIES {
            for number in 0..alphabet.len().pow(3) {
                reached.extend(naive::calls(rules, &sequence(&alphabet, 3, number)).iter().map(|told| told.reason));
            }
        }
    }
    for reason in [
        None,
        Some(StopReason::MaxAttemptsGlobal),
        Some(StopReason::MaxAttemptsPerClass),
        Some(StopReason::NonRetryableClass),
        Some(StopReason::MaxUnknownAttempts),
        Some(StopReason::DeadlineExceeded),
        Some(StopReason::NoStrategy),
        Some(StopReason::BudgetExhausted),
        Some(StopReason::Scheduled),
        Some(StopReason::Aborted),
        Some(StopReason::CircuitOpen),
        Some(StopReason::RetryAfterTooLong),
    ] {
        assert!(reached.contains(&reason), "{reason:?} never comes up");
    }
}
