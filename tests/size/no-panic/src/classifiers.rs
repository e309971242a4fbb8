//! Classifiers of arbitrary bytes. The classifier that reads `Debug` output is left out, because formatting may panic.

use core::fmt::Write as _;

use redress_core::{
    AbortRetryError, ByClass, ClassSet, Classifier, Classify, Idempotent, Millis, SelfClassifier, StrictClassifier,
    classify::{
        http, kafka, mysql,
        name::{NameBuffer, class_of_name},
        postgres,
        rate_limit::{self, Quota},
        redis,
        retry_after::{self, UnixSeconds},
        sqlite, sqlstate,
    },
};

use crate::{opaque, sink::Sink};

pub fn run() {
    let bytes = opaque::bytes::<40>();
    let bytes = bytes.get(..usize::from(opaque::byte())).unwrap_or_default();
    let now = opaque::some(UnixSeconds::new(opaque::long()));
    retry_after::parse(bytes, now).sink();
    retry_after::parse(bytes, None).sink();
    retry_after::parse_dated(bytes, opaque::some(bytes), now).sink();
    retry_after::parse_millis(bytes).sink();
    rate_limit::remaining(bytes).sink();
    rate_limit::reset(bytes, opaque::some(bytes), now).sink();
    let quota = rate_limit::parse(bytes).unwrap_or_default().or_tighter(Quota::new(Some(opaque::word()), None));
    quota.is_exhausted().sink();
    quota.remaining.sink();
    quota.reset.sink();
    http::status_class(opaque::short()).sink();
    http::classify_status(opaque::short()).sink();
    http::status(opaque::short()).sink();
    http::status_with_retry_after(opaque::short(), opaque::some(bytes), now).sink();
    sqlstate::unpack(opaque::word()).as_slice().sink();
    sqlite::classify_code(opaque::word().cast_signed()).sink();
    kafka::classify_code(opaque::word().cast_signed()).sink();
    StrictClassifier.classify(&0_u8).sink();
    Idempotent(StrictClassifier).classify(&0_u8).sink();
    SelfClassifier.classify(&AbortRetryError).sink();
    SelfClassifier.classify(&derived()).sink();
    let class = opaque::class();
    class.is_retryable().sink();
    (*ByClass::<u8>::default().get(class)).sink();
    let classes = ClassSet::of(&[class, opaque::class()]);
    classes.contains(opaque::class()).sink();
    classes.is_empty().sink();
    now.map_or(0, UnixSeconds::get).sink();
    if let Ok(text) = core::str::from_utf8(bytes) {
        let mut name = NameBuffer::new();
        name.write_str(text).is_ok().sink();
        name.as_str().sink();
        class_of_name(text).sink();
        sqlstate::classify_sqlstate(text).sink();
        sqlstate::sqlstate_class(text).sink();
        sqlstate::pack(text).sink();
        postgres::classify_error(text, opaque::some(text)).sink();
        redis::classify_reply(text).sink();
        mysql::classify_error(opaque::word(), text).sink();
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
