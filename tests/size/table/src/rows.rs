//! What is in the table.

/// The first one has the bars.
pub(crate) const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7em-none-eabi", "riscv32imc-unknown-none-elf"];

/// Who else does the task.
pub(crate) const CONTENDERS: [&str; 4] = ["by hand", "backon", "reliakit", "relentless"];

/// A row of flash.
pub(crate) struct Flash {
    pub(crate) what: &'static str,
    /// Image, and the image it is compared with.
    pub(crate) redress: &'static str,
    pub(crate) over: &'static str,
    /// Contender, its image, and what that is compared with.
    pub(crate) others: &'static [(&'static str, &'static str, &'static str)],
    /// Bytes of flash it may take on the first target.
    pub(crate) bar: Option<u64>,
}

const EMPTY: &str = "empty";

pub(crate) const FLASH: &[Flash] = &[
    Flash {
        what: "jitter formula alone",
        redress: "redress-jitter",
        over: EMPTY,
        others: &[("by hand", "hand-jitter", EMPTY)],
        bar: Some(240),
    },
    Flash {
        what: "machine alone, one strategy",
        redress: "redress-machine",
        over: EMPTY,
        others: &[("by hand", "hand-machine", EMPTY)],
        bar: None,
    },
    Flash {
        what: "blocking driver, backoff, attempt limit",
        redress: "redress-basic",
        over: EMPTY,
        others: &[
            ("by hand", "hand-basic", EMPTY),
            ("backon", "backon-basic", EMPTY),
            ("reliakit", "reliakit-basic", EMPTY),
            ("relentless", "relentless-basic", EMPTY),
        ],
        bar: Some(700),
    },
    Flash {
        what: "a second call site",
        redress: "redress-two-sites",
        over: "redress-basic",
        others: &[
            ("by hand", "hand-two-sites", "hand-basic"),
            ("backon", "backon-two-sites", "backon-basic"),
            ("reliakit", "reliakit-two-sites", "reliakit-basic"),
            ("relentless", "relentless-two-sites", "relentless-basic"),
        ],
        bar: Some(160),
    },
    Flash {
        what: "a third call site",
        redress: "redress-three-sites",
        over: "redress-two-sites",
        others: &[
            ("by hand", "hand-three-sites", "hand-two-sites"),
            ("backon", "backon-three-sites", "backon-two-sites"),
            ("reliakit", "reliakit-three-sites", "reliakit-two-sites"),
            ("relentless", "relentless-three-sites", "relentless-two-sites"),
        ],
        bar: Some(160),
    },
    Flash {
        what: "blocking driver, deadline and limits",
        redress: "redress-deadline",
        over: EMPTY,
        others: &[("by hand", "hand-deadline", EMPTY), ("relentless", "relentless-deadline", EMPTY)],
        bar: None,
    },
    Flash {
        what: "plus per-class table",
        redress: "redress-table",
        over: EMPTY,
        others: &[("by hand", "hand-table", EMPTY)],
        bar: None,
    },
    Flash {
        what: "plus breaker",
        redress: "redress-breaker",
        over: EMPTY,
        others: &[("by hand", "hand-breaker", EMPTY), ("reliakit", "reliakit-breaker", EMPTY)],
        bar: Some(1_500),
    },
    Flash { what: "plus budget", redress: "redress-budget", over: EMPTY, others: &[], bar: None },
    Flash { what: "plus timeline of 8", redress: "redress-timeline", over: EMPTY, others: &[], bar: None },
    Flash {
        what: "async driver with embassy, backoff, attempt limit",
        redress: "asynch-redress",
        over: "asynch-empty",
        others: &[("by hand", "asynch-hand", "asynch-empty"), ("backon", "asynch-backon", "asynch-empty")],
        bar: None,
    },
    Flash {
        what: "everything but the text classifiers",
        redress: "redress-everything",
        over: EMPTY,
        others: &[],
        bar: Some(4_096),
    },
    Flash {
        what: "text classifiers alone: names, HTTP dates, SQLSTATE",
        redress: "redress-text",
        over: EMPTY,
        others: &[],
        bar: None,
    },
];

/// A row of what was found out on a core, or by the compiler for it.
pub(crate) struct Measured {
    pub(crate) what: &'static str,
    pub(crate) target: &'static str,
    pub(crate) name: &'static str,
    pub(crate) hand: Option<&'static str>,
    pub(crate) bar: Option<u64>,
}

const M0: &str = "thumbv6m-none-eabi";
const M3: &str = "thumbv7m-none-eabi";

macro_rules! measured {
    ($($what:literal: $name:literal $(over $hand:literal)? on $target:ident, $bar:expr;)*) => {
        &[$(Measured { what: $what, target: $target, name: $name, hand: measured!(@ $($hand)?), bar: $bar },)*]
    };
    (@) => { None };
    (@ $hand:literal) => { Some($hand) };
}

pub(crate) const RUNS: &[Measured] = measured! {
    "RAM: a call, B": "run" on M0, Some(48);
    "RAM: a call of the bare machine, B": "attempts" on M0, Some(48);
    "RAM: breaker of 4, B": "breaker-of-4" on M0, Some(56);
    "RAM: rolling budget of 8, B": "rolling-budget-of-8" on M0, None;
    "RAM: token bucket, B": "token-bucket" on M0, None;
    "RAM: timeline of 8, B": "timeline-of-8" on M0, None;
    "RAM: future of a call over the operation's, B": "async-call" on M0, Some(96);
    "RAM: future of an execute over the operation's, B": "async-execute" on M0, Some(96);
    "flash: a further policy, B": "policy" on M0, None;
    "stack: one retry, backoff and attempt limit, B": "driver-stack" over "hand-stack" on M0, Some(256);
    "stack: one retry, deadline, limits, table and breaker, B": "full-driver-stack" over "hand-stack" on M0, Some(256);
    "instructions: first attempt succeeds": "driver-first-try" over "hand-first-try" on M0, None;
    "instructions: one decision": "driver-decision" over "hand-decision" on M0, None;
    "instructions: one decision of the bare machine": "machine-decision" over "hand-decision" on M0, None;
    "instructions: one decision, deadline, limits, table and breaker": "full-driver-decision" on M0, None;
    "instructions: first attempt succeeds": "driver-first-try" over "hand-first-try" on M3, None;
    "instructions: one decision": "driver-decision" over "hand-decision" on M3, None;
    "instructions: one decision of the bare machine": "machine-decision" over "hand-decision" on M3, None;
    "instructions: one decision, deadline, limits, table and breaker": "full-driver-decision" on M3, None;
};
