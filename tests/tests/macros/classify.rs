//! `#[derive(Classify)]`.

use std::{fmt::Debug, time::Duration};

use redress_core::{Classification, Classify, ErrorClass, Millis, classify::http};

const BUSY_CODE: u32 = 7;

#[derive(Classify)]
enum Every {
    #[class(auth)]
    Auth,
    #[class(permission)]
    Permission(),
    #[class(permanent)]
    Permanent {},
    #[class(concurrency, code = 40_001)]
    Concurrency,
    #[class(rate_limit, retry_after = after, code = code)]
    RateLimit { after: Duration, code: i32, ignored: String },
    #[class(server_error, code = _1, retry_after = _2)]
    ServerError(String, u16, Option<Millis>),
    #[class(transient, code = BUSY_CODE)]
    Transient,
    #[class(unknown, retry_after = Millis::from_secs(*seconds), code = Every::doubled(*seconds))]
    Unknown { seconds: u32 },
    #[class(outcome_unknown, code = 180)]
    Lost,
    #[class(abort)]
    Abort,
    #[class(transparent)]
    Wrapped(ErrorClass),
    #[class(transparent = inner, code = code)]
    Chosen { inner: Inner, code: Option<u8> },
    #[class(transparent = http::status(*_0).unwrap_or(ErrorClass::Permanent.into()))]
    Status(u16),
}

impl Every {
    fn doubled(seconds: u32) -> u32 {
        seconds * 2
    }
}

/// A struct has a class of its own.
#[derive(Classify)]
#[class(rate_limit, retry_after = wait, code = 429)]
struct Inner {
    wait: Option<Duration>,
}

#[test]
fn each_variant_has_its_class_hint_and_code() {
    let class = Classification::new;
    let hint = Duration::from_millis(1_500);
    let cases = [
        (Every::Auth, class(ErrorClass::Auth)),
        (Every::Permission(), class(ErrorClass::Permission)),
        (Every::Permanent {}, class(ErrorClass::Permanent)),
        (Every::Concurrency, class(ErrorClass::Concurrency).code(40_001)),
        (
            Every::RateLimit { after: hint, code: -11, ignored: String::new() },
            class(ErrorClass::RateLimit).retry_after(Millis::new(1_500)).code(11),
        ),
        (Every::ServerError(String::new(), 503, None), class(ErrorClass::ServerError).code(503)),
        (
            Every::ServerError(String::new(), 503, Some(Millis::new(9))),
            class(ErrorClass::ServerError).code(503).retry_after(Millis::new(9)),
        ),
        (Every::Transient, class(ErrorClass::Transient).code(7)),
        (Every::Unknown { seconds: 3 }, class(ErrorClass::Unknown).retry_after(Millis::new(3_000)).code(6)),
        (Every::Lost, Classification::outcome_unknown().code(180)),
        (Every::Abort, Classification::abort()),
        (Every::Wrapped(ErrorClass::Auth), class(ErrorClass::Auth)),
        (
            Every::Chosen { inner: Inner { wait: Some(hint) }, code: None },
            class(ErrorClass::RateLimit).retry_after(Millis::new(1_500)).code(429),
        ),
        (Every::Chosen { inner: Inner { wait: None }, code: Some(5) }, class(ErrorClass::RateLimit).code(5)),
        (Every::Status(503), http::status(503).unwrap()),
        (Every::Status(200), class(ErrorClass::Permanent)),
    ];
    for (error, expected) in cases {
        assert_eq!(error.classify(), expected);
    }
}

#[derive(Classify)]
#[class(permanent)]
struct Unit;

#[derive(Classify)]
#[class(transparent)]
struct Newtype(Inner);

/// Bounds follow from what is asked of the fields; those which are written stay.
#[derive(Classify)]
enum Generic<'a, E, W: Clone, const N: usize>
where
    E: Debug,
{
    #[class(transparent)]
    Inner(E),
    #[class(rate_limit, retry_after = wait)]
    Busy { wait: W, name: &'a str },
    #[class(permanent)]
    Raw([u8; N]),
}

type Queue<W> = Generic<'static, ErrorClass, W, 2>;

#[derive(Classify)]
enum Never {}

/// Whatever becomes a span is a hint.
#[derive(Clone)]
struct Seconds(u32);

impl From<Seconds> for Millis {
    fn from(Seconds(seconds): Seconds) -> Self {
        Self::from_secs(seconds)
    }
}

#[test]
fn structs_wrappers_and_generics() {
    assert_eq!(Unit.classify().class(), ErrorClass::Permanent);
    assert_eq!(Newtype(Inner { wait: None }).classify().numeric_code(), Some(429));
    let wrapped = Queue::<Option<Seconds>>::Inner(ErrorClass::Auth);
    assert_eq!(wrapped.classify().class(), ErrorClass::Auth);
    let busy = Queue::<_>::Busy { wait: Some(Seconds(2)), name: "queue" };
    assert_eq!(busy.classify().hint(), Some(Millis::new(2_000)));
    assert_eq!(Queue::<Duration>::Raw([1, 2]).classify().class(), ErrorClass::Permanent);
    static_assertions::assert_impl_all!(Never: Classify);
}
