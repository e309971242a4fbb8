//! redress.

use board::report_result;
use redress_embassy::Embassy;

use super::{Request, operation, second_operation, third_operation};
use crate::redress::{BASIC, WITH_BUDGET, classify, last_error};

/// Makes calls: a context, and one call after the other.
macro_rules! calls {
    ($policy:ident: $($operation:ident),*) => {
        run! {
            let mut context = $policy.context(Embassy::with(board::random)).classifier(classify);
            $(report_result(context.call($operation).await.map_err(last_error));)*
        }
    };
}

/// Backoff and attempt limit.
pub fn basic() {
    calls!(BASIC: operation);
}

/// The same at two call sites.
pub fn two_sites() {
    calls!(BASIC: operation, second_operation);
}

/// The same at three.
pub fn three_sites() {
    calls!(BASIC: operation, second_operation, third_operation);
}

/// Deadline, limits, table, breaker and budget.
pub fn full() {
    calls!(WITH_BUDGET: operation);
}

/// The same at two call sites.
pub fn full_two_sites() {
    calls!(WITH_BUDGET: operation, second_operation);
}

/// The same at three.
pub fn full_three_sites() {
    calls!(WITH_BUDGET: operation, second_operation, third_operation);
}

/// Makes calls in the loop form.
macro_rules! loops {
    ($policy:ident: $($operation:ident),*) => {
        run! {
            let mut context = $policy.context(Embassy::with(board::random)).classifier(classify);
            $(report_result(async {
                let mut call = context.start().map_err(|_| None)?;
                loop {
                    match $operation().await {
                        Ok(value) => break Ok(call.succeed(value)),
                        Err(fault) => call.failed(fault).await.map_err(last_error)?,
                    }
                }
            }.await);)*
        }
    };
}

/// Three call sites in the loop form.
pub fn three_loops() {
    loops!(BASIC: operation, second_operation, third_operation);
}

/// The same with the full policy.
pub fn full_three_loops() {
    loops!(WITH_BUDGET: operation, second_operation, third_operation);
}

/// Makes three operations behind one call.
macro_rules! one_call {
    ($policy:ident) => {
        run! {
            let mut context = $policy.context(Embassy::with(board::random)).classifier(classify);
            for request in Request::ALL {
                report_result(context.call(async || request.exchange().await).await.map_err(last_error));
            }
        }
    };
}

/// Three operations behind one call.
pub fn three_requests() {
    one_call!(BASIC);
}

/// The same with the full policy.
pub fn full_three_requests() {
    one_call!(WITH_BUDGET);
}
