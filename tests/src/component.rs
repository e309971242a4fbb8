//! The files on single components: delays, budgets, classifiers, `Retry-After`.

use std::fmt;

use redress_core::{
    Classification, Classifier, Clock, DefaultClassifier, ErrorClass, Instant, Millis, StrictClassifier,
    classify::{
        http,
        retry_after::{self, UnixSeconds},
        sqlstate,
    },
    testing::ManualClock,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    compare::first_difference,
    scenario::{BudgetSpec, Class, StrategySpec, hint},
    trace::{class_name, micros},
};

/// How far a span may be off in these files.
const TOLERANCE_US: u64 = 1_000;

/// An item of `strategies.json`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct Strategy {
    pub id: String,
    pub strategy: StrategySpec,
    pub rows: Vec<Row>,
}

/// A delay.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct Row {
    pub attempt: u32,
    pub prev_sleep_us: Option<u64>,
    pub u: f64,
    pub retry_after_ms: Option<i64>,
    pub sleep_us: u64,
    pub draws: u32,
}

/// An item of `budget.json`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct Budget {
    pub id: String,
    pub budget: BudgetSpec,
    pub ops: Vec<Op>,
}

/// What is done with a budget, and what has to come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub enum Op {
    Consume { at_ms: u64, cost: u16, ok: bool, remaining: u16 },
    Remaining { at_ms: u64, remaining: u16 },
}

/// An item of `classifiers.json`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct Classified {
    pub id: String,
    pub classifier: ClassifierName,
    pub given: Given,
    pub expected: ExpectedClass,
}

/// Which classifier.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub enum ClassifierName {
    Http,
    Sqlstate,
    Default,
    Strict,
}

/// What is classified.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub enum Given {
    Status(u16),
    Sqlstate(String),
    TypeName(String),
}

/// The class it has.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct ExpectedClass {
    pub class: Class,
}

/// An item of `retry_after.json`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct RetryAfter {
    pub id: String,
    pub now: String,
    pub value: String,
    pub retry_after_us: Option<u64>,
}

/// Compares as in the vectors; the path begins at the item.
fn same(path: &str, expected: &Value, actual: &Value) -> Result<(), String> {
    let wrap = |value: &Value| json!({ path: value });
    let difference = first_difference(&wrap(expected), &wrap(actual), TOLERANCE_US);
    difference.map_or(Ok(()), |difference| Err(difference.to_string()))
}

/// Spans longer than the longest saturate.
fn saturated(span_us: u64) -> u64 {
    span_us.min(micros(Millis::MAX))
}

impl Strategy {
    /// Asks for each delay.
    pub fn verify(&self) -> Result<(), String> {
        let backoff = self.strategy.backoff()?;
        for (i, row) in self.rows.iter().enumerate() {
            // To the nearest, but no delay may become none at all.
            let previous = row.prev_sleep_us.map_or(0, |span| (span.saturating_add(500) / 1_000).max(span.min(1)));
            let classification = Classification::new(ErrorClass::Transient);
            let classification =
                row.retry_after_ms.map_or(classification, |millis| classification.retry_after(hint(millis)));
            let mut draws = 0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a draw is below 1")]
            let draw = || {
                draws += 1;
                (row.u * 4_294_967_296.0) as u32
            };
            let previous = Millis::new(u32::try_from(previous).unwrap_or(u32::MAX));
            let delay = backoff.delay(row.attempt, &classification, previous, draw);
            same(
                &format!("rows[{i}]"),
                &json!({ "sleep_us": saturated(row.sleep_us), "draws": row.draws }),
                &json!({ "sleep_us": micros(delay), "draws": draws }),
            )?;
        }
        Ok(())
    }
}

impl Budget {
    /// Does everything that is to be done, on clocks with different beginnings.
    pub fn verify(&self) -> Result<(), String> {
        [0, 999, (1 << 28) - 700, (1 << 32) - 1_300].into_iter().try_for_each(|epoch| self.verify_from(epoch))
    }

