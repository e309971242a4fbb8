//! The loop form, where a closure does not fit: the body borrows and breaks as it likes. Run by
//! `cargo run -p redress-core --example loop_form`.

use core::time::Duration;

use redress_core::{Backoff, ErrorClass, Policy, Retry, RetryError, testing::TestEnv};

static UPLINK: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(5));

struct Radio {
    noise: u32,
}

impl Radio {
    fn send(&mut self, frame: &[u8]) -> Result<usize, ErrorClass> {
        match self.noise.checked_sub(1) {
            Some(noise) => {
                self.noise = noise;
                Err(ErrorClass::Transient)
            }
            None => Ok(frame.len()),
        }
    }
}

fn main() -> Result<(), RetryError<ErrorClass>> {
    let (mut radio, frame) = (Radio { noise: 2 }, [1, 2, 3]);
    let mut uplink = UPLINK.context(TestEnv::new()); // on a board: `Blocking::new(clock, delay, random)`
    let mut run = uplink.start()?;
    let sent = loop {
        match radio.send(&frame) {
            Ok(sent) => break run.succeed(sent),
            Err(error) => run.failed(error)?,
        }
    };
    println!("{sent} bytes, after {} waits", uplink.env().sleeps().count());
    assert_eq!((sent, uplink.env().sleeps().count()), (3, 2));
    Ok(())
}
