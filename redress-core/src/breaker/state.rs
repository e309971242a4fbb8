//! The transitions of a breaker, as pure functions from one snapshot to the next.

use super::{BreakerMode, BreakerState};

/// State, probe counts and generation of a breaker in one word; the permit of a call is the snapshot that admitted it.
///
/// State in bits 0-1, flags in 2-4, admitted probes in 5-8, succeeded probes in 9-12, generation in 13-31. Each change of state
/// is a new generation, so that the result of a call admitted before is recognised and ignored. A closed circuit has no probes;
/// bit 5 says then that it counts nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Snapshot(u32);

impl Snapshot {
    pub(super) const CLOSED: Self = Self(BreakerState::Closed as u32);
    /// Stands for no permit where one is requested. No breaker has this state.
    pub(crate) const NONE: Self = Self(0b11);
    /// The permit of a call that has none, not yet or not any more. It changes no breaker that has ever opened, because none is open
    /// in generation 0 (after 2^19 changes of state it is again).
    pub(crate) const SPENT: Self = Self(BreakerState::Open as u32);
    /// The same between the attempts of a call that needs a permit for each.
    pub(crate) const SPENT_ATTEMPT: Self = Self::SPENT.with_flags(Self::ATTEMPTS);

    pub(super) const STATE: u32 = 0b11;
    /// A closed circuit admits a share of the calls and decides on each. Comes with `WATCHED`.
    pub(super) const SHARES: u32 = 1 << 2;
    /// Every result is reported to the breaker, with the time that it took.
    pub(super) const WATCHED: u32 = 1 << 3;
    /// Every attempt needs admission and is reported, not only whole calls. Comes with `WATCHED`.
    pub(super) const ATTEMPTS: u32 = 1 << 4;
    pub(super) const ADMITTED: u32 = 1 << 5;
    const SUCCEEDED: u32 = 1 << 9;
    const COUNT: u32 = 0b1111;
    const PROBES: u32 = Self::COUNT * (Self::ADMITTED | Self::SUCCEEDED);
    const GENERATION: u32 = 1 << 13;

    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// Returns whether the circuit is closed and needs to know only of failures that count.
    pub(crate) const fn is_closed(self) -> bool {
        self.0 & (Self::STATE | Self::SHARES | Self::WATCHED) == BreakerState::Closed as u32
    }

    /// Returns whether the circuit is closed and admits every call.
    pub(super) const fn admits_all(self) -> bool {
        self.0 & (Self::STATE | Self::SHARES) == BreakerState::Closed as u32
    }

    /// Returns whether the circuit is open, for a time that its configuration has as it is.
    pub(super) const fn is_open(self) -> bool {
        self.0 & (Self::STATE | Self::WATCHED) == BreakerState::Open as u32
    }

    pub(crate) const fn is_watched(self) -> bool {
        self.0 & Self::WATCHED != 0
    }

    /// Returns whether the permit is for one attempt.
    pub(crate) const fn is_for_an_attempt(self) -> bool {
        self.0 & Self::ATTEMPTS != 0
    }

    /// Returns whether the breaker has to know of a permit that is dropped.
    pub(crate) const fn is_missed(self) -> bool {
        self.0 & (BreakerState::HalfOpen as u32 | Self::WATCHED) != 0
    }

    /// Asks for the number plus one of the class that an abandoned call fails with; zero if it does not count.
    pub(super) const ABANDONED: Self = Self::request(0);
    pub(super) const OPEN_NOW: Self = Self::request(1);
    pub(super) const CLOSE_NOW: Self = Self::request(2);
    /// Asks for the time until a probe, as a rejection has it.
    pub(super) const RETRY_AFTER: Self = Self::request(3);
    const FIRST_MODE: u32 = 4;

    pub(super) const fn set_mode(mode: BreakerMode) -> Self {
        Self::request((mode as u32).wrapping_add(Self::FIRST_MODE))
    }

    /// Returns the mode that a request sets.
    pub(super) fn requested_mode(self) -> Option<BreakerMode> {
        let number = (self.0 / Self::GENERATION).wrapping_sub(Self::FIRST_MODE);
        u8::try_from(number).ok().and_then(BreakerMode::of)
    }

    /// Returns a request in place of a permit. No call has such a permit, so a breaker that does not know requests ignores it.
    const fn request(number: u32) -> Self {
        Self(BreakerState::Open as u32 | Self::WATCHED | number.wrapping_mul(Self::GENERATION))
    }

    /// Returns whether this is a request.
    pub(super) const fn is_request(self) -> bool {
        self.0 & (Self::STATE | Self::WATCHED) == BreakerState::Open as u32 | Self::WATCHED
    }

    /// Returns the snapshot with these flags.
    pub(super) const fn with_flags(self, flags: u32) -> Self {
        Self(self.0 | flags)
    }

    /// Returns the same snapshot of a circuit that admits every call.
    pub(super) const fn sharing_no_more(self) -> Self {
        Self(self.0 & !Self::SHARES)
    }

    pub(crate) const fn is_none(self) -> bool {
        self.0 & Self::STATE == Self::STATE
    }

    /// Returns whether this is the permit of a probe.
    pub(crate) const fn is_half_open(self) -> bool {
        self.0 & Self::STATE == BreakerState::HalfOpen as u32
    }

    /// Returns the state; `None` for [`NONE`](Self::NONE).
    #[inline]
    pub(super) const fn known_state(self) -> Option<BreakerState> {
        if self.is_none() { None } else { Some(self.state()) }
    }

