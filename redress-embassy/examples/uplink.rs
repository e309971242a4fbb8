//! A call that borrows its driver mutably. Run by `cargo run -p redress-embassy --example uplink`.

mod board;

use core::time::Duration;

use embassy_time::{Instant, Timer};
use redress_embassy::{Backoff, Embassy, ErrorClass, Policy, Retry, RetryError};

static UPLINK: Policy = Policy::new(
    Retry::new(Backoff::full_jitter(Duration::from_millis(50), Duration::from_secs(5)))
        .max_attempts(6)
        .attempt_timeout(Duration::from_secs(2)),
);

struct Radio(u32);

impl Radio {
    async fn send(&mut self, frame: &[u8]) -> Result<usize, ErrorClass> {
        Timer::after_millis(20).await;
        self.0 += 1;
        if self.0 < 3 { Err(ErrorClass::Transient) } else { Ok(frame.len()) }
    }
}

async fn report(radio: &mut Radio, device_id: u64) -> Result<usize, RetryError<ErrorClass>> {
    // Each device has random numbers of its own.
    let mut uplink = UPLINK.context(Embassy::seeded(device_id)).operation("uplink");
    uplink.call(async || radio.send(b"21.5").await).await
}

fn main() {
    board::run(async {
        let sent = report(&mut Radio(0), 0x2A).await;
        println!("{sent:?} at {} ms", Instant::now().as_millis());
        assert_eq!(sent, Ok(4));
    });
}
