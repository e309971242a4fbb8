//! SQLSTATE: the five characters by which SQL databases name their conditions.
//!
//! | state | class |
//! |---|---|
//! | `40001` (serialization failure), `40P01` (deadlock, `PostgreSQL`) | [`Concurrency`](ErrorClass::Concurrency) |
//! | `40003` (statement completion unknown), `08007` (transaction resolution unknown) | [unknown outcome](Classification::outcome_unknown), never repeated unless [opted in](super::Idempotent) |
//! | `08...` (connection exceptions), `HYT00`, `HYT01` (ODBC timeouts) | [`Transient`](ErrorClass::Transient) |
//! | `28...` (invalid authorization) | [`Auth`](ErrorClass::Auth) |
//! | `42000` (syntax or access rule), `42P01` (no such table, `PostgreSQL`) | [`Permanent`](ErrorClass::Permanent) |
//! | every other | [`Unknown`](ErrorClass::Unknown) |
//!
//! The classes `08`, `28`, `40` and `42` are those of ISO/IEC 9075, the `HY` states those of ODBC. The states of one database
//! say more: see [`postgres`](super::postgres), and [`mysql`](super::mysql) and [`sqlite`](super::sqlite), which have numbers.

use super::Classification;
use crate::ErrorClass;

/// The digits of base 36, as SQLSTATE uses them: 36<sup>5</sup> states fit a `u32`.
const BASE: u32 = 36;

/// The class of a state, by the table of [this module](self).
///
/// [`Unknown`](ErrorClass::Unknown) unless the state has five characters, digits or capital letters.
///
/// ```
/// use redress_core::{ErrorClass, classify::sqlstate};
///
/// assert_eq!(sqlstate::sqlstate_class("40P01"), ErrorClass::Concurrency);
/// assert_eq!(sqlstate::sqlstate_class("08"), ErrorClass::Unknown);
/// ```
pub const fn sqlstate_class(state: &str) -> ErrorClass {
    classify_sqlstate(state).class()
}

/// The class of a state, with the state itself, [packed](pack), as the numeric code.
///
/// A malformed state is [`Unknown`](ErrorClass::Unknown) without code.
///
/// ```
/// use redress_core::{ErrorClass, classify::sqlstate};
///
/// let login = sqlstate::classify_sqlstate("28P01");
/// assert_eq!(login.class(), ErrorClass::Auth);
/// assert_eq!(login.numeric_code().map(sqlstate::unpack), Some(*b"28P01"));
/// ```
pub const fn classify_sqlstate(state: &str) -> Classification {
    let Some(code) = pack(state) else { return Classification::new(ErrorClass::Unknown) };
    let class = match state.as_bytes() {
        b"40003" | b"08007" => return Classification::outcome_unknown().code(code),
        b"40001" | b"40P01" => ErrorClass::Concurrency,
        [b'0', b'8', ..] | b"HYT00" | b"HYT01" => ErrorClass::Transient,
        [b'2', b'8', ..] => ErrorClass::Auth,
        b"42000" | b"42P01" => ErrorClass::Permanent,
        _ => ErrorClass::Unknown,
    };
    Classification::new(class).code(code)
}

/// A state as a number: its five characters read in base 36. `None` for what isn't five digits or capital letters.
///
/// ```
/// use redress_core::classify::sqlstate;
///
/// assert_eq!(sqlstate::pack("0000Z"), Some(35));
/// assert_eq!(sqlstate::pack("0000z"), None);
/// ```
#[expect(clippy::arithmetic_side_effects, reason = "five digits of base 36 stay below 2^26")]
pub const fn pack(state: &str) -> Option<u32> {
    let mut rest = state.as_bytes();
    if rest.len() != 5 {
        return None;
    }
    let mut code = 0;
    while let [digit, tail @ ..] = rest {
        let value = match *digit {
            digit @ b'0'..=b'9' => digit - b'0',
            letter @ b'A'..=b'Z' => letter - b'A' + 10,
            _ => return None,
        };
        code = code * BASE + value as u32;
        rest = tail;
    }
    Some(code)
}

/// The five characters of a state from the number that [`pack`] made of them.
///
/// In a larger number only the last five digits of base 36 count.
#[expect(clippy::arithmetic_side_effects, reason = "a remainder is at most 35")]
pub const fn unpack(code: u32) -> [u8; 5] {
    let mut state = [b'0'; 5];
    let mut code = code;
    let mut rest: &mut [u8] = &mut state;
    while let [head @ .., last] = rest {
        let digit = (code % BASE) as u8;
        *last = if digit < 10 { b'0' + digit } else { b'A' - 10 + digit };
        code /= BASE;
        rest = head;
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorClass::{Auth, Concurrency, Permanent, Transient, Unknown};

    #[test]
    fn vectors() {
        const ROWS: [(&str, ErrorClass); 16] = [
            ("40001", Concurrency),
            ("40P01", Concurrency),
            ("HYT00", Transient),
            ("HYT01", Transient),
            ("08S01", Transient),
            ("08001", Transient),
            ("08006", Transient),
            ("28000", Auth),
            ("28P01", Auth),
            ("42000", Permanent),
            ("42P01", Permanent),
            ("23505", Unknown),
            ("42S02", Unknown),
            ("57014", Unknown),
            ("00000", Unknown),
            ("XX000", Unknown),
        ];
        for (state, class) in ROWS {
            let found = classify_sqlstate(state);
            assert_eq!(found.class(), class, "{state}");
            assert_eq!(sqlstate_class(state), class, "{state}");
            assert_eq!(found.numeric_code().map(unpack).as_ref().map(<[u8; 5]>::as_slice), Some(state.as_bytes()));
        }
    }

    #[test]
    fn lost_commits_have_no_outcome() {
        for state in ["40003", "08007"] {
            let lost = classify_sqlstate(state);
            assert_eq!((lost.class(), lost.is_outcome_unknown()), (Permanent, true), "{state}");
            assert_eq!(lost.idempotent().class(), Transient);
            assert_eq!(lost.numeric_code(), pack(state));
        }
        assert!(!classify_sqlstate("40001").is_outcome_unknown());
    }

    #[test]
    fn malformed_states_have_no_code() {
        for state in ["", "0", "08", "0800", "080010", "08 01", "08s01", "08é1", "2800", "40001 ", "-0001"] {
            assert_eq!(classify_sqlstate(state), Classification::new(Unknown), "{state:?}");
        }
    }

    #[test]
    fn numbers() {
        for (state, code) in [("00000", 0), ("00010", 36), ("40001", 6_718_465), ("ZZZZZ", 60_466_175)] {
            assert_eq!(pack(state), Some(code), "{state}");
            assert_eq!(&unpack(code), state.as_bytes());
        }
        assert_eq!(unpack(60_466_176), *b"00000");
        assert_eq!(unpack(u32::MAX), *b"141Z3");
    }
}
