//! A connection that lasts: only a session that was stable resets the backoff. Run by `cargo run -p redress-core --example keep`.

use core::time::Duration;

use redress_core::{
    Backoff, ErrorClass, Millis, Policy, Retry,
    keeper::{Keep, KeepConfig},
    testing::TestEnv,
};

static UPLINK: Keep = Keep::new(
    Policy::new(Retry::new(Backoff::exponential(Duration::from_secs(1), Duration::from_secs(60)))),
    KeepConfig::new(Duration::from_secs(30)),
);

fn main() {
    let env = TestEnv::new();
    // How long each session lasts: never established, a mere handshake, an hour; then the credentials are refused.
    let mut sessions = [None, Some(1), Some(3_600), None].into_iter();
    let mut context = UPLINK.context(&env).operation("uplink");
    let gave_up = context.keep().run(|session| {
        match sessions.next() {
            Some(Some(seconds)) => {
                session.established();
                env.clock().advance(Duration::from_secs(seconds));
            }
            Some(None) => {}
            None => return Err::<(), _>(ErrorClass::Auth),
        }
        Err(ErrorClass::Transient)
    });
    println!("waited {:?}, then: {gave_up}", env.sleeps().collect::<Vec<_>>());
    assert!(env.sleeps().eq([0, 1, 2, 1, 2].map(Millis::from_secs)));
    assert_eq!(gave_up.error, Some(ErrorClass::Auth));
}
