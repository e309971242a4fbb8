//! A hook on retries takes the error of the operation.

use redress_core::{
    ErrorClass,
    testing::{INSTANT_RETRIES, TestEnv},
};

fn main() {
    let mut context = INSTANT_RETRIES.context(TestEnv::new()).on_retry(|error: &u8, _| println!("{error}"));
    let _ = context.call(|| Err::<(), _>(ErrorClass::Transient));
}
