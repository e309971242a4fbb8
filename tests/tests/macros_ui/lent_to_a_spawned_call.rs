//! What attempts borrow mutably is lent on one thread only.

use redress_core::{ErrorClass, RetryError, retry, testing::INSTANT_RETRIES};
use redress_std::Tokio;

struct Radio;

impl Radio {
    async fn try_send(&mut self) -> Result<(), ErrorClass> {
        Ok(())
    }

    #[retry(policy = INSTANT_RETRIES, context = Tokio, classifier = redress_core::SelfClassifier)]
    async fn send(&mut self) -> Result<(), RetryError<ErrorClass>> {
        self.try_send().await
    }
}

fn main() {}
