//! Code out of the macros needs neither std nor heap: this compiles for a Cortex-M0.
#![no_std]

use redress_embassy::{Classify, Embassy, Millis, RetryError, retry};

/// Knows its class.
#[derive(Classify, Debug)]
pub enum RadioError {
    /// The frame was not acknowledged.
    #[class(transient)]
    NoAck,
    /// The duty cycle is used up.
    #[class(rate_limit, retry_after = wait)]
    DutyCycle {
        /// Until there is some again.
        wait: Millis,
    },
    /// What the chip says.
    #[class(server_error, code = _0)]
    Chip(u8),
}

/// A driver.
pub trait Radio {
    /// Sends a frame once.
    fn send(&mut self, frame: &[u8]) -> impl Future<Output = Result<(), RadioError>>;
}

/// Sends a frame until it is acknowledged.
#[retry(context = Embassy::seeded(device_id), max_attempts = 6)]
pub async fn uplink(radio: &mut impl Radio, frame: &[u8], device_id: u64) -> Result<(), RetryError<RadioError>> {
    radio.send(frame).await
}
