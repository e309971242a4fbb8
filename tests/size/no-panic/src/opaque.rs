//! Arbitrary values, unknown to the compiler.

use core::time::Duration;

use redress_core::{Classification, ErrorClass, Instant, Millis};

pub fn word() -> u32 {
    board::opaque()
}

pub fn flag() -> bool {
    word() != 0
}

#[expect(clippy::cast_possible_truncation, reason = "any byte will do")]
pub fn byte() -> u8 {
    word() as u8
}

#[expect(clippy::cast_possible_truncation, reason = "any number will do")]
pub fn short() -> u16 {
    word() as u16
}

pub fn long() -> u64 {
    u64::from(word()) << 32 | u64::from(word())
}

pub fn instant() -> Instant {
    Instant::from_ticks(long())
}

pub fn millis() -> Millis {
    Millis::new(word())
}

/// Returns a span up to `Duration::MAX`: configurations must refuse or saturate it, not panic.
pub fn span() -> Duration {
    let nanos = word();
    Duration::from_secs(long()).saturating_add(Duration::from_nanos(u64::from(nanos)))
}

pub fn class() -> ErrorClass {
    *ErrorClass::ALL.get(usize::from(byte())).unwrap_or(&ErrorClass::Unknown)
}

pub fn some<T>(value: T) -> Option<T> {
    flag().then_some(value)
}

pub fn classification() -> Classification {
    let mut found = if flag() { Classification::abort() } else { Classification::new(class()) };
    if flag() {
        found = found.retry_after(millis());
    }
    if flag() { found.code(word()) } else { found }
}

pub fn bytes<const N: usize>() -> [u8; N] {
    core::array::from_fn(|_| byte())
}
