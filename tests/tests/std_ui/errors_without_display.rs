//! Observers that show errors need errors with a `Display`.

use redress_std::{Backoff, Classify, Policy, Retry, SelfClassifier, Threads, observe::LogObserver};

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

#[derive(Classify)]
#[class(transient)]
struct Timeout;

fn main() {
    let mut shown = POLICY.context(Threads).classifier(SelfClassifier).observe_errors(LogObserver::new());
    let _ = shown.call(|| Err::<(), _>(Timeout));
    // Without the errors it is observed.
    let mut unseen = POLICY.context(Threads).classifier(SelfClassifier).observe(LogObserver::new());
    let _ = unseen.call(|| Err::<(), _>(Timeout));
}
