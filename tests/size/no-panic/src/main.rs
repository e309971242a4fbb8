//! The public surface of redress-core in an image that links only if nothing in it can panic.
//!
//! The panic handler calls a function which does not exist. Every value comes out of a register, so that no branch can
//! be decided while compiling; every result goes into one, so that nothing is left out. With the feature `unwrap` there
//! is one `unwrap` in it, and the image must not link: otherwise its linking proves nothing.
//!
//! The async driver is not here: whatever is made of `async` panics when it is polled after its end, which the language
//! puts there and no library can take away. It decides nothing; what decides is here.
#![no_std]
#![no_main]

mod blocking;
mod classifiers;
mod configuration;
mod embedded;
mod machine;
mod shared;

board::image!({
    machine::run();
    configuration::run();
    classifiers::run();
    shared::run();
    blocking::run();
    embedded::run();
    #[cfg(feature = "unwrap")]
    board::report(u32::from(u8::try_from(opaque::word()).unwrap()));
});

#[panic_handler]
#[expect(unsafe_code, reason = "declares what is missing on purpose")]
fn panic(_: &core::panic::PanicInfo) -> ! {
    unsafe extern "C" {
        safe fn something_in_this_image_can_panic() -> !;
    }
    something_in_this_image_can_panic()
}

/// Values of which nothing is known.
mod opaque {
    use core::time::Duration;

    use redress_core::{Classification, ErrorClass, Instant, Millis};

    pub(crate) fn word() -> u32 {
        board::opaque()
    }

    pub(crate) fn flag() -> bool {
        word() != 0
    }

    #[expect(clippy::cast_possible_truncation, reason = "any byte will do")]
    pub(crate) fn byte() -> u8 {
        word() as u8
    }

    #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
    pub(crate) fn short() -> u16 {
        word() as u16
    }

    pub(crate) fn long() -> u64 {
        u64::from(word()) << 32 | u64::from(word())
    }

    pub(crate) fn instant() -> Instant {
        Instant::from_ticks(long())
    }

    pub(crate) fn millis() -> Millis {
        Millis::new(word())
    }

    /// Up to the longest there is: configurations must refuse or saturate, not panic.
    pub(crate) fn span() -> Duration {
        let nanos = word();
        Duration::from_secs(long()).saturating_add(Duration::from_nanos(u64::from(nanos)))
    }

    pub(crate) fn class() -> ErrorClass {
        *ErrorClass::ALL.get(usize::from(byte())).unwrap_or(&ErrorClass::Unknown)
    }

    pub(crate) fn some<T>(value: T) -> Option<T> {
        flag().then_some(value)
    }

    pub(crate) fn classification() -> Classification {
        let mut found = if flag() { Classification::abort() } else { Classification::new(class()) };
        if flag() {
            found = found.retry_after(millis());
        }
        if flag() { found.code(word()) } else { found }
    }

    pub(crate) fn bytes<const N: usize>() -> [u8; N] {
        core::array::from_fn(|_| byte())
    }
}

/// Into a register with it.
mod told {
    use board::report;
    use redress_core::{
        AttemptDecision, AttemptEnd, AttemptStart, BreakerState, Cause, Classification, ErrorClass, Event, EventKind,
        Instant, Millis, Outcome, Rejected, RetryError, StopReason, TimelineEvent, lint::Lint,
    };

    /// What can be told to a register.
    pub(crate) trait Told: Sized {
        fn told(self);
    }

    macro_rules! as_number {
        ($($name:ty),*) => {$(impl Told for $name {
            fn told(self) {
                report(self as u32);
            }
        })*};
    }

    as_number!(ErrorClass, Cause, StopReason, EventKind, AttemptDecision, BreakerState);

    macro_rules! into_number {
        ($($name:ty),*) => {$(impl Told for $name {
            fn told(self) {
                report(self.into());
            }
        })*};
    }

    into_number!(u8, u16, u32, bool);

    impl Told for () {
        fn told(self) {}
    }

    impl Told for Millis {
        fn told(self) {
            report(self.get());
        }
    }

    impl Told for Instant {
        #[expect(clippy::cast_possible_truncation, reason = "both halves are told")]
        fn told(self) {
            report(self.ticks() as u32);
            report((self.ticks() >> 32) as u32);
        }
    }

    impl Told for &str {
        fn told(self) {
            self.bytes().for_each(Told::told);
        }
    }

    impl Told for &[u8] {
        fn told(self) {
            self.iter().copied().for_each(Told::told);
        }
    }

    impl<T: Told> Told for Option<T> {
        fn told(self) {
            self.is_some().told();
            if let Some(value) = self {
                value.told();
            }
        }
    }

    impl<T: Told, E: Told> Told for Result<T, E> {
        fn told(self) {
            self.is_ok().told();
            match self {
                Ok(value) => value.told(),
                Err(error) => error.told(),
            }
        }
    }

    impl Told for redress_core::ConfigError {
        fn told(self) {
            self.message().told();
            self.field().told();
        }
    }

    impl Told for redress_core::CheckpointError {
        fn told(self) {
            matches!(self, Self::OtherPolicy).told();
        }
    }

    impl Told for Classification {
        fn told(self) {
            self.class().told();
            self.is_abort().told();
            self.hint().told();
            self.numeric_code().told();
        }
    }

    impl Told for Rejected {
        fn told(self) {
            self.reason().told();
            self.retry_after().told();
            redress_core::Classify::classify(&self).told();
        }
    }

    impl Told for redress_core::Checkpoint {
        fn told(self) {
            self.to_bytes().as_slice().told();
            self.remaining().told();
            self.attempts().told();
            self.elapsed().told();
        }
    }

    impl<E: Told> Told for RetryError<E> {
        fn told(self) {
            redress_core::Classify::classify(&self).told();
            self.error.told();
            self.reason.told();
            self.reason.as_str().told();
            self.attempts.told();
            self.last_class.told();
            self.cause.told();
            self.next_delay.told();
            self.checkpoint.told();
        }
    }

    impl<T: Told, E: Told> Told for Outcome<T, E> {
        fn told(self) {
            self.is_ok().told();
            self.value().is_some().told();
            self.error().is_some().told();
            self.last_failure_attempt.told();
            self.elapsed.told();
            self.into_result().told();
        }
    }

    impl Told for &Event {
        fn told(self) {
            self.kind.as_str().told();
            self.operation.told();
            self.attempt.told();
            self.elapsed.told();
            self.delay.told();
            self.class.map(ErrorClass::as_str).told();
            self.stop_reason.told();
            self.cause.told();
            self.state.map(BreakerState::as_str).told();
            self.retry_after.told();
            self.code.told();
        }
    }

    impl Told for &TimelineEvent {
        fn told(self) {
            self.event.told();
            self.attempt.told();
            self.elapsed.told();
            self.delay.told();
            self.class.told();
            self.stop_reason.told();
            self.cause.told();
            self.state.told();
        }
    }

    impl Told for Lint {
        fn told(self) {
            self.name().told();
            self.severity().as_str().told();
            self.field().told();
            self.message().told();
        }
    }

    impl Told for &AttemptStart {
        fn told(self) {
            self.operation.told();
            self.attempt.told();
            self.elapsed.told();
        }
    }

    impl Told for &AttemptEnd {
        fn told(self) {
            self.operation.told();
            self.attempt.told();
            self.elapsed.told();
            self.decision.as_str().told();
            self.class.told();
            self.stop_reason.told();
            self.cause.told();
            self.delay.told();
        }
    }
}
