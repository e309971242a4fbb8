//! An environment for one thread takes an `AsyncFnMut`, which may lend what it captures. Nobody can prove such futures
//! `Send`: its calls are not for executors with many threads.

use core::future::{Future, ready};
use redress_core::{
    ErrorClass,
    testing::{INSTANT_RETRIES, TestAsyncEnv},
};

/// As the `spawn` of tokio's multi-thread runtime.
fn spawn<F: Future + Send + 'static>(_future: F) {}

struct Radio;

impl Radio {
    async fn send(&mut self) -> Result<(), ErrorClass> {
        ready(()).await;
        Ok(())
    }
}

fn main() {
    spawn(async {
        let mut radio = Radio;
        let mut context = INSTANT_RETRIES.context(TestAsyncEnv::new());
        let _ = context.call(async || radio.send().await).await;
    });
}
