//! Statuses of gRPC, of tonic 0.14. Feature `tonic-v0.14`.
//!
//! | status | class |
//! |---|---|
//! | `UNAUTHENTICATED` | [`Auth`](ErrorClass::Auth) |
//! | `PERMISSION_DENIED` | [`Permission`](ErrorClass::Permission) |
//! | `INVALID_ARGUMENT`, `NOT_FOUND`, `ALREADY_EXISTS`, `FAILED_PRECONDITION`, `OUT_OF_RANGE`, `UNIMPLEMENTED`, `DATA_LOSS` | [`Permanent`](ErrorClass::Permanent) |
//! | `ABORTED` | [`Concurrency`](ErrorClass::Concurrency) |
//! | `RESOURCE_EXHAUSTED` | [`RateLimit`](ErrorClass::RateLimit) |
//! | `INTERNAL` | [`ServerError`](ErrorClass::ServerError) |
//! | `UNAVAILABLE`, `DEADLINE_EXCEEDED`; the channel's own time-out, which shows as `CANCELLED` | [`Transient`](ErrorClass::Transient) |
//! | `CANCELLED`, `UNKNOWN` | by its [source](crate::chain) |
//!
//! The number of the status is the code. What the codes mean is in gRPC's `statuscodes.md`.
//!
//! The hint is the `retry_delay` of a `google.rpc.RetryInfo` among the status's details, or the `grpc-retry-pushback-ms` of its
//! metadata; of both, the longer one.
//!
//! # Pushback
//!
//! | `grpc-retry-pushback-ms` | meaning |
//! |---|---|
//! | missing | the code decides |
//! | 0 to 2,147,483,647 | the hint; below the backoff, zero among them, it has no effect |
//! | negative; no whole number, such as `1.5` or nothing at all; above 2,147,483,647, such as 2^64 | do not retry |
//!
//! gRPC's proposal A6 has it so: a negative number means that the server wants no retry, and a client that cannot read a pushback
//! does not retry either. Of several values, one of these is enough. The failure is then
//! [`Permanent`](ErrorClass::Permanent), unless its code is a class that is never retried anyway. A breaker does not count it, if it
//! trips on the usual classes: the server is there, and has answered.
//!
//! Errors of channels (`tonic::transport::Error`) have a class by their source; what a channel cannot be built with is `Permanent`.
//!
//! The default classifier reads all but the delay in the details from what a status prints, where the feature is off.

use redress_core::{Classification, ErrorClass, Millis};
use tonic::{Code, Status, TimeoutExpired};

use crate::{
    chain::{self, Link},
    grpc::{self, Pushback},
};

/// The class of a status, by the table of [this module](self).
///
/// ```
/// use redress_std::{ErrorClass, tonic_v0_14};
/// use tonic::Status;
///
/// assert_eq!(tonic_v0_14::classify(&Status::aborted("row changed")).class(), ErrorClass::Concurrency);
/// ```
pub fn classify(status: &Status) -> Classification {
    chain::classify_strictly(status)
}

impl Link for Status {
    fn own_class(&self) -> Classification {
        let values = self.metadata().get_all(Pushback::FIELD).iter();
        let pushback = Pushback::of(values.map(|value| value.to_str().ok()));
        let known = grpc::classify(i32::from(self.code()).unsigned_abs(), pushback);
        match pushback {
            Pushback::Never => known,
            _ => retry_delay(self.details()).max(known.hint()).map_or(known, |hint| known.retry_after(hint)),
        }
    }
}

impl Link for TimeoutExpired {
    fn own_class(&self) -> Classification {
        ErrorClass::Transient.into()
    }
}

/// The class of a code, by the table of [this module](self).
pub const fn class_of_code(code: Code) -> ErrorClass {
    grpc::class_of_code(code as u32)
}

/// The delay in the details of a status: `google.rpc.Status { 3: repeated Any { 1: type_url, 2: value } }`, the value
/// being a `RetryInfo { 1: Duration { 1: seconds, 2: nanos } }`.
///
/// Read here because a decoder for all messages of `google.rpc` is a lot to compile for two numbers.
fn retry_delay(details: &[u8]) -> Option<Millis> {
    const RETRY_INFO: &[u8] = b"type.googleapis.com/google.rpc.RetryInfo";

    let any = fields(details).find_map(|field| match field {
        (3, Value::Bytes(any)) => bytes(any, 1).filter(|url| *url == RETRY_INFO).and(Some(any)),
        _ => None,
    })?;
    let delay = bytes(bytes(any, 2)?, 1)?;
    let (mut seconds, mut nanos) = (0, 0);
    for field in fields(delay) {
        match field {
            (1, Value::Number(number)) => seconds = number,
            (2, Value::Number(number)) => nanos = number,
            _ => {}
        }
    }
    // Negative numbers are above these.
    if seconds > u64::MAX / 2 || nanos >= 1_000_000_000 {
        return None;
    }
    let millis = seconds.saturating_mul(1_000).saturating_add(nanos.div_ceil(1_000_000));
    Some(u32::try_from(millis).map_or(Millis::MAX, Millis::new))
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message, up to the first that can't be read.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    std::iter::from_fn(move || {
        let tag = varint(&mut rest)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut rest)?),
            kind => {
                let length = match kind {
                    1 => 8,
                    2 => usize::try_from(varint(&mut rest)?).ok()?,
                    5 => 4,
                    _ => return None,
                };
                let (bytes, after) = rest.split_at_checked(length)?;
                rest = after;
                Value::Bytes(bytes)
            }
        };
        Some((tag >> 3, value))
    })
}

fn bytes(message: &[u8], wanted: u64) -> Option<&[u8]> {
    fields(message).find_map(|(number, value)| match value {
        Value::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
