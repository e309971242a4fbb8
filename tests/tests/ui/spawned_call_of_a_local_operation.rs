//! A call in an environment for many threads is `Send` only if its operation's future is.

use core::future::{Future, ready};
use redress_core::{
    AsyncEnvironment, Clock, Environment, ErrorClass, Instant, SelfClassifier, env::mode, testing::INSTANT_RETRIES,
};

struct Env;

impl Clock for Env {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

impl Environment for Env {
    type Mode = mode::Spawned;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        0
    }
}

impl AsyncEnvironment for Env {
    async fn sleep(&mut self, _ticks: u64) {}
}

fn spawn<F: Future + Send + 'static>(_future: F) {}

async fn operation() -> Result<(), ErrorClass> {
    let not_send = std::rc::Rc::new(());
    ready(()).await;
    drop(not_send);
    Ok(())
}

fn main() {
    spawn(async {
        let mut context = INSTANT_RETRIES.context(Env);
        let _ = context.call(operation).await;
    });
}
