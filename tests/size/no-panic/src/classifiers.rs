//! Classifiers, of bytes nobody has looked at. The one that reads `Debug` output is left out: formatting may panic.

use redress_core::{
    AbortRetryError, ByClass, ClassSet, Classifier, Classify, Millis, SelfClassifier, StrictClassifier,
    classify::{
        http,
        name::class_of_name,
        retry_after::{self, UnixSeconds},
        sqlstate,
    },
};

use crate::{opaque, told::Told};

pub(crate) fn run() {
    let bytes = opaque::bytes::<40>();
    let bytes = bytes.get(..usize::from(opaque::byte())).unwrap_or_default();
    let now = opaque::some(UnixSeconds::new(opaque::long()));
    retry_after::parse(bytes, now).told();
    retry_after::parse(bytes, None).told();
    http::status_class(opaque::short()).told();
    http::classify_status(opaque::short()).told();
    http::status(opaque::short()).told();
    http::status_with_retry_after(opaque::short(), opaque::some(bytes), now).told();
    sqlstate::unpack(opaque::word()).as_slice().told();
    StrictClassifier.classify(&0_u8).told();
    SelfClassifier.classify(&AbortRetryError).told();
    SelfClassifier.classify(&derived()).told();
    let class = opaque::class();
    class.is_retryable().told();
    (*ByClass::<u8>::default().get(class)).told();
    let classes = ClassSet::of(&[class, opaque::class()]);
    classes.contains(opaque::class()).told();
    classes.is_empty().told();
    if let Ok(text) = core::str::from_utf8(bytes) {
        class_of_name(text).told();
        sqlstate::classify_sqlstate(text).told();
        sqlstate::sqlstate_class(text).told();
        sqlstate::pack(text).told();
    }
}

/// An error whose class is written at its variants.
#[derive(Classify)]
enum Modem {
    #[class(transient)]
    Silent,
    #[class(rate_limit, retry_after = wait, code = 429)]
    Busy { wait: Millis },
    #[class(server_error, code = _0)]
    Broken(i32),
    #[class(abort)]
    Unplugged,
}

#[expect(clippy::cast_possible_wrap, reason = "any number will do")]
fn derived() -> Modem {
    match opaque::byte() {
        0 => Modem::Silent,
        1 => Modem::Busy { wait: opaque::millis() },
        2 => Modem::Broken(opaque::word() as i32),
        _ => Modem::Unplugged,
    }
}
