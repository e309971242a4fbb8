//! Rows and columns of the tables.

use std::collections::BTreeSet;

use Bar::{Held, Missed};
use Over::{Empty, Shape};

pub(crate) const M0: &str = "thumbv6m-none-eabi";
const M3: &str = "thumbv7m-none-eabi";
const M4: &str = "thumbv7em-none-eabi";
const RISCV: &str = "riscv32imc-unknown-none-elf";

/// The implementations of the tasks besides redress: names in images, headings of columns.
pub(crate) const CONTENDERS: [(&str, &str); 4] =
    [("hand", "by hand"), ("backon", "backon"), ("reliakit", "reliakit"), ("relentless", "relentless")];

/// What a number must not be above.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    None,
    /// The bar, which holds.
    Held(u64),
    /// The bar, which is known to be missed. Such a row may not grow either, and once it holds it is `Held`.
    Missed(u64),
}

/// The image that another is compared with: one without retries, or one of the same contender.
#[derive(Clone, Copy)]
pub(crate) enum Over {
    Empty(&'static str),
    Shape(&'static str),
}

/// A row of flash.
pub(crate) struct Flash {
    pub(crate) what: &'static str,
    /// The images are called `FAMILYCONTENDER-SHAPE`.
    family: &'static str,
    shape: &'static str,
    over: Over,
    /// The contenders that have the shape.
    others: &'static [&'static str],
    /// On the Cortex-M0, optimised for size, with fat LTO.
    pub(crate) bar: Bar,
    /// The same without LTO.
    pub(crate) bar_without_lto: Bar,
}

impl Flash {
    /// Returns the image of a contender and the image that it is compared with, if the contender has the shape.
    pub(crate) fn images(&self, contender: &str) -> Option<[String; 2]> {
        if contender != "redress" && !self.others.contains(&contender) {
            return None;
        }
        let image = |shape| format!("{}{contender}-{shape}", self.family);
        let over = match self.over {
            Empty(image) => image.to_owned(),
            Shape(shape) => image(shape),
        };
        Some([image(self.shape), over])
    }
}

/// Rows that belong together.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) rows: &'static [Flash],
}

const ALL: &[&str] = &["hand", "backon", "reliakit", "relentless"];
const HAND: &[&str] = &["hand"];
const NOBODY: &[&str] = &[];

/// Rows, each written `what: shape over what, contenders, bar`, and where there is one its bar without LTO.
macro_rules! rows {
    ($family:literal; $($what:literal: $shape:literal over $over:expr, $others:expr, $bar:expr $(, without LTO $no_lto:expr)?;)*) => {
        &[$(Flash {
            what: $what,
            family: $family,
            shape: $shape,
            over: $over,
            others: $others,
            bar: $bar,
            bar_without_lto: rows!(@ $($no_lto)?),
        },)*]
    };
    (@) => { Bar::None };
    (@ $bar:expr) => { $bar };
}

const EMPTY: Over = Empty("empty");

/// One policy, one task more in each row.
pub(crate) const TASKS: Group = Group {
    title: "one policy in a `static`",
    rows: rows! { "";
        "jitter formula alone": "jitter" over EMPTY, HAND, Held(100);
        "machine alone, one strategy": "machine" over EMPTY, HAND, Held(2_700);
        "blocking driver, backoff, attempt limit": "basic" over EMPTY, ALL, Held(400), without LTO Held(1_400);
        "a second call site": "two-sites" over Shape("basic"), ALL, Held(190);
        "a third call site": "three-sites" over Shape("two-sites"), ALL, Held(190);
        "blocking driver, deadline and limits": "deadline" over EMPTY, &["hand", "relentless"], Held(520);
        "plus per-class table": "table" over EMPTY, HAND, Held(640);
        "plus breaker": "breaker" over EMPTY, &["hand", "reliakit"], Missed(1_400), without LTO Held(2_800);
        "plus budget": "budget" over EMPTY, NOBODY, Missed(1_700), without LTO Missed(2_800);
        "plus timeline of 8": "timeline" over EMPTY, NOBODY, Held(2_700);
        "a connection kept up, over the blocking driver": "keeper" over Shape("basic"), NOBODY, Held(450);
        "everything but the text classifiers": "everything" over EMPTY, NOBODY, Missed(5_100);
        "text classifiers alone: names, HTTP dates, SQLSTATE": "text" over EMPTY, NOBODY, Held(8_560);
    },
};

/// Other shapes of policies and of what comes out.
pub(crate) const SHAPES: Group = Group {
    title: "other policies",
    rows: rows! { "";
        "default deadline and attempts, decorrelated jitter, 1 kHz tick": "default" over EMPTY, HAND, Bar::None;
        "the same on a 1 MHz tick": "default-on-microseconds" over EMPTY, HAND, Held(900);
        "the same with a token bucket: the README's first policy": "readme" over EMPTY, HAND, Bar::None;
        "two policies, a site each": "two-policies" over EMPTY, ALL, Held(900);
        "three policies, a site each": "three-policies" over EMPTY, ALL, Bar::None;
        "policy behind a pointer": "pointer" over EMPTY, ALL, Held(1_400);
        "attempts at run time": "runtime-attempts" over EMPTY, ALL, Bar::None;
        "backoff at run time": "runtime-backoff" over EMPTY, ALL, Held(3_000);
        "whole `RetryConfig` at run time": "runtime-config" over EMPTY, HAND, Missed(3_800);
        "`execute`: attempts, elapsed time, reason": "execute" over EMPTY, HAND, Bar::None;
    },
};

