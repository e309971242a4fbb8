//! The layer.

use std::{marker::PhantomData, sync::Arc};

use redress_core::{Backoff, Context, Environment, Policy, Retry, context::Hooks};
use tower_layer::Layer;

use super::{ByMethod, OnePolicy, PolicyService, ServiceEnvironment};
use crate::SharedPolicy;

/// The policy of a context until a call binds the shared policy to it.
static UNBOUND: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1));

/// A layer that applies a policy to the requests of a service.
///
/// `E` is the environment, `H` the hooks of the context it was made of, `K` makes the copies of requests, `P` chooses their
/// policies. `B` is the shape of the service's errors, which is inferred from the service: [`Boxed`](crate::Boxed) for tower's
/// `BoxError` and its like, `()` for all others. Each call has its own clone of the hooks: observers that count for all of them share what they count in, as
/// `&'static` and `Arc` do.
///
/// Its behaviour is described in [`tower_v0_5`](super).
#[derive(Clone, Debug)]
pub struct PolicyLayer<E: Environment, H, K = ByMethod, P = OnePolicy, B = ()> {
    pub(super) pattern: Context<'static, E, H>,
    pub(super) policies: P,
    pub(super) copies: K,
    errors: PhantomData<fn(B)>,
}

impl<E: ServiceEnvironment, H, B> PolicyLayer<E, H, ByMethod, OnePolicy, B> {
    /// Creates a layer whose calls are made as with this context, of a policy in a `static` or
    /// [leaked](SharedPolicy::leak).
    pub const fn new(context: Context<'static, E, H>) -> Self {
        Self { pattern: context, policies: OnePolicy(None), copies: ByMethod, errors: PhantomData }
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
    /// # let _: PolicyLayer<_, _> = layer;
    /// # }
    /// # Ok::<(), redress_std::ConfigError>(())
    /// ```
    pub fn shared(
        policy: SharedPolicy,
        env: E,
        configure: impl FnOnce(Context<'static, E, Hooks<E::Classifier>>) -> Context<'static, E, H>,
    ) -> Self {
        Self { policies: OnePolicy(Some(Arc::new(policy))), ..Self::new(configure(UNBOUND.context(env))) }
    }
}

impl<E: ServiceEnvironment, H, P, B> PolicyLayer<E, H, ByMethod, P, B> {
    /// Creates a layer that asks for the policy of each request: for a breaker and a budget per host, shard or tenant. `choose`
    /// returns a policy out of a [`ByKey`](crate::ByKey) (feature `by-key`) or any other place; the call holds it until it ends.
    ///
    /// ```
    /// # #[cfg(all(feature = "by-key", feature = "http", feature = "tokio"))] {
    /// use std::{sync::Arc, time::Duration};
    /// use ::http::Request;
    /// use redress_std::{
    ///     Backoff, BreakerConfig, ByKey, CircuitBreaker, Retry, SharedPolicy, Tokio,
    ///     tower_v0_5::{PolicyLayer, authority},
    /// };
    /// # type Body = String;
    ///
    /// let backoff = Backoff::full_jitter(Duration::from_millis(50), Duration::from_secs(5));
    /// let hosts: ByKey<String, SharedPolicy> = ByKey::new(1_000, move |_host| {
    ///     let breaker = Arc::new(CircuitBreaker::<8>::new(BreakerConfig::new(8)));
    ///     SharedPolicy::new(Retry::new(backoff)).circuit_breaker(breaker)
    /// });
    /// let hosts = Arc::new(hosts);
    /// let layer = PolicyLayer::per_request(
    ///     move |request: &Request<Body>| hosts.get(authority(request)),
    ///     Tokio,
    ///     |context| context.operation("fetch"),
    /// );
    /// # let _: PolicyLayer<_, _, _, _> = layer;
    /// # }
    /// ```
    pub fn per_request<Req>(
        choose: P,
        env: E,
        configure: impl FnOnce(Context<'static, E, Hooks<E::Classifier>>) -> Context<'static, E, H>,
    ) -> Self
    where
        P: Fn(&Req) -> Arc<SharedPolicy>,
    {
        Self { pattern: configure(UNBOUND.context(env)), policies: choose, copies: ByMethod, errors: PhantomData }
    }
}

impl<E: Environment, H, K, P, B> PolicyLayer<E, H, K, P, B> {
    /// Sets how requests are copied: a `Fn(&Req) -> Option<Req>`, or any other [`CloneRequest`](super::CloneRequest). A
    /// request of which there is no copy is sent once. Default: [`ByMethod`].
    pub fn clone_with<K2>(self, copies: K2) -> PolicyLayer<E, H, K2, P, B> {
        let Self { pattern, policies, copies: _, errors } = self;
        PolicyLayer { pattern, policies, copies, errors }
    }
}

impl<S, E: Environment + Clone, H: Clone, K: Clone, P: Clone, B: Clone> Layer<S> for PolicyLayer<E, H, K, P, B> {
    type Service = PolicyService<S, E, H, K, P, B>;

    fn layer(&self, service: S) -> Self::Service {
        PolicyService::new(service, self.clone())
    }
}
