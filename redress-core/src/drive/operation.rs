//! Operations: what `call` and `execute` take.
//!
//! Any closure is one that takes nothing or an [`AttemptInfo`], and returns a `Result` or a future of one. `K` tells the
//! shapes of closures apart; it is inferred.

use crate::AttemptInfo;

/// An operation that blocks: `FnMut() -> Result<T, X>` or `FnMut(AttemptInfo) -> Result<T, X>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operation that blocks: it is async, or returns no `Result`",
    label = "expected a closure that returns a `Result`",
    note = "in an environment that blocks, the closure takes nothing or an `AttemptInfo`, and returns `Result<{T}, {X}>`",
    note = "an async operation needs an async environment: `Tokio`, `TokioLocal`, `Embassy`, `Web`, `Local`"
)]
pub trait Operation<K, T, X> {
    /// Makes an attempt.
    fn attempt(&mut self, info: AttemptInfo) -> Result<T, X>;
}

impl<F: FnMut() -> R, R: IsResult<T, X>, T, X> Operation<fn(), T, X> for F {
    fn attempt(&mut self, _info: AttemptInfo) -> Result<T, X> {
        self().into_result()
    }
}

impl<F: FnMut(AttemptInfo) -> R, R: IsResult<T, X>, T, X> Operation<fn(AttemptInfo), T, X> for F {
    fn attempt(&mut self, info: AttemptInfo) -> Result<T, X> {
        self(info).into_result()
    }
}

/// A `Result`, as the bound on what closures return, so that a closure which returns a future is reported by the words of
/// [`Operation`].
pub trait IsResult<T, X> {
    /// Returns itself.
    fn into_result(self) -> Result<T, X>;
}

impl<T, X> IsResult<T, X> for Result<T, X> {
    #[inline(always)]
    fn into_result(self) -> Self {
        self
    }
}

/// An async operation that stays on its thread: `AsyncFnMut()` or `AsyncFnMut(AttemptInfo)`, whose futures give a `Result`.
/// They may borrow what the closure captured, also mutably.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async operation",
    label = "expected an async closure that returns a `Result`",
    note = "the closure takes nothing or an `AttemptInfo`"
)]
pub trait LocalOperation<K> {
    /// The `Result` of an attempt.
    type Output;

    /// Makes an attempt.
    fn attempt(&mut self, info: AttemptInfo) -> impl Future<Output = Self::Output>;
}

impl<F: AsyncFnMut() -> R, R> LocalOperation<fn()> for F {
    type Output = R;

    fn attempt(&mut self, _info: AttemptInfo) -> impl Future<Output = R> {
        self()
    }
}

impl<F: AsyncFnMut(AttemptInfo) -> R, R> LocalOperation<fn(AttemptInfo)> for F {
    type Output = R;

    fn attempt(&mut self, info: AttemptInfo) -> impl Future<Output = R> {
        self(info)
    }
}

/// An async operation whose calls can be spawned: `FnMut() -> Fut` or `FnMut(AttemptInfo) -> Fut`, where `Fut` is a future of
/// a `Result`. The call is `Send` if closure and future are.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async operation whose calls can be spawned",
    label = "expected a closure that returns a future of a `Result`",
    note = "the closure takes nothing or an `AttemptInfo`",
    note = "an async closure that borrows from what it captured needs an environment of one thread, such as `TokioLocal`, or the loop form"
)]
pub trait SpawnedOperation<K> {
    /// The `Result` of an attempt.
    type Output;
    /// The future of an attempt.
    type Future: Future<Output = Self::Output>;

    /// Makes an attempt.
    fn attempt(&mut self, info: AttemptInfo) -> Self::Future;
}

impl<F: FnMut() -> U, U: Future> SpawnedOperation<fn()> for F {
    type Output = U::Output;
    type Future = U;

    fn attempt(&mut self, _info: AttemptInfo) -> U {
        self()
    }
}

impl<F: FnMut(AttemptInfo) -> U, U: Future> SpawnedOperation<fn(AttemptInfo)> for F {
    type Output = U::Output;
    type Future = U;

    fn attempt(&mut self, info: AttemptInfo) -> U {
        self(info)
    }
}
