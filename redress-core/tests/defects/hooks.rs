//! Defects of hooks and classifiers.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use redress_core::{
    AttemptEnd, AttemptStart, ErrorClass, Policy,
    testing::{TestAsyncEnv, TestEnv, block_on},
};

use crate::{TRANSIENT, constant};

/// [the Python library: a raising end hook made a successful operation run twice, a raising start hook burnt all attempts]
#[test]
fn a_failing_hook_does_not_run_an_operation_twice() {
    for result in [Ok(()), TRANSIENT] {
        let ran = Cell::new(0);
        let policy = Policy::new(constant(1));
        let hook = |_: &AttemptEnd| panic!("out of the hook");
        let mut context = policy.context(TestEnv::new()).on_attempt_end(hook);
        let call = || {
            context.call(|| {
                ran.set(ran.get() + 1);
                result
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "a panic is not swallowed");
        assert_eq!(ran.get(), 1);
    }
    let hook = |_: &AttemptStart| panic!("out of the hook");
    let policy = Policy::new(constant(1));
    let mut context = policy.context(TestEnv::new()).on_attempt_start(hook);
    let call = || context.call(|| -> Result<(), ErrorClass> { unreachable!("the attempt began after all") });
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "a panic is not swallowed");
    assert_eq!(context.env().sleeps().count(), 0, "nor is it a failure to be retried");
}

/// [the Python library: twice per terminal call]
#[test]
fn the_classifier_runs_once_per_failure() {
    let asked = Cell::new(0);
    let classifier = |class: &ErrorClass| {
        asked.set(asked.get() + 1);
        *class
    };
    for (class, attempts) in [(ErrorClass::Transient, 6), (ErrorClass::Permanent, 1), (ErrorClass::Unknown, 2)] {
        let policy = Policy::new(constant(1));
        asked.set(0);
        let outcome = policy.context(TestEnv::new()).classifier(classifier).execute(|| Err::<(), _>(class));
        assert_eq!((outcome.attempts, asked.get()), (attempts, attempts));

        asked.set(0);
        let mut context = policy.context(TestAsyncEnv::new()).classifier(classifier);
        let _ = block_on(context.call(async || Err::<(), _>(class)));
        assert_eq!(asked.get(), attempts);

        asked.set(0);
        let mut context = policy.context(TestEnv::new()).classifier(classifier);
        let mut run = context.start().unwrap();
        while run.failed(class).is_ok() {}
        assert_eq!(asked.get(), attempts);

        asked.set(0);
        let results = |class: &ErrorClass| {
            asked.set(asked.get() + 1);
            Some(*class)
        };
        policy.context(TestEnv::new()).retry_result(results).execute(|| Ok::<_, ErrorClass>(class));
        assert_eq!(asked.get(), attempts);
    }
}
