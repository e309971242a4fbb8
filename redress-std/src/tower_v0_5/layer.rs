//! The layer.

use redress_core::{Backoff, Context, Environment, Policy, Retry, context::Hooks};
use tower_layer::Layer;

use super::{ByMethod, PolicyService, ServiceEnvironment};
use crate::SharedPolicy;

/// The policy of a context until a call binds the shared policy to it.
static UNBOUND: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1));

/// A layer that applies a policy to the requests of a service.
///
/// `E` is the environment, `H` the hooks of the context it was made of, `K` makes the copies of requests. Each call has
/// its own clone of the hooks: observers that count for all of them share what they count in, as `&'static` and `Arc` do.
///
/// Its behaviour is described in [`tower_v0_5`](super).
#[derive(Clone, Debug)]
pub struct PolicyLayer<E: Environment, H, K = ByMethod> {
    pub(super) pattern: Context<'static, E, H>,
    pub(super) shared: Option<SharedPolicy>,
    pub(super) copies: K,
}

impl<E: ServiceEnvironment, H> PolicyLayer<E, H> {
    /// Creates a layer whose calls are made as with this context, of a policy in a `static` or
    /// [leaked](SharedPolicy::leak).
    pub const fn new(context: Context<'static, E, H>) -> Self {
        Self { pattern: context, shared: None, copies: ByMethod }
    }

    /// Creates a layer for a policy that owns its breaker and budget. The layer's services share them, with each other and
    /// with every other clone of the policy. The function adds to the context what calls need besides.
    ///
    /// ```
    /// # #[cfg(feature = "tokio")] {
    /// use std::{sync::Arc, time::Duration};
    /// use redress_std::{
    ///     Backoff, BreakerConfig, CircuitBreaker, Retry, SharedPolicy, Tokio, tower_v0_5::PolicyLayer,
    /// };
    ///
    /// # let (base, failures) = (Duration::from_millis(5), 4);
    /// let breaker = Arc::new(CircuitBreaker::<8>::try_new(BreakerConfig::new(failures))?);
    /// let retry = Retry::new(Backoff::try_full_jitter(base, Duration::from_secs(1))?);
    /// let policy = SharedPolicy::try_new(retry)?.circuit_breaker(breaker);
    /// let layer = PolicyLayer::shared(policy, Tokio, |context| context.operation("stock"));
    /// # let _ = layer;
    /// # }
    /// # Ok::<(), redress_std::ConfigError>(())
    /// ```
    pub fn shared(
        policy: SharedPolicy,
        env: E,
        configure: impl FnOnce(Context<'static, E, Hooks<E::Classifier>>) -> Context<'static, E, H>,
    ) -> Self {
        Self { shared: Some(policy), ..Self::new(configure(UNBOUND.context(env))) }
    }
}

impl<E: Environment, H, K> PolicyLayer<E, H, K> {
    /// Sets how requests are copied: a `Fn(&Req) -> Option<Req>`, or any other [`CloneRequest`](super::CloneRequest). A
    /// request of which there is no copy is sent once. Default: [`ByMethod`].
    pub fn clone_with<K2>(self, copies: K2) -> PolicyLayer<E, H, K2> {
        let Self { pattern, shared, copies: _ } = self;
        PolicyLayer { pattern, shared, copies }
    }
}

impl<S, E: Environment + Clone, H: Clone, K: Clone> Layer<S> for PolicyLayer<E, H, K> {
    type Service = PolicyService<S, E, H, K>;

    fn layer(&self, service: S) -> Self::Service {
        PolicyService::new(service, self.clone())
    }
}
