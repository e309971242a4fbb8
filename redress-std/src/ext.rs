//! Calls straight from a policy, for where the defaults will do.

use redress_core::{Classifier, Outcome, Policy, RetryError, operation::Operation};

use crate::{DefaultClassifier, SharedPolicy, Threads};

/// Blocking calls with the default environment, straight from a [`Policy`] or a [`SharedPolicy`].
///
/// `policy.call(f)` is `policy.context(Threads).call(f)`. A name for the operation, an abort condition, observers and other
/// classifiers need the [context](Policy::context), and so do errors which [`DefaultClassifier`] does not take, and calls in
/// tokio: `policy.context(Tokio).call(f).await`.
///
/// ```
/// use std::{io, time::Duration};
/// use redress_std::{Backoff, Policy, PolicyExt, Retry};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(1))).max_attempts(2));
///
/// # fn read_sensor() -> io::Result<u32> { Ok(21) }
/// let value = POLICY.call(|| read_sensor())?;
/// # assert_eq!(value, 21);
/// # Ok::<(), redress_std::RetryError<io::Error>>(())
/// ```
pub trait PolicyExt: sealed::Sealed {
    /// Calls the operation until it succeeds or the policy stops, blocking the thread.
    ///
    /// # Errors
    ///
    /// The last error by value, with the reason to stop.
    fn call<K, B, T, X>(&self, operation: impl Operation<K, T, X>) -> Result<T, RetryError<X>>
    where
        DefaultClassifier: Classifier<X, B>;

    /// Calls the operation like [`call`](Self::call) and returns a report about it.
    fn execute<K, B, T, X>(&self, operation: impl Operation<K, T, X>) -> Outcome<T, X>
    where
        DefaultClassifier: Classifier<X, B>;
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for Policy<'_> {}
impl sealed::Sealed for SharedPolicy {}

macro_rules! calls_in_threads {
    ($($policy:ty),*) => {$(
        impl PolicyExt for $policy {
            #[inline]
            fn call<K, B, T, X>(&self, operation: impl Operation<K, T, X>) -> Result<T, RetryError<X>>
            where
                DefaultClassifier: Classifier<X, B>,
            {
                self.context(Threads).call(operation)
            }

            #[inline]
            fn execute<K, B, T, X>(&self, operation: impl Operation<K, T, X>) -> Outcome<T, X>
            where
                DefaultClassifier: Classifier<X, B>,
            {
                self.context(Threads).execute(operation)
            }
        }
    )*};
}

calls_in_threads!(Policy<'_>, SharedPolicy);
