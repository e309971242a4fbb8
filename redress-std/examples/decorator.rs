//! `#[retry]` on functions, blocking and async. Features `macros`, `tokio`. Run by `cargo run -p redress-std --example decorator`.

use std::io::{Error, ErrorKind};

use redress_std::{RetryError, StopReason, retry};

/// Default classifier, decorrelated jitter from 250 ms up to 5 s, a budget, in this thread.
#[retry]
fn fetch_user(id: u32) -> Result<u32, RetryError<Error>> {
    if id == 0 { Err(ErrorKind::PermissionDenied.into()) } else { Ok(id) }
}

/// The same in tokio: the function's kind decides.
#[retry]
async fn fetch_user_async(id: u32) -> Result<u32, RetryError<Error>> {
    if id == 0 { Err(ErrorKind::PermissionDenied.into()) } else { Ok(id) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(fetch_user(7).expect("it succeeds"), 7);
    assert_eq!(fetch_user_async(7).await.expect("it succeeds"), 7);
    let error = fetch_user(0).unwrap_err();
    println!("{error}");
    assert_eq!((error.reason, error.attempts), (StopReason::NonRetryableClass, 1));
}
