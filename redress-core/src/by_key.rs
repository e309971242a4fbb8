//! A breaker or a budget for each of a few keys, in fixed memory.

use core::time::Duration;

use crate::{
    Clock, Millis,
    time::{ClockRate, Timestamp},
};

/// Values for up to `N` keys at a time, without allocation: a breaker and a budget for each peer, shard or sensor of a device.
///
/// A key that is new takes a free place, or that of the key which was idle for longest, if that is long enough; its value begins
/// anew. If no key was idle for so long, the new one is rejected, so that keys that come and go do not make the others forget
/// that their circuit is open.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{
///     Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, ErrorClass, FixedByKey, Policy, Retry, testing::TestEnv,
/// };
///
/// type Peer = (CircuitBreaker<4>, Budget);
/// static UPLINK: Policy = Policy::new(Retry::new(Backoff::none()));
///
/// let mut peers: FixedByKey<u16, Peer, 8> = FixedByKey::new(Duration::from_secs(60), |_address| {
///     (CircuitBreaker::new(BreakerConfig::new(4)), Budget::new(BudgetConfig::DEFAULT))
/// });
///
/// # let env = TestEnv::new();
/// let (breaker, budget) = peers.get(0x2A, &env)?;
/// let sent = UPLINK.context(env).circuit_breaker(breaker).budget(budget).call(|| Ok::<_, ErrorClass>("sent"));
/// # assert_eq!(sent, Ok("sent"));
/// # Ok::<(), redress_core::TableFull>(())
/// ```
///
/// # Design
///
/// The value that [`get`](Self::get) returns borrows the table, so nothing can be evicted from under a call. Tasks that make calls at the same
/// time have a table each, or a `static` breaker for each of their peers. It can lie in a `static` behind a mutex: the constructor
/// is `const`.
#[derive(Debug)]
pub struct FixedByKey<K, V, const N: usize> {
    make: fn(&K) -> V,
    idle: Millis,
    places: [Option<Entry<K, V>>; N],
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    used: Timestamp,
}

/// The error of a new key for which there is no place: all keys were used lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TableFull {
    retry_after: Millis,
}

impl TableFull {
    /// Returns the time until the key that was idle for longest may be evicted.
    pub const fn retry_after(&self) -> Millis {
        self.retry_after
    }
}

impl core::fmt::Display for TableFull {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "all keys of the table are in use, retry after {}", self.retry_after)
    }
}

impl core::error::Error for TableFull {}

impl<K: Eq, V, const N: usize> FixedByKey<K, V, N> {
    /// Creates an empty table. `make` makes the value of a new key. A key may be evicted once it was not asked for during `idle`;
    /// with zero, the one that was idle for longest always may.
    pub const fn new(idle: Duration, make: fn(&K) -> V) -> Self {
        const { assert!(N != 0, "FixedByKey: must have at least 1 place") };
        Self { make, idle: Millis::from_duration(idle), places: [const { None }; N] }
    }

    /// Returns the value of a key, made now if there is none.
    ///
    /// A clock that was set back makes each key that was used before that an idle one.
    ///
    /// # Errors
    ///
    /// The key is new, and all others were asked for within the idle time.
    pub fn get<C: Clock>(&mut self, key: K, clock: &C) -> Result<&V, TableFull> {
        let (now, make) = (clock.timestamp(), self.make);
        let has_key = |place: &Option<Entry<K, V>>| place.as_ref().is_some_and(|entry| entry.key == key);
        let place = match self.places.iter().position(has_key) {
            Some(place) => self.places.get_mut(place),
            None => Some(self.vacate(now)?),
        };
        let entry = place.ok_or(TableFull { retry_after: Millis::ZERO })?.get_or_insert_with(|| Entry {
            value: make(&key),
            key,
            used: now,
        });
        entry.used = now;
        Ok(&entry.value)
    }

    /// Empties the place that was idle for longest.
    fn vacate(&mut self, now: Timestamp) -> Result<&mut Option<Entry<K, V>>, TableFull> {
        let idle = |place: &Option<Entry<K, V>>| {
            let used = place.as_ref().map(|entry| now.since(entry.used));
            used.flatten().unwrap_or(Millis::MAX)
        };
        let longest = self.places.iter_mut().max_by_key(|place| idle(place));
        let Some(place) = longest else { return Err(TableFull { retry_after: self.idle }) };
        let left = self.idle.saturating_sub(idle(place));
        if left != Millis::ZERO {
            return Err(TableFull { retry_after: left });
        }
        *place = None;
        Ok(place)
    }

    /// Returns the keys that have a value, with it.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.places.iter().flatten().map(|entry| (&entry.key, &entry.value))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{vec, vec::Vec};

    use super::*;
    use crate::{Instant, testing::ManualClock};

    /// Each short sequence of keys and gaps that are not zero, against a list of what was asked for when.
    #[test]
    fn every_short_sequence_is_as_a_list_says() {
        let steps: Vec<(u8, u64)> = (0..4).flat_map(|key| [1, 3, 10].map(|gap| (key, gap))).collect();
        for number in 0..steps.len().pow(5) {
            let mut table = FixedByKey::<u8, u8, 2>::new(Duration::from_millis(10), |key| *key);
            let (clock, mut now) = (ManualClock::new(), 0);
            let mut list: Vec<(u8, u64)> = vec![];
            for place in 0..5 {
                let (key, gap) = steps[number / steps.len().pow(place) % steps.len()];
                now += gap;
                clock.set(Instant::from_ticks(now));
                // The latest at the end.
                let known = list.iter().position(|(other, _)| *other == key);
                let refused = list.first().filter(|(_, used)| known.is_none() && list.len() == 2 && now - used < 10);
                let expected = match refused {
                    Some((_, used)) => Err(10 - (now - used)),
                    None => Ok(key),
                };
                let actual = table.get(key, &clock).copied().map_err(|full| u64::from(full.retry_after().get()));
                assert_eq!(actual, expected, "step {place} of sequence {number}");
                if expected.is_ok() {
                    let leaves = known.or((list.len() == 2).then_some(0));
                    leaves.map(|leaves| list.remove(leaves));
                    list.push((key, now));
                }
            }
            let mut kept: Vec<u8> = table.iter().map(|(key, _)| *key).collect();
            let mut listed: Vec<u8> = list.iter().map(|(key, _)| *key).collect();
            kept.sort_unstable();
            listed.sort_unstable();
            assert_eq!(kept, listed);
        }
    }

    #[test]
    fn a_value_begins_anew_with_its_key() {
        let mut table = FixedByKey::<u8, core::cell::Cell<u8>, 1>::new(Duration::ZERO, |_| core::cell::Cell::new(0));
        let clock = ManualClock::new();
        table.get(1, &clock).unwrap().set(7);
        assert_eq!(table.get(1, &clock).unwrap().get(), 7);
        assert_eq!(table.get(2, &clock).unwrap().get(), 0);
        assert_eq!(table.get(1, &clock).unwrap().get(), 0);
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_no_table_full_for_long() {
        let mut table = FixedByKey::<u8, (), 1>::new(Duration::from_secs(60), |_| ());
        let clock = ManualClock::new();
        clock.set(Instant::from_ticks(1 << 40));
        table.get(1, &clock).unwrap();
        assert!(table.get(2, &clock).is_err());
        clock.set(Instant::from_ticks(5));
        assert!(table.get(2, &clock).is_ok());
        let full = table.get(1, &clock).unwrap_err();
        assert_eq!(std::string::ToString::to_string(&full), "all keys of the table are in use, retry after 60000 ms");
    }
}
