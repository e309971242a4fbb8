//! Rows and columns of the table.

/// Bars of flash are for the first one.
pub(crate) const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7em-none-eabi", "riscv32imc-unknown-none-elf"];

/// The other implementations of the task.
pub(crate) const CONTENDERS: [&str; 4] = ["by hand", "backon", "reliakit", "relentless"];

/// A row of flash.
pub(crate) struct Flash {
    pub(crate) what: &'static str,
    /// The image, and the image that it is compared with.
    pub(crate) redress: &'static str,
    pub(crate) over: &'static str,
    /// Contenders, each with its image and the image that it is compared with.
    pub(crate) others: &'static [(&'static str, &'static str, &'static str)],
    /// The most bytes of flash on the first target.
    pub(crate) bar: u64,
}

const EMPTY: &str = "empty";

pub(crate) const FLASH: &[Flash] = &[
    Flash {
        what: "jitter formula alone",
        redress: "redress-jitter",
        over: EMPTY,
        others: &[("by hand", "hand-jitter", EMPTY)],
        bar: 100,
    },
    Flash {
        what: "machine alone, one strategy",
        redress: "redress-machine",
        over: EMPTY,
        others: &[("by hand", "hand-machine", EMPTY)],
        bar: 2_600,
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
        bar: 400,
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
        bar: 190,
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
        bar: 190,
    },
    Flash {
        what: "blocking driver, deadline and limits",
        redress: "redress-deadline",
        over: EMPTY,
        others: &[("by hand", "hand-deadline", EMPTY), ("relentless", "relentless-deadline", EMPTY)],
        bar: 520,
    },
    Flash {
        what: "plus per-class table",
        redress: "redress-table",
        over: EMPTY,
        others: &[("by hand", "hand-table", EMPTY)],
        bar: 640,
    },
    Flash {
        what: "plus breaker",
        redress: "redress-breaker",
        over: EMPTY,
        others: &[("by hand", "hand-breaker", EMPTY), ("reliakit", "reliakit-breaker", EMPTY)],
        bar: 1_520,
    },
    Flash { what: "plus budget", redress: "redress-budget", over: EMPTY, others: &[], bar: 1_860 },
    Flash { what: "plus timeline of 8", redress: "redress-timeline", over: EMPTY, others: &[], bar: 2_400 },
    Flash {
        what: "async driver with embassy, backoff, attempt limit",
        redress: "asynch-redress",
        over: "asynch-empty",
        others: &[("by hand", "asynch-hand", "asynch-empty"), ("backon", "asynch-backon", "asynch-empty")],
        bar: 2_400,
    },
    Flash {
        what: "everything but the text classifiers",
        redress: "redress-everything",
        over: EMPTY,
        others: &[],
        bar: 5_480,
    },
    Flash {
        what: "text classifiers alone: names, HTTP dates, SQLSTATE",
        redress: "redress-text",
        over: EMPTY,
        others: &[],
        bar: 8_560,
    },
];

/// A row that is measured on a core, or by the compiler for it.
pub(crate) struct Measured {
    pub(crate) what: &'static str,
    pub(crate) target: &'static str,
    pub(crate) name: &'static str,
    pub(crate) hand: Option<&'static str>,
    pub(crate) bar: u64,
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
    "RAM: a call, B": "run" on M0, 52;
    "RAM: a call of the bare machine, B": "attempts" on M0, 56;
    "RAM: breaker of 4, B": "breaker-of-4" on M0, 56;
    "RAM: rolling budget of 8, B": "rolling-budget-of-8" on M0, 68;
    "RAM: token bucket, B": "token-bucket" on M0, 36;
    "RAM: timeline of 8, B": "timeline-of-8" on M0, 172;
    "RAM: future of a call over the operation's, B": "async-call" on M0, 96;
    "RAM: future of an execute over the operation's, B": "async-execute" on M0, 96;
    "flash: a further policy, B": "policy" on M0, 124;
    "stack: one retry, backoff and attempt limit, B": "driver-stack" over "hand-stack" on M0, 200;
    "stack: one retry, deadline, limits, table and breaker, B": "full-driver-stack" over "hand-stack" on M0, 200;
    "instructions: first attempt succeeds": "driver-first-try" over "hand-first-try" on M0, 80;
    "instructions: one decision": "driver-decision" over "hand-decision" on M0, 190;
    "instructions: one decision of the bare machine": "machine-decision" over "hand-decision" on M0, 320;
    "instructions: one decision, deadline, limits, table and breaker": "full-driver-decision" on M0, 250;
    "instructions: first attempt succeeds": "driver-first-try" over "hand-first-try" on M3, 56;
    "instructions: one decision": "driver-decision" over "hand-decision" on M3, 122;
    "instructions: one decision of the bare machine": "machine-decision" over "hand-decision" on M3, 228;
    "instructions: one decision, deadline, limits, table and breaker": "full-driver-decision" on M3, 170;
};
