//! Calls straight from a policy, for where the defaults will do.

use redress_core::{Classifier, Outcome, Policy, RetryError};

use crate::{DefaultClassifier, Threads};

/// Calls with the default environment, straight from a [`Policy`].
///
/// `policy.call(f)` is `policy.context(Threads).call(f)`, and `policy.call_async(f)` is
/// `policy.context(Tokio).call(f).await`. A name for the operation, an abort condition, observers and other classifiers
/// need the [context](Policy::context), and so do errors which [`DefaultClassifier`] does not take.
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
    /// Calls the operation until it succeeds or the policy says stop, blocking the thread.
    ///
    /// # Errors
    ///
    /// The last error by value, with the reason to stop.
    fn call<T, X>(&self, operation: impl FnMut() -> Result<T, X>) -> Result<T, RetryError<X>>
    where
        DefaultClassifier: Classifier<X>;

    /// Like [`call`](Self::call), and tells all about it.
    fn execute<T, X>(&self, operation: impl FnMut() -> Result<T, X>) -> Outcome<T, X>
    where
        DefaultClassifier: Classifier<X>;

    /// Calls the operation in tokio until it succeeds or the policy says stop. Feature `tokio`.
    ///
    /// The future is `Send` where the operation and its futures are. Dropping it at any point leaves breaker and budget
    /// as if the call had not been made.
    ///
    /// ```
    /// use std::io;
    /// # use redress_std::{Backoff, Policy, Retry};
    /// use redress_std::PolicyExt;
    ///
    /// # static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
    /// # async fn fetch() -> io::Result<u32> { Ok(200) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), redress_std::RetryError<io::Error>> {
    /// let status = POLICY.call_async(|| fetch()).await?;
    /// # assert_eq!(status, 200);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The last error by value, with the reason to stop.
    #[cfg(feature = "tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
    fn call_async<T, X, Fut: Future<Output = Result<T, X>>>(
        &self,
        operation: impl FnMut() -> Fut,
    ) -> impl Future<Output = Result<T, RetryError<X>>>
    where
        DefaultClassifier: Classifier<X>;

    /// Like [`call_async`](Self::call_async), and tells all about it. Feature `tokio`.
    #[cfg(feature = "tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
    fn execute_async<T, X, Fut: Future<Output = Result<T, X>>>(
        &self,
        operation: impl FnMut() -> Fut,
    ) -> impl Future<Output = Outcome<T, X>>
    where
        DefaultClassifier: Classifier<X>;
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for Policy<'_> {}

impl PolicyExt for Policy<'_> {
    #[inline]
    fn call<T, X>(&self, operation: impl FnMut() -> Result<T, X>) -> Result<T, RetryError<X>>
    where
        DefaultClassifier: Classifier<X>,
    {
        self.context(Threads).call(operation)
    }

    #[inline]
    fn execute<T, X>(&self, operation: impl FnMut() -> Result<T, X>) -> Outcome<T, X>
    where
        DefaultClassifier: Classifier<X>,
    {
        self.context(Threads).execute(operation)
    }

    #[cfg(feature = "tokio")]
    #[inline]
    async fn call_async<T, X, Fut: Future<Output = Result<T, X>>>(
        &self,
        operation: impl FnMut() -> Fut,
    ) -> Result<T, RetryError<X>>
    where
        DefaultClassifier: Classifier<X>,
    {
        self.context(crate::Tokio).call(operation).await
    }

    #[cfg(feature = "tokio")]
    #[inline]
    async fn execute_async<T, X, Fut: Future<Output = Result<T, X>>>(
        &self,
        operation: impl FnMut() -> Fut,
    ) -> Outcome<T, X>
    where
        DefaultClassifier: Classifier<X>,
    {
        self.context(crate::Tokio).execute(operation).await
    }
}
