//! A session that is kept up, and a wait that ends early when the link comes up. Run by
//! `cargo run -p redress-embassy --example session`.

mod board;

use core::time::Duration;

use embassy_time::{Instant, Timer};
use redress_embassy::{
    Backoff, Embassy, ErrorClass, Policy, Retry,
    keeper::{Keep, KeepConfig},
};

static UPLINK: Keep = Keep::new(
    Policy::new(Retry::new(Backoff::constant(Duration::from_secs(3_600)))),
    KeepConfig::new(Duration::from_secs(30)),
);

fn main() {
    board::run(async {
        let mut attempts = 0;
        let mut context = UPLINK.context(Embassy::seeded(7)).operation("uplink");
        let gave_up = context
            .keep()
            .wake_on(|| Timer::after_secs(5)) // the access point is back
            .run(async |session| {
                attempts += 1;
                if attempts == 2 {
                    session.established();
                    Timer::after_secs(60).await;
                }
                Err::<(), _>(if attempts < 3 { ErrorClass::Transient } else { ErrorClass::Auth })
            })
            .await;
        println!("{gave_up}, at {} s", Instant::now().as_secs());
        assert!((attempts, gave_up.error) == (3, Some(ErrorClass::Auth)) && Instant::now().as_secs() < 3_600);
    });
}
