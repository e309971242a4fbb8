//! Other crates, as far as they have the shape.

/// backon 1.6.
pub mod backon {
    use core::{hint::black_box, time::Duration};

    use ::backon::{BlockingRetryable, ExponentialBuilder};
    use board::{Fault, operation, report_result, second_operation, sleep_for, third_operation};

    use super::super::{SECOND, SECOND_ATTEMPTS, THIRD, THIRD_ATTEMPTS};
    use crate::{ATTEMPTS, BASE, CAP, backon::policy, passes};

    fn retried(policy: ExponentialBuilder, operation: impl FnMut() -> Result<u32, Fault>) {
        report_result(operation.retry(policy).when(passes).sleep(sleep_for).call().map_err(Some));
    }

    fn policy_of(base: Duration, cap: Duration, attempts: u32) -> ExponentialBuilder {
        policy().with_min_delay(base).with_max_delay(cap).with_max_times((attempts as usize).saturating_sub(1))
    }

    /// Two policies, a call site each.
    pub fn two_policies() {
        retried(policy(), operation);
        retried(policy_of(SECOND, CAP, SECOND_ATTEMPTS), second_operation);
    }

    /// Three policies, a call site each.
    pub fn three_policies() {
        two_policies();
        retried(policy_of(THIRD, CAP, THIRD_ATTEMPTS), third_operation);
    }

    /// A policy that the optimiser cannot see.
    pub fn pointer() {
        retried(*black_box(&policy()), operation);
    }

    /// Attempts that are known only at run time.
    pub fn runtime_attempts() {
        retried(policy_of(BASE, CAP, board::opaque()), operation);
    }

    /// A backoff that is known only at run time.
    pub fn runtime_backoff() {
        let [base, cap] = [(); 2].map(|()| Duration::from_millis(board::opaque().into()));
        retried(policy_of(base, cap, ATTEMPTS), operation);
    }
}

/// reliakit 1.1.
pub mod reliakit {
    use core::{hint::black_box, time::Duration};

    use board::{Fault, operation, random, report, report_result, second_operation, sleep_for, third_operation};
    use reliakit_backoff::{Backoff, full_jitter};
    use reliakit_retry::{RetryPolicy, retry_with_sleep};

    use super::super::{SECOND, SECOND_ATTEMPTS, THIRD, THIRD_ATTEMPTS};
    use crate::{ATTEMPTS, BASE, CAP, passes};

    pub(crate) const fn policy_of(base: Duration, cap: Duration, attempts: u32) -> Option<RetryPolicy> {
        RetryPolicy::new(attempts, Backoff::exponential(base, 2).with_max_delay(cap))
    }

    fn retried(policy: Option<&RetryPolicy>, operation: impl FnMut() -> Result<u32, Fault>) {
        let Some(policy) = policy else { return report(0) };
        let jittered = |delay| sleep_for(full_jitter(delay, random()));
        let result = retry_with_sleep(policy, operation, passes, jittered);
        report_result(result.map_err(|error| Some(error.into_last_error())));
    }

    static BASIC: Option<RetryPolicy> = policy_of(BASE, CAP, ATTEMPTS);

    /// Two policies, a call site each.
    pub fn two_policies() {
        static POLICY: Option<RetryPolicy> = policy_of(SECOND, CAP, SECOND_ATTEMPTS);
        retried(BASIC.as_ref(), operation);
        retried(POLICY.as_ref(), second_operation);
    }

    /// Three policies, a call site each.
    pub fn three_policies() {
        static POLICY: Option<RetryPolicy> = policy_of(THIRD, CAP, THIRD_ATTEMPTS);
        two_policies();
        retried(POLICY.as_ref(), third_operation);
    }

    /// A policy behind a pointer that the optimiser cannot see through.
    pub fn pointer() {
        retried(black_box(&BASIC).as_ref(), operation);
    }

    /// Attempts that are known only at run time.
    pub fn runtime_attempts() {
        retried(policy_of(BASE, CAP, board::opaque()).as_ref(), operation);
    }

    /// A backoff that is known only at run time.
    pub fn runtime_backoff() {
        let [base, cap] = [(); 2].map(|()| Duration::from_millis(board::opaque().into()));
        retried(policy_of(base, cap, ATTEMPTS).as_ref(), operation);
    }
}

/// relentless 0.18.
pub mod relentless {
    use core::{hint::black_box, time::Duration};

    use board::{operation, report_result, second_operation, third_operation};

    use super::super::{SECOND, SECOND_ATTEMPTS, THIRD, THIRD_ATTEMPTS};
    use crate::{
        ATTEMPTS, BASE, CAP,
        relentless::{Board, policy, retried},
    };

    /// Two policies, a call site each.
    pub fn two_policies() {
        retried!(policy!(), operation);
        retried!(policy!(SECOND, CAP, SECOND_ATTEMPTS), second_operation);
    }

    /// Three policies, a call site each.
    pub fn three_policies() {
        two_policies();
        retried!(policy!(THIRD, CAP, THIRD_ATTEMPTS), third_operation);
    }

    /// A policy that the optimiser cannot see.
    pub fn pointer() {
        retried!(black_box(&policy!()), operation);
    }

    /// Attempts that are known only at run time. Zero panics, so it counts as one.
    pub fn runtime_attempts() {
        retried!(policy!(BASE, CAP, board::opaque().max(1)), operation);
    }

    /// A backoff that is known only at run time.
    pub fn runtime_backoff() {
        let [base, cap] = [(); 2].map(|()| Duration::from_millis(board::opaque().into()));
        retried!(policy!(base, cap, ATTEMPTS), operation);
    }
}
