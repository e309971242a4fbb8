//! A clock of any rate that begins shortly before or after a moment at which some word of some size wraps.

use std::cell::Cell;

use arbitrary::{Result, Unstructured};
use redress_core::{Clock, Instant};

/// A clock of `HZ` ticks a second that is moved by hand.
#[derive(Debug)]
pub(crate) struct Ticks<const HZ: u32>(Cell<u64>);

impl<const HZ: u32> Ticks<HZ> {
    /// Begins near a power of two, of ticks or of milliseconds, or at zero.
    pub(crate) fn begin(input: &mut Unstructured<'_>) -> Result<Self> {
        let power = 1_u64 << input.int_in_range(0..=62)?;
        let near = u64::from(input.arbitrary::<u16>()?);
        let start = match input.int_in_range(0..=4)? {
            0 => 0,
            1 => power.saturating_sub(near),
            2 => power.saturating_add(near),
            // In milliseconds, whose words wrap where those of ticks do not.
            3 => to_ticks(HZ, power.saturating_sub(near)),
            _ => to_ticks(HZ, power.saturating_add(near)),
        };
        // Time is counted up to 2^62 ms, and no sequence comes to the end of the clock.
        Ok(Self(Cell::new(start.min(to_ticks(HZ, 1 << 61)).min(u64::MAX / 2))))
    }

    /// Lets time pass: a few ticks, some milliseconds, or a span near one that matters.
    pub(crate) fn pass(&self, input: &mut Unstructured<'_>, spans: &[u64]) -> Result<()> {
        let ticks = match input.int_in_range(0..=5)? {
            0 => 0,
            1 => u64::from(input.arbitrary::<u8>()?),
            2 => to_ticks(HZ, input.arbitrary::<u8>()?.into()),
            3 => to_ticks(HZ, input.arbitrary::<u16>()?.into()),
            4 => (1_u64 << input.int_in_range(0..=40)?).min(to_ticks(HZ, 1 << 33)),
            _ => {
                let span = to_ticks(HZ, spans[input.choose_index(spans.len())?]);
                span.saturating_add(u64::from(input.arbitrary::<u8>()?) / 64).saturating_sub(2)
            }
        };
        self.0.set(self.0.get().saturating_add(ticks).min(u64::MAX - 1));
        Ok(())
    }

    /// Waits for a moment and, if the input says so, for some time more.
    pub(crate) fn wait(&self, input: &mut Unstructured<'_>, until: Instant) -> Result<()> {
        self.0.set(self.0.get().max(until.ticks()));
        if input.ratio(1, 4)? { self.pass(input, &[1]) } else { Ok(()) }
    }

    /// Returns whole milliseconds since the clock's zero.
    pub(crate) fn millis(&self) -> u64 {
        (u128::from(self.0.get()) * 1_000 / u128::from(HZ)) as u64
    }

    /// By how much a span may last longer: a millisecond, unless a tick is a whole number of them.
    pub(crate) const SLACK: u64 = if 1_000 % HZ == 0 { 0 } else { 1 };
}

impl<const HZ: u32> Clock for Ticks<HZ> {
    const TICK_HZ: u32 = HZ;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.0.get())
    }
}

/// Returns this many milliseconds in ticks, rounded up.
pub(crate) fn to_ticks(hz: u32, millis: u64) -> u64 {
    u64::try_from((u128::from(millis) * u128::from(hz)).div_ceil(1_000)).unwrap_or(u64::MAX)
}

/// Calls a generic function with the rate that the input names.
macro_rules! at_some_rate {
    ($input:ident, $function:ident) => {
        match $input.int_in_range(0..=3)? {
            0 => $function::<1_000>($input),
            1 => $function::<32_768>($input),
            2 => $function::<1_000_000>($input),
            _ => $function::<1_000_000_000>($input),
        }
    };
}
pub(crate) use at_some_rate;
