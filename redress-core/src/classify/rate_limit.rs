//! Header fields that say how much of a quota is left and when it is renewed: `RateLimit` of the IETF draft, in its old and its new
//! syntax, and the fields that vendors used before it.
//!
//! | field | read by | value |
//! |---|---|---|
//! | `RateLimit` (draft-ietf-httpapi-ratelimit-headers, from version 8) | [`parse`] | `"burst";r=0;t=30, "day";r=70` |
//! | `RateLimit` (versions 6 and 7) | [`parse`] | `limit=100, remaining=0, reset=30` |
//! | `RateLimit-Remaining`, `X-RateLimit-Remaining`, `X-Rate-Limit-Remaining` | [`remaining`] | a whole number |
//! | `RateLimit-Reset`, `X-RateLimit-Reset`, `X-Rate-Limit-Reset`, `X-RateLimit-Reset-After` | [`reset`] | seconds from now, or a moment |
//!
//! These fields come with successes too, so they say something about a failure only if nothing is left, or if the failure is a
//! rate limit by itself (status 429).
//!
//! Junk is read as if the field or the parameter were missing. Nothing here allocates, and an image that does not call it does not
//! contain it.

use super::retry_after::{self, UnixSeconds};
use crate::Millis;

/// A quota, as a server reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Quota {
    /// How many requests, or other units, are left.
    pub remaining: Option<u32>,
    /// The time until it is renewed.
    pub reset: Option<Millis>,
}

impl Quota {
    /// Creates it of the values of two fields, or of two parameters.
    pub const fn new(remaining: Option<u32>, reset: Option<Millis>) -> Self {
        Self { remaining, reset }
    }

    /// Returns whether nothing is left.
    pub const fn is_exhausted(&self) -> bool {
        matches!(self.remaining, Some(0))
    }

    /// Returns the quota that decides when a request can succeed: of those that are exhausted the one that is renewed last, and any
    /// exhausted one before others. Of two that are not, the one with less left.
    pub fn or_tighter(self, other: Self) -> Self {
        let rank = |quota: Self| (quota.remaining.unwrap_or(u32::MAX), core::cmp::Reverse(quota.reset));
        if rank(other) < rank(self) { other } else { self }
    }
}

/// Reads the value of a `RateLimit` field, in either syntax. Of several quotas, the [tightest](Quota::or_tighter) counts. `None` if
/// it tells neither what is left nor when it is renewed.
///
/// ```
/// use redress_core::{Millis, classify::rate_limit::parse};
///
/// let quota = parse(br#""burst";r=0;t=30, "day";r=70;t=5000"#).unwrap();
/// assert!(quota.is_exhausted());
/// assert_eq!(quota.reset, Some(Millis::from_secs(30)));
/// assert_eq!(parse(b"limit=100, remaining=0, reset=30"), Some(quota));
/// assert_eq!(parse(b"100 per minute"), None);
/// ```
pub fn parse(value: &[u8]) -> Option<Quota> {
    // The old syntax spreads one quota over members of a dictionary; in the new one each member of a list is a quota.
    let (mut spread, mut tightest) = (Quota::default(), None::<Quota>);
    for member in parts(value, b',') {
        let mut own = Quota::default();
        for (n, part) in parts(member, b';').enumerate() {
            match (n, parameter(part)) {
                (0, Some((b"remaining", value))) => spread.remaining = remaining(value),
                (0, Some((b"reset", value))) => spread.reset = retry_after::seconds(value),
                (1.., Some((b"r", value))) => own.remaining = remaining(value),
                (1.., Some((b"t", value))) => own.reset = retry_after::seconds(value),
                _ => {}
            }
        }
        if own != Quota::default() {
            tightest = Some(tightest.map_or(own, |other| other.or_tighter(own)));
        }
    }
    tightest.or((spread != Quota::default()).then_some(spread))
}

