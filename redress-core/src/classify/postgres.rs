//! The SQLSTATEs of `PostgreSQL`, by appendix A of its manual, and of servers that speak its protocol.
//!
//! | state | class | because |
//! |---|---|---|
//! | `00...`, `01...`, `02...` | [`Unknown`](ErrorClass::Unknown) | success, warnings, no data: no failures |
//! | `08007`, `40003` | [unknown outcome](Classification::outcome_unknown) | the commit may have happened: never repeated unless [opted in](super::Idempotent) |
//! | other `08...` | [`Transient`](ErrorClass::Transient) | the connection failed; poolers say `08P01` for servers they cannot reach |
//! | `0A000` of routine `RevalidateCachedQuery` | [`Concurrency`](ErrorClass::Concurrency) | "cached plan must not change result type": a migration was faster, nothing has run |
//! | `23502` (not null), `23514` (check) | [`Permanent`](ErrorClass::Permanent) | the row itself is wrong |
//! | other `23...`, `40002` | [`Unknown`](ErrorClass::Unknown) | section 13.5 of the manual has them among what concurrent transactions can cause; most are not |
//! | `25006` (read-only) | [`Transient`](ErrorClass::Transient) | after a fail-over, the server connected to is a standby; the next connection finds the primary |
//! | `25P03`, `25P04`, `57P05` (idle or transaction time-outs) | [`Transient`](ErrorClass::Transient) | the server closed the session and rolled back |
//! | `26000`, `42P05` (no such prepared statement, one of that name) | [`Unknown`](ErrorClass::Unknown) | behind a pooler, the server's connection is another one; nothing has run |
//! | `28...` | [`Auth`](ErrorClass::Auth) | the log-in was refused |
//! | `40000`, `40001`, `40P01` | [`Concurrency`](ErrorClass::Concurrency) | rolled back because of others |
//! | `42501` | [`Permission`](ErrorClass::Permission) | insufficient privilege |
//! | `53...` | [`ServerError`](ErrorClass::ServerError) | disk, memory, connections: the server has run out of something |
//! | `55000`, `57000`, `57014` | [`Unknown`](ErrorClass::Unknown) | a state that may change; canceled, and not by whom |
//! | `55006`, `55P03` | [`Concurrency`](ErrorClass::Concurrency) | in use, or locked, by others |
//! | `57P01`, `57P02`, `57P03` | [`Transient`](ErrorClass::Transient) | the server shuts down, has crashed, starts or recovers |
//! | `58...`, `XX...`, `HV001` | [`ServerError`](ErrorClass::ServerError) | the system below failed, or the server itself |
//! | `72000` | [`Concurrency`](ErrorClass::Concurrency) | the snapshot was too old; the next one is not |
//! | `HV00N` | [`Transient`](ErrorClass::Transient) | the foreign server cannot be reached |
//! | the rest of the appendix, by its classes: `03` `09` `0A` `0B` `0F` `0L` `0P` `0Z` `20` `21` `22` `24` `25` `27` `2B` `2D` `2F` `34` `38` `39` `3B` `3D` `3F` `42` `44` `54` `55` `57` `F0` `HV` `P0` | [`Permanent`](ErrorClass::Permanent) | the statement, the data or the schema is wrong and stays wrong; `P0001` is what functions raise about their arguments |
//! | every other | [`Unknown`](ErrorClass::Unknown) | an extension's own |
//!
//! `25P02` (the transaction is aborted) is permanent because repeating the statement cannot help: the call to retry is the
//! whole transaction, and its first error tells why.

use super::{Classification, sqlstate::pack};
use crate::ErrorClass;

/// The function of the server that reports a cached plan whose result type has changed.
const REVALIDATE: &str = "RevalidateCachedQuery";

/// Returns the class of a state, by the table of [this module](self).
///
/// ```
/// use redress_core::{ErrorClass, classify::postgres};
///
/// assert_eq!(postgres::state_class("57P03"), ErrorClass::Transient);
/// assert_eq!(postgres::state_class("40001"), ErrorClass::Concurrency);
/// ```
pub const fn state_class(state: &str) -> ErrorClass {
    classify_state(state).class()
}