    fn verify_from(&self, epoch: u64) -> Result<(), String> {
        let budget = self.budget.build()?;
        let clock = ManualClock::new();
        for (i, op) in self.ops.iter().enumerate() {
            let (Op::Consume { at_ms, .. } | Op::Remaining { at_ms, .. }) = *op;
            clock.set(Instant::from_ticks(epoch + at_ms * u64::from(ManualClock::TICK_HZ) / 1_000));
            let (expected, actual) = match *op {
                Op::Consume { cost, ok, remaining, .. } => {
                    let consumed = budget.try_consume(cost, &clock);
                    let actual = json!({ "ok": consumed, "remaining": budget.remaining(&clock) });
                    (json!({ "ok": ok, "remaining": remaining }), actual)
                }
                Op::Remaining { remaining, .. } => {
                    (json!({ "remaining": remaining }), json!({ "remaining": budget.remaining(&clock) }))
                }
            };
            same(&format!("ops[{i}]"), &expected, &actual)?;
        }
        Ok(())
    }
}

/// An error whose `Debug` output begins with a name, in one of the shapes which a derive gives.
struct Named<'a>(&'a str, Shape);

#[derive(Clone, Copy)]
enum Shape {
    Unit,
    Tuple,
    Fields,
}

impl fmt::Debug for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Shape::Unit => f.write_str(self.0),
            Shape::Tuple => f.debug_tuple(self.0).field(&"timeout").finish(),
            Shape::Fields => f.debug_struct(self.0).field("unauthorized", &7).finish(),
        }
    }
}

impl Classified {
    /// Classifies.
    pub fn verify(&self) -> Result<(), String> {
        let mut found = Vec::new();
        match (self.classifier, &self.given) {
            (ClassifierName::Http, Given::Status(status)) => {
                found.push(http::status_class(*status));
                found.push(http::classify_status(*status).class());
                // Answers that are no failures have no class there.
                found.extend(http::status(*status).map(|classification| classification.class()));
            }
            (ClassifierName::Sqlstate, Given::Sqlstate(state)) => {
                found.push(sqlstate::sqlstate_class(state));
                found.push(sqlstate::classify_sqlstate(state).class());
            }
            (ClassifierName::Default, Given::TypeName(name)) => {
                for shape in [Shape::Unit, Shape::Tuple, Shape::Fields] {
                    found.push(DefaultClassifier.classify(&Named(name, shape)).class());
                }
            }
            (ClassifierName::Strict, Given::TypeName(name)) => {
                found.push(StrictClassifier.classify(&Named(name, Shape::Unit)).class());
            }
            (classifier, given) => return Err(format!("{classifier:?} cannot classify {given:?}")),
        }
        let expected = Value::from(class_name(self.expected.class.0));
        found.into_iter().try_for_each(|class| same("expected.class", &expected, &class_name(class).into()))
    }
}

impl RetryAfter {
    /// Parses.
    pub fn verify(&self) -> Result<(), String> {
        let now = unix_seconds(&self.now).ok_or_else(|| format!("now: {} is no moment", self.now))?;
        let hint = retry_after::parse(self.value.as_bytes(), Some(UnixSeconds::new(now)));
        same("retry_after_us", &json!(self.retry_after_us.map(saturated)), &json!(hint.map(micros)))
    }
}

/// `2026-03-04T05:06:07Z` in seconds since 1970.
fn unix_seconds(moment: &str) -> Option<u64> {
    let fields: Vec<u64> =
        moment.strip_suffix('Z')?.split(['-', 'T', ':']).map(str::parse).collect::<Result<_, _>>().ok()?;
    let [year, month, day, hour, minute, second] = fields[..] else { return None };
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let before_year: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let february = 28 + u64::from(is_leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before_month: u64 = lengths.iter().take(usize::try_from(month).ok()?.checked_sub(1)?).sum();
    let days = before_year + before_month + day.checked_sub(1)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    #[test]
    fn moments_are_read() {
        assert_eq!(super::unix_seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(super::unix_seconds("2026-03-04T05:06:07Z"), Some(1_772_600_767));
        assert_eq!(super::unix_seconds("2000-02-29T12:00:00Z"), Some(951_825_600));
        assert_eq!(super::unix_seconds("now"), None);
    }
}