/// Reads how much is left: a whole number, saturating, or a decimal one, of which the whole part counts if there is more than
/// nothing left. `None` if it is anything else.
///
/// ```
/// use redress_core::classify::rate_limit::remaining;
///
/// assert_eq!(remaining(b"0"), Some(0));
/// assert_eq!(remaining(b"unlimited"), None);
/// ```
pub fn remaining(value: &[u8]) -> Option<u32> {
    let (whole, thousandths) = retry_after::number(value)?;
    Some(u32::try_from(whole.max(u64::from(thousandths.min(1)))).unwrap_or(u32::MAX))
}

/// Reads the time until a quota is renewed.
///
/// | value | read as |
/// |---|---|
/// | below 10^9, also with decimals | seconds from now |
/// | from 10^9 | seconds since 1970, for vendors that send a moment |
/// | from 10^11 | milliseconds since 1970 |
/// | a date, as in `Retry-After` | that moment |
/// | anything else | nothing |
///
/// A moment is judged by the response's own `Date` where there is one, else by the local clock `now`, as
/// [`retry_after`](super::retry_after#which-clock-judges-a-date) has it; without either there is no answer. One that has passed is
/// zero, and one that is too far away, such as 2^64, is [`Millis::MAX`].
///
/// ```
/// use redress_core::{Millis, classify::{rate_limit::reset, retry_after::UnixSeconds}};
///
/// let now = Some(UnixSeconds::new(1_772_600_767));
/// assert_eq!(reset(b"30", None, None), Some(Millis::from_secs(30)));
/// assert_eq!(reset(b"1772600827", None, now), Some(Millis::from_secs(60)));
/// assert_eq!(reset(b"1772600827", Some(b"Wed, 04 Mar 2026 05:07:00 GMT"), None), Some(Millis::from_secs(7)));
/// ```
#[expect(clippy::arithmetic_side_effects, reason = "at most 10^16, and a divisor of 1,000")]
pub fn reset(value: &[u8], date: Option<&[u8]>, now: Option<UnixSeconds>) -> Option<Millis> {
    let moment = match retry_after::number(value) {
        None => return retry_after::parse_dated(value, date, now),
        Some((..1_000_000_000, _)) => return retry_after::seconds(value),
        Some((whole @ ..100_000_000_000, thousandths)) => whole + u64::from(thousandths != 0),
        Some((whole, _)) => whole.div_ceil(1_000),
    };
    let date = date.and_then(|date| retry_after::date(date, now.unwrap_or(UnixSeconds::RECENT)));
    retry_after::wait(UnixSeconds::new(moment), date, now)
}

/// Returns the parts of a text between separators outside of quotes.
fn parts(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |byte| {
        let is_quote = *byte == b'"' && !is_escaped;
        is_escaped = is_quoted && !is_escaped && *byte == b'\\';
        is_quoted ^= is_quote;
        *byte == separator && !is_quoted
    })
}