const ASYNC_EMPTY: Over = Empty("asynch-empty");
const THREE_EMPTY: Over = Empty("asynch-empty-three");

/// Calls in embassy.
pub(crate) const ASYNC: Group = Group {
    title: "async, with embassy",
    rows: rows! { "asynch-";
        "backoff, attempt limit": "basic" over ASYNC_EMPTY, ALL, Held(2_400);
        "a second call site": "two-sites" over Shape("basic"), ALL, Held(700);
        "a third call site": "three-sites" over Shape("two-sites"), ALL, Held(700);
        "three call sites": "three-sites" over THREE_EMPTY, ALL, Bar::None;
        "the same in loop form": "three-loops" over THREE_EMPTY, NOBODY, Bar::None;
        "one call over an enum of three": "three-requests" over THREE_EMPTY, ALL, Bar::None;
        "deadline, limits, table, breaker, budget": "full" over ASYNC_EMPTY, HAND, Missed(3_800);
        "a second call site of that": "full-two-sites" over Shape("full"), HAND, Held(900);
        "a third call site of that": "full-three-sites" over Shape("full-two-sites"), HAND, Held(900);
        "three call sites of that": "full-three-sites" over THREE_EMPTY, HAND, Bar::None;
        "that in loop form": "full-three-loops" over THREE_EMPTY, NOBODY, Bar::None;
        "that in one call over an enum of three": "full-three-requests" over THREE_EMPTY, HAND, Bar::None;
    },
};

/// Whole programs: a Raspberry Pi Pico that reads a BME280, or keeps up an `SHT4x`, over I2C with embassy-rp. They are not run.
pub(crate) const BOARD: Group = Group {
    title: "a sensor over I2C",
    rows: rows! { "rp2040-";
        "async readings, backoff, attempt limit, deadline": "sensor" over Empty("rp2040-empty"), HAND, Bar::None;
        "a station kept up, recovery, errors of a driver around those of the bus": "kept" over Empty("rp2040-empty-kept"), HAND, Bar::None;
    },
};

/// Images that log with defmt, over one that logs a number.
pub(crate) const LOGGED: Group = Group {
    title: "a policy of all parts in a log",
    rows: rows! { "logged-";
        "by defmt's `{}`": "policy" over Empty("logged-empty"), NOBODY, Bar::None;
        "by `core::fmt`, as `Debug`": "debug" over Empty("logged-empty"), NOBODY, Bar::None;
    },
};

/// How images are built, and which rows are measured on them.
pub(crate) struct Build {
    pub(crate) title: &'static str,
    pub(crate) package: &'static str,
    pub(crate) target: &'static str,
    pub(crate) profile: &'static str,
    pub(crate) groups: &'static [Group],
    /// Only rows with a bar without LTO.
    pub(crate) is_without_lto: bool,
}

impl Build {
    /// Returns the bar of a row in this build.
    pub(crate) fn bar(&self, row: &Flash) -> Bar {
        match (self.target, self.profile) {
            (M0, "release") => row.bar,
            (M0, "no-lto") => row.bar_without_lto,
            _ => Bar::None,
        }
    }

    /// Returns the rows of a group that are measured.
    pub(crate) fn rows(&self, group: &Group) -> impl Iterator<Item = &'static Flash> {
        let only_without_lto = self.is_without_lto;
        group.rows.iter().filter(move |row| !only_without_lto || !matches!(row.bar_without_lto, Bar::None))
    }

    /// Returns the names of the images, in order.
    pub(crate) fn images(&self) -> BTreeSet<String> {
        let contenders = || std::iter::once("redress").chain(CONTENDERS.map(|(name, _)| name));
        let rows = self.groups.iter().flat_map(|group| self.rows(group));
        rows.flat_map(|row| contenders().filter_map(|contender| row.images(contender))).flatten().collect()
    }
}

const EVERY: &[Group] = &[TASKS, SHAPES, ASYNC];

/// What `.ci/run size` measures.
pub(crate) const SIZE: &[Build] = &[
    Build { title: M0, package: "images", target: M0, profile: "release", groups: EVERY, is_without_lto: false },
    Build {
        title: "thumbv6m-none-eabi without LTO",
        package: "images",
        target: M0,
        profile: "no-lto",
        groups: &[TASKS],
        is_without_lto: true,
    },
    Build {
        title: "a Raspberry Pi Pico",
        package: "rp2040",
        target: M0,
        profile: "release",
        groups: &[BOARD],
        is_without_lto: false,
    },
    Build { title: M0, package: "logged", target: M0, profile: "release", groups: &[LOGGED], is_without_lto: false },
    Build { title: M4, package: "images", target: M4, profile: "release", groups: &[TASKS], is_without_lto: false },
    Build {
        title: RISCV,
        package: "images",
        target: RISCV,
        profile: "release",
        groups: &[TASKS],
        is_without_lto: false,
    },
];

