//! Operations which return `nb::Result`. Feature `nb-v1`.
//!
//! `WouldBlock` is no failure: nothing went wrong, there is just no answer yet. To count it as one would use up attempts,
//! and open breakers, by asking often. So it is dealt with inside of an attempt:
//!
//! - blocking, [`poll_for`] asks again until there is an answer or the attempt's time is over;
//! - in a superloop around the [bare machine](crate::Attempts), [`to_poll`] makes it `Pending`, which is not a failure.
//!
//! A `WouldBlock` reaches a classifier only after the whole wait was in vain: [`NbClassifier`] classifies it as a time-out,
//! which is [`Transient`](ErrorClass::Transient), and leaves other errors to the classifier it wraps.
//!
//! ```
//! use core::time::Duration;
//! use redress_core::{AttemptInfo, Backoff, ErrorClass, Policy, Retry, SelfClassifier, embedded::nb::{NbClassifier, poll_for}, testing::{ManualClock, TestEnv}};
//!
//! static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).attempt_timeout(Duration::from_millis(50)));
//!
//! # let clock = ManualClock::new();
//! # struct Uart(u32);
//! # impl Uart { fn read(&mut self) -> nb::Result<u8, ErrorClass> { self.0 += 1; if self.0 < 3 { Err(nb::Error::WouldBlock) } else { Ok(0x42) } } }
//! # let mut uart = Uart(0);
//! let byte = POLICY
//!     .context(TestEnv::new())
//!     .classifier(NbClassifier(SelfClassifier))
//!     .call(|attempt: AttemptInfo| poll_for(&clock, attempt.remaining, || uart.read()));
//! assert_eq!(byte, Ok(0x42));
//! ```

use core::task::Poll;

use crate::{Classification, Classifier, Clock, ErrorClass, Millis, time::ClockRate};

/// Classifies the errors inside of `nb::Error` with another classifier; `WouldBlock` is [`ErrorClass::Transient`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NbClassifier<C>(pub C);

#[diagnostic::do_not_recommend]
impl<E, C: Classifier<E>> Classifier<nb::Error<E>> for NbClassifier<C> {
    fn classify(&self, error: &nb::Error<E>) -> Classification {
        match error {
            nb::Error::Other(error) => self.0.classify(error),
            nb::Error::WouldBlock => ErrorClass::Transient.into(),
        }
    }
}

/// Polls until there is an answer, for at most `limit` (`None`: without limit), which
/// [`AttemptInfo::remaining`](crate::AttemptInfo::remaining) provides. Polls at least once.
///
/// # Errors
///
/// The operation's, or `WouldBlock` when the time is over. On a clock that stands still that is never.
pub fn poll_for<C: Clock, T, E>(
    clock: &C,
    limit: Option<Millis>,
    mut operation: impl FnMut() -> nb::Result<T, E>,
) -> nb::Result<T, E> {
    let start = clock.now();
    let limit = limit.map(|limit| C::RATE.ticks(limit));
    loop {
        match operation() {
            Err(nb::Error::WouldBlock) if limit.is_none_or(|limit| clock.now().ticks_since(start) < limit) => {}
            answer => return answer,
        }
    }
}

/// `Pending` for an operation that would block, and what it says otherwise.
///
/// ```
/// use core::task::Poll;
/// use redress_core::embedded::nb::to_poll;
///
/// assert_eq!(to_poll::<u8, &str>(Err(nb::Error::WouldBlock)), Poll::Pending);
/// assert_eq!(to_poll::<u8, &str>(Err(nb::Error::Other("parity"))), Poll::Ready(Err("parity")));
/// ```
pub fn to_poll<T, E>(result: nb::Result<T, E>) -> Poll<Result<T, E>> {
    match result {
        Ok(value) => Poll::Ready(Ok(value)),
        Err(nb::Error::Other(error)) => Poll::Ready(Err(error)),
        Err(nb::Error::WouldBlock) => Poll::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SelfClassifier, testing::ManualClock};

    #[test]
    fn would_block_is_asked_again_until_the_time_is_over() {
        let clock = ManualClock::new();
        let mut asked = 0;
        let mut never = || {
            asked += 1;
            clock.advance_ticks(10);
            Err::<(), nb::Error<ErrorClass>>(nb::Error::WouldBlock)
        };
        assert_eq!(poll_for(&clock, Some(Millis::new(45)), &mut never), Err(nb::Error::WouldBlock));
        assert_eq!(poll_for(&clock, Some(Millis::ZERO), &mut never), Err(nb::Error::WouldBlock));
        assert_eq!(asked, 5 + 1);
    }

    #[test]
    fn an_answer_ends_the_asking() {
        let clock = ManualClock::new();
        for answer in [Ok(7), Err(nb::Error::Other(ErrorClass::Auth))] {
            let mut asked = 0;
            let result = poll_for(&clock, None, || {
                asked += 1;
                if asked < 1_000 { Err(nb::Error::WouldBlock) } else { answer }
            });
            assert_eq!((result, asked), (answer, 1_000));
        }
    }

    #[test]
    fn in_vain_is_a_time_out_and_the_rest_is_the_inner_error() {
        let classifier = NbClassifier(SelfClassifier);
        assert_eq!(classifier.classify(&nb::Error::<ErrorClass>::WouldBlock), ErrorClass::Transient.into());
        assert_eq!(classifier.classify(&nb::Error::Other(ErrorClass::Auth)), ErrorClass::Auth.into());
    }
}
