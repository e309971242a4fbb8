//! The comparison with the table.

use core::{cell::Cell, fmt};

use redress_core::{BudgetView, Classification, Clock, ErrorClass, Instant, Millis};

use crate::{BudgetOp, BudgetVector, DelayRow, DelayVector, Form, Item, Vector, play};

/// Everything that a target has to decide as the host does.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Whole calls.
    pub vectors: &'static [Vector],
    /// Delays of formulas.
    pub delays: &'static [DelayVector],
    /// Budgets by themselves.
    pub budgets: &'static [BudgetVector],
}

/// An expectation to be changed before it is compared: that of this number, counted over all comparisons. Proves that a
/// difference would be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plant(pub usize);

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// An item of a call.
    Item(Item),
    /// A delay, and how many random numbers it took.
    Delay(Millis, u8),
    /// Whether the budget allowed a withdrawal, where one was tried, and what is left.
    Budget(Option<bool>, u16),
}

impl Value {
    /// Returns a value that differs in one number.
    fn changed(self) -> Self {
        let more = |span: Millis| Millis::new(span.get() ^ 1);
        match self {
            Self::Item(Item::Start(at)) => Self::Item(Item::Start(more(at))),
            Self::Item(Item::Sleep(span)) => Self::Item(Item::Sleep(more(span))),
            Self::Item(Item::Event(mut event)) => {
                event.delay = more(event.delay);
                Self::Item(Item::Event(event))
            }
            Self::Item(Item::End(mut end)) => {
                end.elapsed = more(end.elapsed);
                Self::Item(Item::End(end))
            }
            Self::Item(Item::Finish(mut finish)) => {
                finish.attempts ^= 1;
                Self::Item(Item::Finish(finish))
            }
            Self::Item(Item::Wrong(_)) => Self::Item(Item::Start(Millis::ZERO)),
            Self::Delay(delay, draws) => Self::Delay(more(delay), draws),
            Self::Budget(consumed, remaining) => Self::Budget(consumed, remaining ^ 1),
        }
    }
}

/// A place where something else happened than the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    id: &'static str,
    form: &'static str,
    call: usize,
    place: usize,
    expected: Option<Value>,
    actual: Option<Value>,
}

impl Difference {
    /// Returns the vector's name.
    pub const fn id(&self) -> &'static str {
        self.id
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, form, call, place, expected, actual } = self;
        write!(f, "{id}, {form}, call {call}, item {place}: expected ")?;
        for (i, value) in [expected, actual].into_iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", got " })?;
            match value {
                Some(Value::Item(item)) => write!(f, "{item:?}")?,
                Some(value) => write!(f, "{value:?}")?,
                None => f.write_str("nothing")?,
            }
        }
        Ok(())
    }
}

/// How much was compared, and how much of it differed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "one word each says it")]
pub struct Compared {
    pub vectors: usize,
    pub values: usize,
    pub differences: usize,
}

/// Counts comparisons and reports the first difference of each vector and form.
struct Comparison<'a> {
    plant: Option<Plant>,
    compared: Cell<Compared>,
    report: &'a dyn Fn(&Difference),
}

/// One vector in one form.
struct Place<'c, 'a> {
    comparison: &'c Comparison<'a>,
    id: &'static str,
    form: &'static str,
    next: Cell<usize>,
    differs: Cell<bool>,
}

impl<'a> Comparison<'a> {
    fn place(&self, id: &'static str, form: &'static str) -> Place<'_, 'a> {
        Place { comparison: self, id, form, next: Cell::new(0), differs: Cell::new(false) }
    }

    fn count(&self, count: impl FnOnce(&mut Compared)) -> Compared {
        let mut compared = self.compared.get();
        count(&mut compared);
        self.compared.replace(compared)
    }
}

impl Place<'_, '_> {
    fn compare(&self, call: usize, expected: Option<Value>, actual: Option<Value>) {
        let place = self.next.replace(self.next.get() + 1);
        let number = self.comparison.count(|compared| compared.values += 1).values;
        let planted = self.comparison.plant == Some(Plant(number));
        let expected = if planted { expected.map(Value::changed) } else { expected };
        // What follows the first difference of a vector follows from it.
        if expected == actual || self.differs.replace(true) {
            return;
        }
        self.comparison.count(|compared| compared.differences += 1);
        (self.comparison.report)(&Difference { id: self.id, form: self.form, call, place, expected, actual });
    }
}

/// Plays everything and compares it with what the table expects. Reports the first difference of each vector and form.
pub fn check(table: &Table, plant: Option<Plant>, report: &dyn Fn(&Difference)) -> Compared {
    let comparison = Comparison { plant, compared: Cell::default(), report };
    table.vectors.iter().for_each(|vector| calls(&comparison, vector));
    table.delays.iter().for_each(|vector| delays(&comparison, vector));
    table.budgets.iter().for_each(|vector| budget(&comparison, vector));
    comparison.compared.get()
}

fn calls(comparison: &Comparison<'_>, vector: &Vector) {
    comparison.count(|compared| compared.vectors += 1);
    for form in Form::ALL.into_iter().filter(|form| form.can_play(vector)) {
        let place = comparison.place(vector.id, form.name());
        let expected = |place: usize| vector.expected.get(place).map(|item| Value::Item(**item));
        let played = play(vector, form, &|call, item| {
            place.compare(call, expected(place.next.get()), Some(Value::Item(item)));
        });
        if played.is_err() {
            place.compare(0, expected(0), Some(Value::Item(Item::Wrong("the policy is refused"))));
        }
        if let Some(missing) = expected(place.next.get()) {
            place.compare(vector.calls.len(), Some(missing), None);
        }
    }
}

fn delays(comparison: &Comparison<'_>, vector: &DelayVector) {
    comparison.count(|compared| compared.vectors += 1);
    let place = comparison.place(vector.id, "delay");
    let Ok(backoff) = vector.backoff.build() else {
        return place.compare(0, None, Some(Value::Delay(Millis::ZERO, 0)));
    };
    for DelayRow { attempt, previous, draw, retry_after, delay, draws } in vector.rows.iter().copied() {
        let classification = Classification::new(ErrorClass::Transient);
        let classification = retry_after.map_or(classification, |hint| classification.retry_after(hint));
        let mut drawn = 0;
        let actual = backoff.delay(attempt, &classification, previous, || {
            drawn += 1;
            draw
        });
        place.compare(0, Some(Value::Delay(delay, draws)), Some(Value::Delay(actual, drawn)));
    }
}

/// A clock that shows what it is set to.
struct Shown(u64);

impl Clock for Shown {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.0)
    }
}

fn budget(comparison: &Comparison<'_>, vector: &BudgetVector) {
    /// Shortly before the count of a stamp's milliseconds wraps.
    const EPOCH: u64 = (1 << 28) - 700;
    comparison.count(|compared| compared.vectors += 1);
    let place = comparison.place(vector.id, "budget");
    let Ok(budget) = vector.budget.build() else { return place.compare(0, None, Some(Value::Budget(None, 0))) };
    let budget: &BudgetView = &budget;
    for BudgetOp { at, consumed, remaining } in vector.ops.iter().copied() {
        let clock = Shown(EPOCH + u64::from(at));
        let actual = consumed.map(|(cost, _)| budget.try_consume(cost, &clock));
        let expected = Value::Budget(consumed.map(|(_, allowed)| allowed), remaining);
        place.compare(0, Some(expected), Some(Value::Budget(actual, budget.remaining(&clock))));
    }
}