/// Splits `key=value`.
fn parameter(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, value) = part.split_at_checked(part.iter().position(|byte| *byte == b'=')?)?;
    Some((key.trim_ascii(), value.split_first()?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what `parse` returns")]
    const fn quota(remaining: Option<u32>, seconds: Option<u32>) -> Option<Quota> {
        let reset = match seconds {
            Some(seconds) => Some(Millis::from_secs(seconds)),
            None => None,
        };
        Some(Quota { remaining, reset })
    }

    #[test]
    fn both_syntaxes() {
        for (value, expected) in [
            // Versions 6 and 7.
            ("limit=100, remaining=50, reset=30", quota(Some(50), Some(30))),
            ("limit=10,remaining=0,reset=5", quota(Some(0), Some(5))),
            ("reset=5 , remaining=0 ;w=1", quota(Some(0), Some(5))),
            ("remaining=0", quota(Some(0), None)),
            // From version 8 on.
            (r#""default";r=50;t=30"#, quota(Some(50), Some(30))),
            (r#""default"; r=0; t=30"#, quota(Some(0), Some(30))),
            ("default;t=30;r=0;pk=:dHsdsRa894==:", quota(Some(0), Some(30))),
            (r#""default";r=0"#, quota(Some(0), None)),
            (r#""a";r=5;t=1, "b";r=0;t=30, "c";r=0;t=60, "d";r=0"#, quota(Some(0), Some(60))),
            (r#""a";r=5;t=100,"b";r=3;t=7"#, quota(Some(3), Some(7))),
            (r#""r=0;t=9, \" ,";r=0;t=30"#, quota(Some(0), Some(30))),
            (r#""a";t=30"#, quota(None, Some(30))),
            // A hint of 2^64.
            (r#""a";r=0;t=18446744073709551616"#, Some(Quota { remaining: Some(0), reset: Some(Millis::MAX) })),
        ] {
            assert_eq!(parse(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn junk_is_read_as_missing() {
        for value in [
            "",
            " ",
            ",;,;",
            "100",
            "0",
            "100 per minute",
            "r=0, t=30",
            "\"default\"",
            "\"default\";q=100;w=60",
            "\"default\";r;t",
            "\"default\";r=;t=",
            "\"default\";r=-1;t=-5",
            "\"default\";r=none;t=soon",
            "\"r=0;t=30",
            "remaining=no, reset=later",
            "\u{663}",
        ] {
            assert_eq!(parse(value.as_bytes()), None, "{value:?}");
        }
        assert_eq!(parse(&[0xFF, b';', b'r', b'=', 0xFE]), None);
        assert_eq!(parse(b"\"a\";r=0;t=soon"), quota(Some(0), None));
    }

    #[test]
    fn what_is_left() {
        for (value, expected) in [
            ("0", Some(0)),
            (" 12 ", Some(12)),
            ("0.0", Some(0)),
            ("0.5", Some(1)),
            ("18446744073709551616", Some(u32::MAX)),
            ("-1", None),
            ("none", None),
            ("", None),
        ] {
            assert_eq!(remaining(value.as_bytes()), expected, "{value:?}");
        }
    }

    #[test]
    fn moments_and_spans() {
        const NOW: u64 = 1_772_600_767; // 2026-03-04T05:06:07Z
        let local = |value: &str, now| reset(value.as_bytes(), None, Some(UnixSeconds::new(now)));
        let seconds = |seconds| Some(Millis::from_secs(seconds));
        for (value, expected) in [
            ("0", seconds(0)),
            ("64.57", Some(Millis::new(64_570))),
            ("3600", seconds(3_600)),
            ("999999999", Some(Millis::MAX)),
            ("1772600827", seconds(60)),
            ("1772600826.001", seconds(60)),
            ("1772600826001", seconds(60)),
            ("1772600000", seconds(0)),
            ("1000000000", seconds(0)),
            ("9999999999", Some(Millis::MAX)),
            ("18446744073709551616", Some(Millis::MAX)),
            ("Wed, 04 Mar 2026 05:07:07 GMT", seconds(60)),
            ("soon", None),
            ("-30", None),
            ("6m0s", None),
            ("2026-03-04T05:07:07Z", None),
            ("", None),
        ] {
            assert_eq!(local(value, NOW), expected, "{value:?}");
        }
        // Without a clock that is set, a moment says nothing.
        for value in ["1772600827", "1772600827000", "18446744073709551616", "Wed, 04 Mar 2026 05:07:07 GMT"] {
            assert_eq!(reset(value.as_bytes(), None, None), None, "{value}");
            assert_eq!(local(value, 3), None, "{value}");
        }
        // The server's own clock comes first, if it is the one that wrote the moment.
        let dated = |date: &str, now| reset(b"1772600827", Some(date.as_bytes()), now);
        let wrong = Some(UnixSeconds::new(NOW - 3_000));
        assert_eq!(dated("Wed, 04 Mar 2026 05:07:00 GMT", wrong), seconds(7));
        assert_eq!(dated("Thu, 01 Jan 1970 00:00:00 GMT", Some(UnixSeconds::new(NOW))), seconds(60));
        assert_eq!(dated("Fri, 31 Dec 9999 23:59:59 GMT", Some(UnixSeconds::new(NOW))), seconds(60));
        assert_eq!(dated("yesterday", Some(UnixSeconds::new(NOW))), seconds(60));
        assert_eq!(dated("Thu, 01 Jan 1970 00:00:00 GMT", None), None);
    }
}
