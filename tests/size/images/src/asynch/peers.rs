//! Other crates, with their timers for embassy where they have one.

/// Defines backoff and attempt limit at one, two and three call sites, and three operations behind one call, by a macro
/// `retried` that makes a call.
macro_rules! shapes {
    () => {
        /// Backoff and attempt limit.
        pub fn basic() {
            run! { retried!(operation) }
        }

        /// The same at two call sites.
        pub fn two_sites() {
            run! {
                retried!(operation);
                retried!(second_operation);
            }
        }

        /// The same at three.
        pub fn three_sites() {
            run! {
                retried!(operation);
                retried!(second_operation);
                retried!(third_operation);
            }
        }

        /// Three operations behind one call.
        pub fn three_requests() {
            run! {
                for request in Request::ALL {
                    let exchange = || request.exchange();
                    retried!(exchange);
                }
            }
        }
    };
}

/// backon 1.6.
pub mod backon {
    use ::backon::{EmbassySleeper, Retryable};
    use board::report_result;

    use super::super::{Request, operation, second_operation, third_operation};
    use crate::{backon::policy, passes};

    macro_rules! retried {
        ($operation:ident) => {
            report_result($operation.retry(policy()).when(passes).sleep(EmbassySleeper).await.map_err(Some))
        };
    }

    shapes!();
}

/// reliakit 1.1, which draws no jitter by itself and brings no timer.
pub mod reliakit {
    use board::report_result;
    use embassy_time::{Duration, Timer};
    use reliakit_backoff::full_jitter;
    use reliakit_retry::retry_async;

    use super::super::{Request, operation, second_operation, third_operation};
    use crate::{ATTEMPTS, BASE, CAP, passes, shapes::peers::reliakit::policy_of};

    #[expect(clippy::cast_possible_truncation, reason = "delays are below a second")]
    async fn sleep(delay: core::time::Duration) {
        Timer::after(Duration::from_millis(full_jitter(delay, board::random()).as_millis() as u64)).await;
    }

    macro_rules! retried {
        ($operation:ident) => {{
            let Some(policy) = policy_of(BASE, CAP, ATTEMPTS) else { return };
            let result = retry_async(&policy, $operation, passes, sleep).await;
            report_result(result.map_err(|error| Some(error.into_last_error())));
        }};
    }

    shapes!();
}

/// relentless 0.18.
pub mod relentless {
    use ::relentless::clock::EmbassyClock;
    use board::report_result;

    use super::super::{Request, operation, second_operation, third_operation};
    use crate::relentless::policy;

    macro_rules! retried {
        ($operation:ident) => {
            report_result(
                policy!()
                    .retry_async(|_| $operation())
                    .clock(EmbassyClock::new())
                    .call()
                    .await
                    .map_err(|error| error.into_last_error()),
            )
        };
    }

    shapes!();
}