    /// Returns the state of a breaker's snapshot.
    pub(super) const fn state(self) -> BreakerState {
        if self.0 & BreakerState::HalfOpen as u32 != 0 {
            BreakerState::HalfOpen
        } else if self.0 & BreakerState::Open as u32 != 0 {
            BreakerState::Open
        } else {
            BreakerState::Closed
        }
    }

    /// Returns the next generation, in this state, without probes.
    pub(super) const fn next(self, state: BreakerState) -> Self {
        Self((self.0 | (Self::GENERATION - 1)).wrapping_add(1).wrapping_add(state as u32))
    }

    const fn plus(self, count: u32) -> Self {
        Self(self.0.wrapping_add(count))
    }

    pub(super) const fn admitted(self) -> u32 {
        (self.0 / Self::ADMITTED) & Self::COUNT
    }

    pub(super) const fn succeeded(self) -> u32 {
        (self.0 / Self::SUCCEEDED) & Self::COUNT
    }

    /// Adds a probe that is under way, or one that has failed and keeps its place.
    pub(super) const fn with_admitted(self, probes: u32) -> Self {
        self.plus(Self::ADMITTED.wrapping_mul(probes))
    }

    /// Adds probes that have succeeded and keep their places.
    pub(super) const fn with_succeeded(self, probes: u32) -> Self {
        self.plus(Self::ADMITTED.wrapping_add(Self::SUCCEEDED).wrapping_mul(probes))
    }

    /// Adds the probes that have succeeded in another snapshot, which keep their places.
    const fn with_answers_of(self, other: Self) -> Self {
        let succeeded = other.0 & (Self::COUNT * Self::SUCCEEDED);
        self.plus(succeeded.wrapping_add(succeeded / (Self::SUCCEEDED / Self::ADMITTED)))
    }

    /// Returns whether only the probes and the share that is admitted differ. [`NONE`](Self::NONE) is of no generation.
    pub(super) const fn is_same_generation(self, other: Self) -> bool {
        (self.0 ^ other.0) & !(Self::PROBES | Self::SHARES) == 0
    }

    /// Admits a call, or rejects it (`None`). `is_over`: the recovery timeout, or the lease of the probes, has passed.
    pub(super) const fn admit(self, probes: u32, is_over: bool) -> Option<Self> {
        match self.state() {
            BreakerState::Closed => Some(self),
            BreakerState::HalfOpen if self.admitted() < probes => Some(self.plus(Self::ADMITTED)),
            _ if !is_over => None,
            // An open circuit has no probes. Half-open, the places of lost probes are free again, and the new generation makes
            // their late results stale.
            _ => Some(self.next(BreakerState::HalfOpen).with_answers_of(self).plus(Self::ADMITTED)),
        }
    }

    /// Takes the success of a probe that was admitted in this generation, or a failure that shows that the dependency responds.
    /// The circuit closes once enough of them have succeeded.
    pub(super) const fn with_answer(self) -> Self {
        self.plus(Self::SUCCEEDED)
    }

    /// Takes the release of a probe that was admitted in this generation.
    pub(super) const fn without_probe(self) -> Self {
        Self(self.0.wrapping_sub(Self::ADMITTED))
    }
}

impl core::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?} in generation {}", self.known_state(), self.0 / Self::GENERATION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use BreakerState::{HalfOpen, Open};

    const CLOSED: Snapshot = Snapshot(0);

    #[test]
    fn a_closed_circuit_admits_without_a_change_and_opens_() {
        assert_eq!(CLOSED.admit(1, false), Some(CLOSED));
        let open = CLOSED.next(Open);
        assert_eq!((open.state(), open.is_same_generation(CLOSED)), (Open, false));
    }

    #[test]
    fn an_open_circuit_admits_a_probe_once_its_time_is_over() {
        let open = CLOSED.next(Open);
        assert_eq!(open.admit(2, false), None);
        let probing = open.admit(2, true).unwrap();
        assert_eq!((probing.state(), probing.admitted(), probing.succeeded()), (HalfOpen, 1, 0));
        assert!(!probing.is_same_generation(open));
    }

    #[test]
    fn a_half_open_circuit_admits_so_many_probes_and_counts_their_answers() {
        for probes in 1..=15 {
            let mut state = CLOSED.next(Open).admit(probes, true).unwrap();
            for _ in 1..probes {
                state = state.admit(probes, false).unwrap();
            }
            assert_eq!(state.admit(probes, false), None);
            // A place that is given back is free again.
            assert_eq!(state.without_probe().admit(probes, false), Some(state));
            for answered in 1..=probes {
                state = state.with_answer();
                assert_eq!((state.state(), state.admitted(), state.succeeded()), (HalfOpen, probes, answered));
            }
        }
    }

    #[test]
    fn the_places_of_lost_probes_are_free_after_the_lease_and_successes_are_kept() {
        let lost = CLOSED.next(HalfOpen).with_succeeded(1).admit(3, false).unwrap().admit(3, false).unwrap();
        assert_eq!(lost.admit(3, false), None);
        let next = lost.admit(3, true).unwrap();
        assert_eq!((next.admitted(), next.succeeded()), (2, 1));
        assert!(!next.is_same_generation(lost));
    }

    #[test]
    fn generations_wrap_around_without_touching_the_state() {
        let last = Snapshot(u32::MAX << 13);
        assert_eq!(last.next(Open), Snapshot(Open as u32));
    }
}
