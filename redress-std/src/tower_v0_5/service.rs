//! The service.

use std::{
    future::poll_fn,
    mem,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use redress_core::{
    Classifier, Environment, ErrorObserver, Failure, Outcome,
    context::{AbortCondition, HookSet, ResultClassifier},
};
use tower_service::Service;

use super::{
    ByMethod, ChoosePolicy, CloneRequest, OnePolicy, PolicyLayer, ServiceEnvironment, ServiceError, environment::Named,
};

/// A service whose requests are made under a policy. Made by [`PolicyLayer`].
#[derive(Clone, Debug)]
pub struct PolicyService<S, E: Environment, H, K = ByMethod, P = OnePolicy, B = ()> {
    service: S,
    layer: PolicyLayer<E, H, K, P, B>,
}

impl<S, E: Environment, H, K, P, B> PolicyService<S, E, H, K, P, B> {
    /// Creates the service under the policy of this layer.
    pub const fn new(service: S, layer: PolicyLayer<E, H, K, P, B>) -> Self {
        Self { service, layer }
    }

    /// Borrows the service within.
    pub const fn get_ref(&self) -> &S {
        &self.service
    }
}

impl<S, Req, E, H, K, P, B> Service<Req> for PolicyService<S, E, H, K, P, B>
where
    S: Service<Req, Response: Send, Error: Send, Future: Send> + Clone + Send + 'static,
    Req: Send + 'static,
    E: ServiceEnvironment,
    H: HookSet + Clone + Send + 'static,
    H::Classifier: Classifier<S::Error, B>,
    H::Observer: ErrorObserver<S::Error>,
    H::Abort: AbortCondition<Cancelled: Send>,
    H::Results: ResultClassifier<S::Response>,
    K: CloneRequest<Req> + Clone + Send + 'static,
    P: ChoosePolicy<Req>,
{
    type Response = S::Response;
    type Error = ServiceError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx).map_err(ServiceError::NotReady)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // The one that is ready makes the first attempt. Its clone isn't ready, and waits for its own turn.
        let clone = self.service.clone();
        let mut ready = Some(mem::replace(&mut self.service, clone.clone()));
        let service = clone;
        let chosen = self.layer.policies.choose(&request);
        let (pattern, copies) = (self.layer.pattern.clone(), self.layer.copies.clone());
        Box::pin(async move {
            let policy = chosen.as_ref().map_or(*pattern.policy(), |chosen| *chosen.policy());
            // Whether it can be repeated is known only by copying it.
            let original = copies.clone_request(&request);
            let policy = if original.is_some() { policy } else { policy.once() };
            let env = Named(pattern.env().clone());
            let mut context = pattern.rebind(&policy, env);
            let mut first = Some(request);
            let attempt = move || {
                let request = first.take().or_else(|| original.as_ref().and_then(|it| copies.clone_request(it)));
                let request = request.expect("a request that was copied once can be copied again");
                let (mut service, is_ready) = match ready.take() {
                    Some(service) => (service, true),
                    None => (service.clone(), false),
                };
                async move {
                    if !is_ready {
                        poll_fn(|cx| service.poll_ready(cx)).await?;
                    }
                    service.call(request).await
                }
            };
            let outcome = context.execute(attempt).await;
            result(outcome)
        })
    }
}

/// Converts the outcome of a call into the result of the service.
fn result<T, X>(mut outcome: Outcome<T, X>) -> Result<T, ServiceError<X>> {
    outcome.result = match outcome.result {
        // Of a call that goes on later the checkpoint counts.
        Err(Some(Failure::Result(response))) if outcome.checkpoint.is_none() => Ok(response),
        result => result,
    };
    outcome.into_result().map_err(ServiceError::GaveUp)
}
