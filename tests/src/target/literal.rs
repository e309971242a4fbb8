//! A table as Rust source.

use std::{collections::BTreeMap, fmt::Write};

use redress_core::{AttemptDecision, BreakerState, Cause, ErrorClass, EventKind, Millis, SleepDecision, StopReason};
use redress_target::{
    Answered, AttemptSpec, BackoffSpec, BreakerSpec, BudgetOp, BudgetSpec, BudgetVector, CallSpec, DelayRow,
    DelayVector, EndItem, EventItem, FinishItem, FormulaSpec, Item, PolicySpec, Table, Vector,
};

/// Returns the source of a module with `static TABLE`.
pub fn source(table: &Table) -> String {
    let mut source = String::from(
        "// Written by `cargo run -p redress-tests --bin tables`.\nuse redress_core::*;\nuse redress_target::*;\n",
    );
    let Table { vectors, delays, budgets } = table;
    let mut numbers = BTreeMap::new();
    let mut items = Vec::new();
    for item in vectors.iter().flat_map(|vector| vector.expected) {
        numbers.entry(item.literal()).or_insert_with(|| {
            items.push(**item);
            items.len() - 1
        });
    }
    list(&mut source, "ITEMS", "Item", &items);
    let vectors: Vec<_> = vectors.iter().map(|vector| Numbered { vector, numbers: &numbers }).collect();
    list(&mut source, "VECTORS", "Vector", &vectors);
    list(&mut source, "DELAYS", "DelayVector", delays);
    list(&mut source, "BUDGETS", "BudgetVector", budgets);
    source.push_str(
        "pub(crate) static TABLE: Table = Table { vectors: &VECTORS, delays: &DELAYS, budgets: &BUDGETS };\n",
    );
    source
}

fn list<T: Literal>(source: &mut String, name: &str, kind: &str, items: &[T]) {
    let _ = writeln!(source, "static {name}: [{kind}; {}] = [", items.len());
    for item in items {
        source.push_str(&item.literal());
        source.push_str(",\n");
    }
    source.push_str("];\n");
}

/// A vector whose expected items are written as numbers into the list of all.
struct Numbered<'a> {
    vector: &'a Vector,
    numbers: &'a BTreeMap<String, usize>,
}

impl Literal for Numbered<'_> {
    fn literal(&self) -> String {
        let Vector { id, policy, draws, calls, expected } = self.vector;
        let expected: Vec<_> =
            expected.iter().map(|item| format!("&ITEMS[{}]", self.numbers[&item.literal()])).collect();
        format!(
            "Vector {{ id: {}, policy: {}, draws: {}, calls: {}, expected: &[{}] }}",
            id.literal(),
            policy.literal(),
            draws.literal(),
            calls.literal(),
            expected.join(", ")
        )
    }
}

/// A value that can be written as Rust source.
trait Literal {
    fn literal(&self) -> String;
}

macro_rules! plain {
    ($($kind:ty),*) => {$(impl Literal for $kind {
        fn literal(&self) -> String {
            format!("{self:?}")
        }
    })*};
}

plain!(u8, u16, u32, u64, bool, &str);

macro_rules! enums {
    ($($kind:ident),*) => {$(impl Literal for $kind {
        fn literal(&self) -> String {
            format!(concat!(stringify!($kind), "::{:?}"), self)
        }
    })*};
}

enums!(AttemptDecision, BreakerState, Cause, ErrorClass, EventKind, SleepDecision, StopReason, Answered);

macro_rules! structs {
    ($($kind:ident { $($field:ident),* })*) => {$(impl Literal for $kind {
        fn literal(&self) -> String {
            let fields = [$(format!("{}: {}", stringify!($field), self.$field.literal())),*];
            format!("{} {{ {} }}", stringify!($kind), fields.join(", "))
        }
    })*};
}

structs! {
    PolicySpec {
        max_attempts, deadline, attempt_timeout, max_unknown, retry_after_cap, limits, backoff, class_backoffs, budget,
        breaker
    }
    BackoffSpec { formula, retry_after }
    BreakerSpec { failure_threshold, window, recovery_timeout, probes, trip_on, class_thresholds }
    CallSpec { operation, gap, attempts, abort_at, answers, oversleep }
    AttemptSpec { took, result, class, retry_after }
    EventItem { kind, attempt, elapsed, delay, class, stop_reason, cause, state, retry_after }
    EndItem { attempt, elapsed, decision, class, stop_reason, cause, delay }
    FinishItem {
        stop_reason, attempts, last_class, cause, last_failure_attempt, next_delay, elapsed, draws, state, remaining
    }
    DelayVector { id, backoff, rows }
    DelayRow { attempt, previous, draw, retry_after, delay, draws }
    BudgetVector { id, budget, ops }
    BudgetOp { at, consumed, remaining }
}

impl<T: Literal> Literal for Option<T> {
    fn literal(&self) -> String {
        self.as_ref().map_or_else(|| "None".to_owned(), |value| format!("Some({})", value.literal()))
    }
}

impl<T: Literal> Literal for &'static [T] {
    fn literal(&self) -> String {
        let items: Vec<_> = self.iter().map(Literal::literal).collect();
        format!("&[{}]", items.join(", "))
    }
}

impl<A: Literal, B: Literal> Literal for (A, B) {
    fn literal(&self) -> String {
        format!("({}, {})", self.0.literal(), self.1.literal())
    }
}

impl Literal for Millis {
    fn literal(&self) -> String {
        format!("Millis::new({})", self.get())
    }
}

impl Literal for FormulaSpec {
    fn literal(&self) -> String {
        let name = match self {
            Self::None => return "FormulaSpec::None".to_owned(),
            Self::Custom => return "FormulaSpec::Custom".to_owned(),
            Self::Constant(delay) => return format!("FormulaSpec::Constant({})", delay.literal()),
            Self::Fixed(delays) => return format!("FormulaSpec::Fixed({})", delays.literal()),
            Self::Exponential(base, max) => ("Exponential", base, max),
            Self::FullJitter(base, max) => ("FullJitter", base, max),
            Self::EqualJitter(base, max) => ("EqualJitter", base, max),
            Self::DecorrelatedJitter(base, max) => ("DecorrelatedJitter", base, max),
            Self::TokenBackoff(base, max) => ("TokenBackoff", base, max),
        };
        format!("FormulaSpec::{}({}, {})", name.0, name.1.literal(), name.2.literal())
    }
}

impl Literal for BudgetSpec {
    fn literal(&self) -> String {
        match self {
            Self::Rolling { max_retries, window } => {
                format!("BudgetSpec::Rolling {{ max_retries: {max_retries}, window: {} }}", window.literal())
            }
            Self::Bucket { capacity, per_success, per_second } => format!(
                "BudgetSpec::Bucket {{ capacity: {capacity}, per_success: {per_success}, per_second: {per_second} }}"
            ),
        }
    }
}

impl Literal for Item {
    fn literal(&self) -> String {
        match self {
            Self::Start(at) => format!("Item::Start({})", at.literal()),
            Self::Sleep(span) => format!("Item::Sleep({})", span.literal()),
            Self::Event(event) => format!("Item::Event({})", event.literal()),
            Self::End(end) => format!("Item::End({})", end.literal()),
            Self::Finish(finish) => format!("Item::Finish({})", finish.literal()),
            Self::Wrong(what) => format!("Item::Wrong({what:?})"),
        }
    }
}
