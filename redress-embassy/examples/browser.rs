//! A call on the browser's event loop, timed by embassy-time's `wasm` driver: built for `wasm32-unknown-unknown`.
//!
//! Elsewhere there is no event loop, and nothing happens.

#[cfg(target_family = "wasm")]
fn main() {
    wasm_bindgen_futures::spawn_local(page::load());
}

#[cfg(target_family = "wasm")]
mod page {
    use core::{cell::Cell, time::Duration};

    use redress_embassy::{Backoff, Embassy, ErrorClass, Policy, Retry};

    static POLICY: Policy = Policy::new(
        Retry::new(Backoff::full_jitter(Duration::from_millis(100), Duration::from_secs(10)))
            .attempt_timeout(Duration::from_secs(2)),
    );

    pub(crate) async fn load() {
        let failures = Cell::new(2);
        let mut context = POLICY.context(Embassy::seeded(0x5EED)).operation("load");
        let loaded = context.call(async || match failures.get() {
            0 => Ok(()),
            left => {
                failures.set(left - 1);
                Err(ErrorClass::Transient)
            }
        });
        assert!(loaded.await.is_ok());
    }
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