/// Classifies a state, with the state itself, [packed](pack), as the numeric code. A malformed state is
/// [`Unknown`](ErrorClass::Unknown) without code.
///
/// ```
/// use redress_core::classify::postgres;
///
/// assert!(postgres::classify_state("40003").is_outcome_unknown());
/// ```
#[expect(clippy::unnested_or_patterns, reason = "a line per group of classes")]
pub const fn classify_state(state: &str) -> Classification {
    let Some(code) = pack(state) else { return Classification::new(ErrorClass::Unknown) };
    Classification::new(match state.as_bytes() {
        b"08007" | b"40003" => return Classification::outcome_unknown().code(code),
        b"25006" | b"25P03" | b"25P04" | b"57P01" | b"57P02" | b"57P03" | b"57P05" | b"HV00N" | [b'0', b'8', ..] => {
            ErrorClass::Transient
        }
        b"40000" | b"40001" | b"40P01" | b"55006" | b"55P03" | b"72000" => ErrorClass::Concurrency,
        b"42501" => ErrorClass::Permission,
        // States of the classes below that have another class than these, or none.
        b"26000" | b"42P05" | b"55000" | b"57000" | b"57014" => ErrorClass::Unknown,
        b"HV001" | [b'5', b'3' | b'8', ..] | [b'X', b'X', ..] => ErrorClass::ServerError,
        [b'2', b'8', ..] => ErrorClass::Auth,
        b"23502"
        | b"23514"
        | [b'0', b'3' | b'9' | b'A' | b'B' | b'F' | b'L' | b'P' | b'Z', ..]
        | [b'2', b'0' | b'1' | b'2' | b'4' | b'5' | b'7' | b'B' | b'D' | b'F', ..]
        | [b'3', b'4' | b'8' | b'9' | b'B' | b'D' | b'F', ..]
        | [b'4', b'2' | b'4', ..]
        | [b'5', b'4' | b'5' | b'7', ..]
        | [b'F', b'0', ..]
        | [b'H', b'V', ..]
        | [b'P', b'0', ..] => ErrorClass::Permanent,
        _ => ErrorClass::Unknown,
    })
    .code(code)
}

