//! Budgets of the three kinds: what is left after each step, to the retry.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use redress_core::{Budget, BudgetConfig};

use crate::{
    clock::{Ticks, at_some_rate},
    fault,
};

const SLOTS: usize = 5;
const SPANS: [u64; 3] = [10_000, 1_000, 60_000];

pub(crate) fn run(input: &mut Unstructured<'_>) -> Result<()> {
    at_some_rate!(input, at)
}

enum Model {
    /// The moments of the retries.
    Rolling { most: usize, window: u64, retries: Vec<u64> },
    /// Millionths of a token, and the latest reading.
    Bucket { capacity: u64, per_success: u64, per_second: u64, level: u64, read: Option<u64> },
    /// What each slot has earned less what it has spent, in thousandths; slots since the window was last empty.
    Ratio { percent: u64, reserve: i64, width: u64, begin: u64, slots: Vec<(u64, i64)> },
}

const TOKEN: u64 = 1_000_000;

impl Model {
    /// Moves on to a moment and returns whole retries that are left.
    fn left(&mut self, now: u64, slack: u64) -> u64 {
        match self {
            Self::Rolling { most, window, retries } => {
                (*most - retries.iter().filter(|at| now - **at < *window + slack).count()) as u64
            }
            Self::Bucket { capacity, per_second, level, read, .. } => {
                if *per_second > 0 {
                    let passed = now - read.replace(now).unwrap_or(now);
                    *level = level.saturating_add(passed.saturating_mul(*per_second)).min(*capacity * TOKEN);
                }
                *level / TOKEN
            }
            Self::Ratio { reserve, width, begin, slots, .. } => {
                if (now - *begin) / *width >= slots.iter().map(|slot| slot.0).max().unwrap_or(0) + SLOTS as u64 {
                    slots.clear();
                    *begin = now;
                }
                let current = (now - *begin) / *width;
                if slots.iter().all(|slot| slot.0 != current) {
                    slots.push((current, 0));
                }
                let fresh = slots.iter().filter(|slot| slot.0 + SLOTS as u64 > current);
                let left = fresh.map(|slot| slot.1).sum::<i64>() + *reserve;
                u64::try_from(left / 1_000).unwrap_or(0)
            }
        }
    }

    fn take(&mut self, retries: u64, now: u64, slack: u64) -> bool {
        let enough = self.left(now, slack) >= retries;
        match self {
            _ if !enough => {}
            Self::Rolling { retries: all, .. } => all.extend((0..retries).map(|_| now)),
            Self::Bucket { level, .. } => *level -= retries * TOKEN,
            Self::Ratio { width, begin, slots, .. } => {
                let current = (now - *begin) / *width;
                slots.iter_mut().filter(|slot| slot.0 == current).for_each(|slot| slot.1 -= retries as i64 * 1_000);
            }
        }
        enough
    }

    fn success(&mut self) {
        if let Self::Bucket { capacity, per_success, level, .. } = self {
            *level = (*level + *per_success * 1_000).min(*capacity * TOKEN);
        }
    }

    fn call(&mut self, now: u64, slack: u64) {
        self.left(now, slack);
        if let Self::Ratio { percent, width, begin, slots, .. } = self {
            let current = (now - *begin) / *width;
            slots.iter_mut().filter(|slot| slot.0 == current).for_each(|slot| slot.1 += *percent as i64 * 10);
        }
    }
}

fn at<const HZ: u32>(input: &mut Unstructured<'_>) -> Result<()> {
    let clock = Ticks::<HZ>::begin(input)?;
    let slack = Ticks::<HZ>::SLACK + fault();
    let start = clock.millis();
    let (config, mut model) = match input.int_in_range(0..=2)? {
        0 => {
            let (most, window) = (input.int_in_range(0..=SLOTS as u16)?, [1, 999, 10_000][input.choose_index(3)?]);
            let model = Model::Rolling { most: most.into(), window, retries: vec![] };
            (BudgetConfig::rolling(most, Duration::from_millis(window)), model)
        }
        1 => {
            let capacity = [1, 10, 4_000][input.choose_index(3)?];
            let initial = input.int_in_range(0..=capacity)?;
            let most = u32::from(capacity) * 1_000;
            let (per_success, per_second) =
                (input.int_in_range(0..=most)?, *input.choose(&[0, 1, 500, most.min(100_000), most])?);
            let config = BudgetConfig::token_bucket(capacity)
                .initial(initial)
                .refill_per_success(per_success)
                .refill_per_second(per_second);
            let model = Model::Bucket {
                capacity: capacity.into(),
                per_success: per_success.into(),
                per_second: per_second.into(),
                level: u64::from(initial).saturating_sub(fault()) * TOKEN,
                read: None,
            };
            (config, model)
        }
        _ => {
            let (percent, minimum) = (input.int_in_range(0..=100)?, input.int_in_range(0..=3_u16)?);
            let window = [10_000, 10_001, 59_999][input.choose_index(3)?];
            let config = BudgetConfig::ratio(percent, Duration::from_millis(window)).min_per_second(minimum);
            let model = Model::Ratio {
                percent: percent.into(),
                reserve: i64::from(minimum) * window as i64 + 1_000 * fault() as i64,
                width: window.div_ceil(SLOTS as u64),
                begin: start,
                slots: vec![],
            };
            (config, model)
        }
    };
    let budget = Budget::<SLOTS>::new(config);
    if let Model::Ratio { .. } = model {
        // Its first reading begins the window, as long as the window lies behind the clock's zero.
        if start < 60_000 {
            return Ok(());
        }
        budget.remaining(&clock);
    }
    while !input.is_empty() {
        let now = clock.millis();
        match input.int_in_range(0..=5)? {
            0 | 1 => clock.pass(input, &SPANS)?,
            2 | 3 => {
                let retries = input.int_in_range(0..=3)?;
                let given = model.take(retries.into(), now, slack);
                assert_eq!(budget.try_consume(retries, &clock), given, "{retries} retries at {now} ms");
            }
            4 => {
                model.success();
                budget.record_success();
            }
            _ => {
                model.call(now, slack);
                budget.record_call(&clock);
            }
        }
        let (now, left) = (clock.millis(), budget.remaining(&clock));
        assert_eq!(u64::from(left), model.left(now, slack).min(u16::MAX.into()), "left at {now} ms");
    }
    Ok(())
}
