//! Classifiers, of bytes nobody has looked at. The one that reads `Debug` output is left out: formatting may panic.

use redress_core::{
    Classifier, StrictClassifier,
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
    if let Ok(text) = core::str::from_utf8(bytes) {
        class_of_name(text).told();
        sqlstate::classify_sqlstate(text).told();
        sqlstate::sqlstate_class(text).told();
        sqlstate::pack(text).told();
    }
}