/// What `.ci/run matrix` measures.
pub(crate) const MATRIX: &[Build] = &[
    build("opt-level s, fat LTO", M0, "release"),
    build("opt-level z, fat LTO", M0, "z"),
    build("opt-level s, no LTO", M0, "no-lto"),
    build("opt-level z, no LTO", M0, "z-no-lto"),
    build("cargo's default release", M0, "default"),
    build("dev with opt-level s", M0, "dev-s"),
    build("opt-level s, fat LTO", M4, "release"),
    build("opt-level s, fat LTO", RISCV, "release"),
];

const fn build(title: &'static str, target: &'static str, profile: &'static str) -> Build {
    Build { title, package: "images", target, profile, groups: EVERY, is_without_lto: false }
}

/// A row that is measured on a core, or by the compiler for it.
pub(crate) struct Measured {
    pub(crate) what: &'static str,
    pub(crate) target: &'static str,
    pub(crate) name: &'static str,
    pub(crate) hand: Option<&'static str>,
    pub(crate) bar: Bar,
}

macro_rules! measured {
    ($($what:literal: $name:literal $(over $hand:literal)? on $target:ident, $bar:expr;)*) => {
        &[$(Measured { what: $what, target: $target, name: $name, hand: measured!(@ $($hand)?), bar: $bar },)*]
    };
    (@) => { None };
    (@ $hand:literal) => { Some($hand) };
}

pub(crate) const RUNS: &[Measured] = measured! {
    "RAM: a call, B": "run" on M0, Held(52);
    "RAM: a connection that is kept up, B": "keeper" on M0, Held(76);
    "RAM: a call of the bare machine, B": "attempts" on M0, Held(56);
    "RAM: breaker of 4, B": "breaker-of-4" on M0, Held(56);
    "RAM: rate breaker of 10 buckets, B": "rate-breaker-of-10" on M0, Held(120);
    "RAM: rolling budget of 8, B": "rolling-budget-of-8" on M0, Held(68);
    "RAM: token bucket, B": "token-bucket" on M0, Held(36);
    "RAM: timeline of 8, B": "timeline-of-8" on M0, Held(172);
    "RAM: future of a call over the operation's, B": "async-call" on M0, Held(96);
    "RAM: future of an execute over the operation's, B": "async-execute" on M0, Held(96);
    "flash: a further policy, B": "policy" on M0, Held(124);
    "clock readings: three retries, backoff and attempt limit": "limited-readings" on M0, Held(0);
    "clock readings: success, breaker": "breaker-success-readings" on M0, Held(0);
    "clock readings: success, deadline, breaker, token bucket": "full-success-readings" on M0, Held(1);
    "clock readings: three retries, deadline, breaker, token bucket": "full-readings" on M0, Held(7);
    "clock readings: the same, with an observer of times": "full-observed-readings" on M0, Held(8);
    "clock readings: three retries, deadline, breaker, rolling budget": "rolling-readings" on M0, Held(7);
    "clock readings: rejected by an open circuit": "rejected-readings" on M0, Held(1);
    "lock sections: three retries, backoff and attempt limit": "limited-sections" on M0, Held(0);
    "lock sections: success, breaker": "breaker-success-sections" on M0, Held(0);
    "lock sections: success, deadline, breaker, token bucket that is full": "full-success-sections" on M0, Held(0);
    "lock sections: three retries, deadline, breaker, token bucket": "full-sections" on M0, Held(4);
    "lock sections: three retries, deadline, breaker, rolling budget": "rolling-sections" on M0, Held(3);
    "lock sections: a failure that opens the circuit": "opens-sections" on M0, Held(1);
    "lock sections: rejected by an open circuit": "rejected-sections" on M0, Held(1);
    "stack: one retry, backoff and attempt limit, B": "driver-stack" over "hand-stack" on M0, Missed(160);
    "stack: one retry, deadline, limits, table and breaker, B": "full-driver-stack" over "hand-stack" on M0, Missed(160);
    "instructions: first attempt succeeds": "driver-first-try" over "hand-first-try" on M0, Held(80);
    "instructions: one decision": "driver-decision" over "hand-decision" on M0, Held(190);
    "instructions: one decision of the bare machine": "machine-decision" over "hand-decision" on M0, Held(340);
    "instructions: one decision, deadline, limits, table and breaker": "full-driver-decision" on M0, Held(250);
    "instructions: first attempt succeeds": "driver-first-try" over "hand-first-try" on M3, Held(56);
    "instructions: one decision": "driver-decision" over "hand-decision" on M3, Held(122);
    "instructions: one decision of the bare machine": "machine-decision" over "hand-decision" on M3, Held(235);
    "instructions: one decision, deadline, limits, table and breaker": "full-driver-decision" on M3, Held(170);
};
