//! The steps of async calls without hooks, which all call sites of an environment share.
//!
//! # Design
//!
//! The state of a future lies in memory, where the compiler loses sight of the policy, so each call site would contain all that any
//! policy may need. Instead a context refers to the code of the steps. It is chosen where the context is made, where the policy is
//! mostly still known: an image whose policies are all plain contains nothing of deadlines, breakers and budgets.
//!
//! With `std`, async calls contain their steps as blocking ones do, because through a pointer they take more instructions.

use core::marker::PhantomData;

use crate::{
    Cause, Classification, Policy, Rejected, StopReason,
    call::Call,
    env::{Environment, mode::Mode},
};

/// A step of a call.
#[derive(Debug)]
pub enum Step<'a> {
    /// Begins an attempt, and before the first one the call.
    Begin { reports_time: bool },
    /// Takes a failure.
    Fail { classification: &'a Classification, cause: Cause },
    /// Ends the call.
    Finish { reason: Option<StopReason>, reports_time: bool },
    /// Gives the call up.
    Abandon,
}

/// A reference to the code of the steps, or none where call sites contain it.
pub trait Steps<E>: Copy + core::fmt::Debug {
    /// Whether calls without hooks use it.
    const ARE_SHARED: bool = false;
    /// No code.
    const NONE: Self;
    /// The steps under a plain policy.
    const PLAIN: Self = Self::NONE;
    /// The steps under any policy.
    const ANY: Self = Self::NONE;

    /// Takes a step.
    fn take(self, _: &mut Call, _: &Policy<'_>, _: &mut E, _: Step<'_>) -> Result<(), Rejected> {
        Ok(())
    }
}

/// How a context refers to the steps of its calls.
pub(crate) type StepsOf<E> = <<E as Environment>::Mode as Mode>::Steps<E>;

/// Returns the steps of calls under a policy.
#[inline(always)]
pub(crate) const fn of<E: Environment>(policy: &Policy<'_>) -> StepsOf<E> {
    if policy.is_plain() { Steps::PLAIN } else { Steps::ANY }
}

/// The reference of calls that contain their steps.
pub(crate) type Contained<E> = PhantomData<fn(E)>;

impl<E> Steps<E> for Contained<E> {
    const NONE: Self = Self;
}

#[cfg(feature = "std")]
pub(crate) use Contained as OfAsync;
#[cfg(not(feature = "std"))]
pub(crate) use shared::Shared as OfAsync;

#[cfg(not(feature = "std"))]
mod shared {
    use super::{Step, Steps};
    use crate::{
        Clock, Instant, Millis, Policy, Rejected, StopReason,
        call::{Call, Stop},
        context::{Hooks, Site},
        env::{Environment, mode},
    };

    /// The code of the steps.
    pub struct Shared<E>(fn(&mut Call, &Policy<'_>, &mut E, Step<'_>) -> Result<(), Rejected>);

    impl<E> Clone for Shared<E> {
        fn clone(&self) -> Self {
            *self
        }
    }

    impl<E> Copy for Shared<E> {}

    impl<E> core::fmt::Debug for Shared<E> {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("Shared")
        }
    }

    impl<E: Environment> Steps<E> for Shared<E> {
        const ARE_SHARED: bool = true;
        const NONE: Self = Self(|_, _, _, _| Ok(()));
        const PLAIN: Self = Self(plain);
        const ANY: Self = Self(any);

        fn take(self, call: &mut Call, policy: &Policy<'_>, env: &mut E, step: Step<'_>) -> Result<(), Rejected> {
            (self.0)(call, policy, env, step)
        }
    }

    fn any<E: Environment>(call: &mut Call, policy: &Policy<'_>, env: &mut E, step: Step<'_>) -> Result<(), Rejected> {
        step.take(call, policy, env)
    }

    /// The compiler knows here that the policy is plain.
    fn plain<E: Environment>(
        call: &mut Call,
        policy: &Policy<'_>,
        env: &mut E,
        step: Step<'_>,
    ) -> Result<(), Rejected> {
        if policy.is_plain() { step.take(call, policy, env) } else { Err(Stop::from(StopReason::Aborted).into()) }
    }

    impl Step<'_> {
        #[inline(always)]
        fn take<E: Environment>(self, call: &mut Call, policy: &Policy<'_>, env: &mut E) -> Result<(), Rejected> {
            let site = &mut Site::contained(Lent(env), Hooks::new(()));
            // One place reads the clock: a step with hooks reads it after the wait, and where it takes the failure.
            if call.machine.is_waiting() || matches!(self, Self::Fail { .. }) {
                call.read(policy, site);
            }
            let taken = match self {
                Self::Begin { reports_time } => {
                    if call.machine.has_begun() {
                        call.begin(policy, site)
                    } else {
                        call.start(policy, site, reports_time)
                    }
                }
                Self::Fail { classification, cause } => {
                    call.fail_after(policy, site, classification, cause, None::<&()>, Millis::ZERO)
                }
                Self::Finish { reason, reports_time } => {
                    call.finish(policy, site, reason.map(Into::into), reports_time, Site::emit);
                    Ok(())
                }
                Self::Abandon => {
                    call.release(policy);
                    Ok(())
                }
            };
            taken.map_err(Into::into)
        }
    }

    /// The environment of a call, lent to a step.
    struct Lent<'a, E>(&'a mut E);

    impl<E: Clock> Clock for Lent<'_, E> {
        const TICK_HZ: u32 = E::TICK_HZ;

        fn now(&self) -> Instant {
            self.0.now()
        }
    }

    impl<E: Environment> Environment for Lent<'_, E> {
        type Mode = mode::Blocking;
        type Classifier = ();

        const CLASSIFIER: () = ();

        fn random(&mut self) -> u32 {
            self.0.random()
        }
    }
}
