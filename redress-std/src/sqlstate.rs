//! SQLSTATE as `PostgreSQL` uses it: the table of [`redress_core::classify::sqlstate`], and what else its manual tells.
//! Features `tokio-postgres-v0.7`, `sqlx-v0.8` and `sqlx-v0.9`.
//!
//! | state | class |
//! |---|---|
//! | whatever has a class in [core's table](redress_core::classify::sqlstate) | that class |
//! | `55006` (object in use), `55P03` (lock not available) | [`Concurrency`](ErrorClass::Concurrency) |
//! | `57P01`, `57P02`, `57P03` (server shuts down or starts), `57P05` (idle session closed) | [`Transient`](ErrorClass::Transient) |
//! | `53...` (insufficient resources), `58...` (system error), `XX...` (internal error) | [`ServerError`](ErrorClass::ServerError) |
//! | `42501` (insufficient privilege) | [`Permission`](ErrorClass::Permission) |
//! | `0A...` (not supported), `22...` (data), `23502` (not null), `23514` (check), `3D...` (no such database), `3F...` (no such schema), `42...` (syntax or access rule) | [`Permanent`](ErrorClass::Permanent) |
//! | every other | [`Unknown`](ErrorClass::Unknown) |
//!
//! The states are those of appendix A of `PostgreSQL`'s manual. Unique and exclusion violations (`23505`, `23P01`) have
//! no class on purpose: section 13.5 of the manual has them among the failures that concurrent transactions can cause.
//! Neither has `57014`, which says that a query was canceled and not by whom.

use redress_core::{
    Classification, ErrorClass,
    classify::sqlstate::{pack, sqlstate_class},
};

/// The class of a state, by the table of [this module](self).
///
/// ```
/// use redress_std::{ErrorClass, sqlstate};
///
/// assert_eq!(sqlstate::class("57P03"), ErrorClass::Transient);
/// assert_eq!(sqlstate::class("40001"), ErrorClass::Concurrency);
/// ```
pub const fn class(state: &str) -> ErrorClass {
    match (sqlstate_class(state), state.as_bytes()) {
        (ErrorClass::Unknown, bytes) if pack(state).is_some() => match bytes {
            b"55006" | b"55P03" => ErrorClass::Concurrency,
            b"57P01" | b"57P02" | b"57P03" | b"57P05" => ErrorClass::Transient,
            [b'5', b'3' | b'8', ..] | [b'X', b'X', ..] => ErrorClass::ServerError,
            b"42501" => ErrorClass::Permission,
            b"23502" | b"23514" | [b'0', b'A', ..] | [b'2' | b'4', b'2', ..] | [b'3', b'D' | b'F', ..] => {
                ErrorClass::Permanent
            }
            _ => ErrorClass::Unknown,
        },
        (class, _) => class,
    }
}

/// The class of a state, with the state itself,
/// [packed](redress_core::classify::sqlstate::pack), as the numeric code.
pub fn classify(state: &str) -> Classification {
    let class = Classification::new(class(state));
    match pack(state) {
        Some(code) => class.code(code),
        None => class,
    }
}
