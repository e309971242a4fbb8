//! `#[retry]`: what functions look like.

use std::{
    fmt::{Debug, Display},
    time::Duration,
};

use redress_core::{
    Backoff, Classify, ErrorClass, Policy, RetryError, StopReason, retry,
    testing::{INSTANT_RETRIES, TestAsyncEnv, TestEnv, block_on},
};

use crate::Flaky;

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn blocking(flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
    let value = flaky.get()?;
    if value == 0 {
        return Err(ErrorClass::Permanent);
    }
    Ok(value)
}

#[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new())]
async fn asynchronous(flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
    std::future::ready(()).await;
    let value = flaky.get()?;
    if value == 0 {
        return Err(ErrorClass::Permanent);
    }
    Ok(value)
}

#[retry(context = TestEnv::new(), backoff = Backoff::none())]
fn with_a_budget_of_its_own() -> Result<u32, RetryError<ErrorClass>> {
    Err(ErrorClass::Transient)
}

#[retry(context = TestEnv::new(), backoff = Backoff::none(), no_budget)]
fn without_a_budget() -> Result<u32, RetryError<ErrorClass>> {
    Err(ErrorClass::Transient)
}

#[test]
fn all_calls_of_a_function_share_a_budget_unless_it_is_left_out() {
    let ended = |call: fn() -> Result<u32, RetryError<ErrorClass>>| {
        let error = call().unwrap_err();
        (error.attempts, error.reason)
    };
    let (all, stopped) = (StopReason::MaxAttemptsGlobal, StopReason::BudgetExhausted);
    assert_eq!([(); 4].map(|()| ended(with_a_budget_of_its_own)), [(6, all), (6, all), (1, stopped), (1, stopped)]);
    assert_eq!([(); 4].map(|()| ended(without_a_budget)), [(6, all); 4]);
}

#[test]
fn blocking_and_async_alike() {
    assert_eq!(blocking(&Flaky::failing(3)), Ok(21));
    assert_eq!(block_on(asynchronous(&Flaky::failing(3))), Ok(21));
    for error in [blocking(&Flaky::failing(99)), block_on(asynchronous(&Flaky::failing(99)))] {
        let error = error.unwrap_err();
        assert_eq!((error.error, error.attempts), (Some(ErrorClass::Transient), 6));
    }
}

mod visible {
    use super::{Flaky, INSTANT_RETRIES, RetryError, TestEnv, retry};
    use redress_core::ErrorClass;

    /// Documented.
    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    #[must_use]
    #[inline]
    pub(super) fn kept(flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
        #![allow(unused_variables)]
        let unused = 0;
        flaky.get()
    }
}

#[test]
fn visibility_and_attributes_are_kept() {
    assert_eq!(visible::kept(&Flaky::failing(1)), Ok(21));
}

struct Radio<T> {
    policy: Policy<'static>,
    noise: u32,
    sent: Vec<T>,
}

impl<T: Copy> Radio<T> {
    fn new(noise: u32) -> Self {
        Self { policy: INSTANT_RETRIES, noise, sent: Vec::new() }
    }

    fn try_send(&mut self, byte: T) -> Result<usize, ErrorClass> {
        if self.noise > 0 {
            self.noise -= 1;
            return Err(ErrorClass::Transient);
        }
        self.sent.push(byte);
        Ok(self.sent.len())
    }

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    fn send(&mut self, byte: T) -> Result<usize, RetryError<ErrorClass>> {
        self.try_send(byte)
    }

    #[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new())]
    async fn send_async(&mut self, bytes: &[T]) -> Result<usize, RetryError<ErrorClass>> {
        for byte in bytes {
            std::future::ready(()).await;
            self.try_send(*byte)?;
        }
        Ok(self.sent.len())
    }