/// Classifies an error by its state and by the routine of the server that reported it, which tells "cached plan must not
/// change result type" from other features that are not supported.
///
/// ```
/// use redress_core::{ErrorClass, classify::postgres};
///
/// let migrated = postgres::classify_error("0A000", Some("RevalidateCachedQuery"));
/// assert_eq!(migrated.class(), ErrorClass::Concurrency);
/// assert_eq!(postgres::classify_error("0A000", Some("transformInsertStmt")).class(), ErrorClass::Permanent);
/// ```
pub fn classify_error(state: &str, routine: Option<&str>) -> Classification {
    let known = classify_state(state);
    match known.numeric_code() {
        Some(code) if state == "0A000" && routine == Some(REVALIDATE) => {
            Classification::new(ErrorClass::Concurrency).code(code)
        }
        _ => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ErrorClass::{Auth, Concurrency, Permanent, Permission, ServerError, Transient, Unknown},
        classify::sqlstate::unpack,
    };

    /// The appendix, state by state.
    const APPENDIX: &[(ErrorClass, &str)] = &[
        (Unknown, "00000 01000 0100C 01008 01003 01007 01006 01004 01P01 02000 02001"),
        (Permanent, "03000 09000 0A000 0B000 0F000 0F001 0L000 0LP01 0P000 0Z000 0Z002 20000 21000"),
        (Transient, "08000 08003 08006 08001 08004 08P01"),
        (
            Permanent,
            "22000 2202E 22021 22008 22012 22005 2200B 22022 22015 2201E 22014 22016 2201F 2201G 22018 22007 22019 2200D \
             22025 22P06 22010 22023 22013 2201B 2201W 2201X 2202H 2202G 22009 2200C 2200G 22004 22002 22003 2200H 22026 \
             22001 22011 22027 22024 2200F 22P01 22P02 22P03 22P04 22P05 2200L 2200M 2200N 2200S 2200T 22030 22031 22032 \
             22033 22034 22035 22036 22037 22038 22039 2203A 2203B 2203C 2203D 2203E 2203F 2203G",
        ),
        (Unknown, "23000 23001 23503 23505 23P01 26000 40002 42P05 55000 57000 57014"),
        (Permanent, "23502 23514 24000 25000 25001 25002 25008 25003 25004 25005 25007 25P01 25P02 27000"),
        (Transient, "25006 25P03 25P04 57P01 57P02 57P03 57P05 HV00N"),
        (Auth, "28000 28P01"),
        (
            Permanent,
            "2B000 2BP01 2D000 2F000 2F005 2F002 2F003 2F004 34000 38000 38001 38002 38003 38004 39000 39001 39004 39P01 \
             39P02 39P03 3B000 3B001 3D000 3F000",
        ),
        (Concurrency, "40000 40001 40P01 55006 55P03 72000"),
        (Permission, "42501"),
        (
            Permanent,
            "42000 42601 42846 42803 42P20 42P19 42830 42602 42622 42939 42804 42P18 42P21 42P22 42809 428C9 42703 42883 \
             42P01 42P02 42704 42701 42P03 42P04 42723 42P06 42P07 42712 42710 42702 42725 42P08 42P09 42P10 42611 42P11 \
             42P12 42P13 42P14 42P15 42P16 42P17 44000 54000 54001 54011 54023 55P02 55P04 57P04 F0000 F0001 HV000 HV005 \
             HV002 HV010 HV021 HV024 HV007 HV008 HV004 HV006 HV091 HV00B HV00C HV00D HV090 HV00A HV009 HV014 HV00P HV00J \
             HV00K HV00Q HV00R HV00L HV00M P0000 P0001 P0002 P0003 P0004",
        ),
        (ServerError, "53000 53100 53200 53300 53400 58000 58030 58P01 58P02 HV001 XX000 XX001 XX002"),
        // Of extensions and of other servers.
        (Unknown, "CR000 UT001 99999 ZZZZZ"),
    ];

    #[test]
    fn the_appendix_is_read_whole() {
        for (class, states) in APPENDIX {
            for state in states.split_ascii_whitespace() {
                let found = classify_state(state);
                assert_eq!(found.class(), *class, "{state}");
                assert_eq!(state_class(state), *class);
                assert_eq!(found.numeric_code().map(unpack).as_ref().map(<[u8; 5]>::as_slice), Some(state.as_bytes()));
                assert!(!found.is_outcome_unknown(), "{state}");
            }
        }
    }

    #[test]
    fn lost_commits_have_no_outcome() {
        for state in ["08007", "40003"] {
            assert_eq!(classify_state(state), Classification::outcome_unknown().code(pack(state).unwrap()), "{state}");
        }
    }

    #[test]
    fn the_routine_tells_stale_plans() {
        assert_eq!(classify_error("0A000", Some(REVALIDATE)).class(), Concurrency);
        assert_eq!(classify_error("0A000", Some(REVALIDATE)).numeric_code(), pack("0A000"));
        assert_eq!(classify_error("0A000", Some("other")).class(), Permanent);
        assert_eq!(classify_error("0A000", None).class(), Permanent);
        assert_eq!(classify_error("42601", Some(REVALIDATE)).class(), Permanent);
        assert_eq!(classify_error("", Some(REVALIDATE)), Classification::new(Unknown));
    }

    #[test]
    fn malformed_states_have_no_code() {
        for state in ["", "42", "53", "XX", "4200", "420000", "42é1", "40003 ", "0a000"] {
            assert_eq!(classify_state(state), Classification::new(Unknown), "{state:?}");
        }
    }
}
