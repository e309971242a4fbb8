//! A call that succeeded has ended: it cannot fail as well, nor succeed twice.

use redress_core::{
    ErrorClass,
    testing::{INSTANT_RETRIES, TestEnv},
};

fn main() {
    let mut context = INSTANT_RETRIES.context(TestEnv::new());
    let mut run = context.start().unwrap();
    run.succeed(1);
    let _ = run.failed(ErrorClass::Transient);
}