    #[retry(policy = self.policy, context = TestEnv::new())]
    fn count(&self) -> Result<usize, RetryError<ErrorClass>> {
        Ok(self.sent.len())
    }

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    fn into_sent(self) -> Result<Vec<T>, RetryError<ErrorClass>>
    where
        T: Debug,
    {
        Ok(self.sent.clone())
    }

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    fn fresh() -> Result<Self, RetryError<ErrorClass>> {
        Ok(Self::new(0))
    }
}

#[test]
fn methods() {
    let mut radio = Radio::new(2);
    assert_eq!(radio.send(1), Ok(1));
    radio.noise = 2;
    assert_eq!(block_on(radio.send_async(&[2, 3])), Ok(3));
    assert_eq!(radio.count(), Ok(3));
    assert_eq!(radio.into_sent(), Ok(vec![1, 2, 3]));
    assert!(Radio::<u8>::fresh().is_ok());
}

trait Source {
    fn flaky(&self) -> &Flaky;

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    fn read(&self) -> Result<u32, RetryError<ErrorClass>> {
        self.flaky().get()
    }
}

impl Source for Flaky {
    fn flaky(&self) -> &Flaky {
        self
    }
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn shapes<'a, T, const N: usize>(
    mut buffer: [T; N],
    (first, _): (T, u8),
    name: &'a str,
    get: impl Fn() -> Result<T, ErrorClass>,
) -> Result<(impl Display, &'a str), RetryError<ErrorClass>>
where
    T: Copy + Debug,
{
    buffer[0] = first;
    buffer[1] = get()?;
    Ok((format!("{buffer:?}"), name))
}

#[test]
fn generics_patterns_and_impl_trait() {
    assert_eq!(Flaky::failing(2).read(), Ok(21));
    let flaky = Flaky::failing(2);
    let (shown, name) = shapes([0; 3], (4, 0), "name", || flaky.get()).unwrap();
    assert_eq!((shown.to_string().as_str(), name), ("[4, 21, 0]", "name"));
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn cloned(name: String, flaky: &Flaky) -> Result<String, RetryError<ErrorClass>> {
    let name = name.clone();
    flaky.get()?;
    Ok(name)
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn coerced(flaky: &Flaky) -> Result<Box<dyn Display>, RetryError<ErrorClass>> {
    Ok(Box::new(flaky.get()?))
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn accumulated(mut tries: u32, flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
    tries += 1;
    flaky.get()?;
    Ok(tries)
}

#[test]
fn arguments_are_lent_to_each_attempt() {
    assert_eq!(cloned("name".into(), &Flaky::failing(2)), Ok("name".into()));
    assert_eq!(coerced(&Flaky::failing(2)).unwrap().to_string(), "21");
    assert_eq!(accumulated(0, &Flaky::failing(2)), Ok(3));
}

/// Code out of another macro has names of its own.
macro_rules! generated {
    ($function:ident, $error:ident, $policy:expr, $returned:ty) => {
        #[derive(Classify, Debug, PartialEq)]
        enum $error {
            #[class(rate_limit, retry_after = after, code = Self::number(*code))]
            Busy { after: Duration, code: u64 },
        }

        impl $error {
            fn number(code: u64) -> Option<u32> {
                code.try_into().ok()
            }
        }

        #[retry(policy = $policy, context = TestEnv::new(), attempt = attempt)]
        fn $function(result: u32) -> $returned {
            if attempt.number < result {
                return Err($error::Busy { after: Duration::ZERO, code: u64::MAX });
            }
            Ok(result)
        }
    };
}

generated!(out_of_a_macro, OutOfAMacro, INSTANT_RETRIES, Result<u32, RetryError<OutOfAMacro>>);

#[test]
fn other_macros_make_them() {
    assert_eq!(out_of_a_macro(3), Ok(3));
    let busy = OutOfAMacro::Busy { after: Duration::ZERO, code: u64::MAX };
    assert_eq!((out_of_a_macro(9).unwrap_err().error, busy.classify().numeric_code()), (Some(busy), None));
}
