//! The `Retry-After` header field (RFC 9110, section 10.2.3), with what real servers make of it.
//!
//! | value | hint |
//! |---|---|
//! | `120` | so many seconds |
//! | `2.0`, `0.35` | so many seconds, rounded up to a millisecond; outside of the RFC, but the documented form of a large shop platform |
//! | a date in one of the three formats of section 5.6.7 | the time until then, zero if it has passed |
//! | more than 49.7 days, such as 2^64 | [`Millis::MAX`], which ends a call by its [cap](crate::Retry::retry_after_cap) |
//! | anything else: signs, exponents, units, other zones | none |
//!
//! A value without a hint is no error: a failed request stays a failed request, however odd its header. A device without a wall
//! clock still reads the seconds.
//!
//! # Which clock judges a date
//!
//! The server's own: [`parse_dated`] takes the `Date` of the response, and what counts is the time from there to the date. If
//! the two are more than 49.7 days apart, they were not written by the same clock (a `Date` of 1970 or of 9999 in front of a sound
//! date), and the local clock judges, as it does for a response without a readable `Date`.
//!
//! A clock that shows a time before 2020 is plainly not set. It never makes a sound date a wait of decades: from such a clock, a date
//! more than 49.7 days ahead is no hint.

use crate::Millis;

/// A moment of the wall clock: seconds since 1970-01-01T00:00:00Z, without leap seconds (Unix time).
///
/// ```
/// use redress_core::classify::retry_after::UnixSeconds;
///
/// assert_eq!(UnixSeconds::new(1_772_600_767).get(), 1_772_600_767); // 2026-03-04T05:06:07Z
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(transparent)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// So many seconds since 1970 began.
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// The number of seconds since 1970 began.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The beginning of 2020. A clock that shows less is not set.
    pub(super) const RECENT: Self = Self(1_577_836_800);

    /// Returns the time from here to another moment, zero if that has passed; `None` if it does not fit.
    fn until(self, moment: Self) -> Option<Millis> {
        let seconds = u32::try_from(moment.0.saturating_sub(self.0)).ok()?;
        Some(Millis::from_secs(seconds)).filter(|wait| *wait < Millis::MAX)
    }

    /// Returns how long a clock that shows this moment has to wait until another, saturating; `None` if it is not set.
    fn wait_until(self, moment: Self) -> Option<Millis> {
        self.until(moment).or((self >= Self::RECENT).then_some(Millis::MAX))
    }
}

/// Returns how long to wait, counted from `now`, according to the value of a `Retry-After` header, by the table of
/// [this module](self).
///
/// Without `now` there is no hint in a date. The weekday of a date has to be one, but not the right one. Whitespace around the
/// value is ignored.
///
/// ```
/// use redress_core::{Millis, classify::retry_after::{UnixSeconds, parse}};
///
/// let now = Some(UnixSeconds::new(1_772_600_767));
/// assert_eq!(parse(b"120", None), Some(Millis::from_secs(120)));
/// assert_eq!(parse(b"2.0", None), Some(Millis::from_secs(2)));
/// assert_eq!(parse(b"Wed, 04 Mar 2026 05:06:37 GMT", now), Some(Millis::from_secs(30)));
/// assert_eq!(parse(b"in a while", now), None);
/// ```
pub fn parse(value: &[u8], now: Option<UnixSeconds>) -> Option<Millis> {
    // Inlined, so that a caller which passes a plain `None` links no date parser.
    match (seconds(value), now) {
        (None, Some(now)) => now.wait_until(date(value, now)?),
        (seconds, _) => seconds,
    }
}

/// Like [`parse`], where dates are judged by the value of the response's own `Date` header if there is one: see
/// [this module](self#which-clock-judges-a-date).
///
/// ```
/// use redress_core::{Millis, classify::retry_after::parse_dated};
///
/// let hint = parse_dated(b"Wed, 18 Sep 2019 05:34:00 GMT", Some(b"Wed, 18 Sep 2019 05:33:23 GMT"), None);
/// assert_eq!(hint, Some(Millis::from_secs(37)));
/// ```
pub fn parse_dated(value: &[u8], date: Option<&[u8]>, now: Option<UnixSeconds>) -> Option<Millis> {
    seconds(value).or_else(|| {
        let date = date.and_then(|date| self::date(date, now.unwrap_or(UnixSeconds::RECENT)));
        wait(self::date(value, date.or(now)?)?, date, now)
    })
}

/// Returns the wait that is the value of a `retry-after-ms` or `x-ms-retry-after-ms` header: milliseconds, decimals rounded up,
/// saturating. `None` if it is anything else.
///
/// ```
/// use redress_core::{Millis, classify::retry_after::parse_millis};
///
/// assert_eq!(parse_millis(b"350"), Some(Millis::new(350)));
/// assert_eq!(parse_millis(b"9.25"), Some(Millis::new(10)));
/// ```
pub fn parse_millis(value: &[u8]) -> Option<Millis> {
    let (whole, thousandths) = number(value)?;
    let millis = whole.saturating_add(u64::from(thousandths != 0));
    Some(u32::try_from(millis).map_or(Millis::MAX, Millis::new))
}

/// Returns how long to wait until a moment that a response names, by its own date or by the local clock: see
/// [this module](self#which-clock-judges-a-date).
pub(super) fn wait(moment: UnixSeconds, date: Option<UnixSeconds>, now: Option<UnixSeconds>) -> Option<Millis> {
    let by_date = date.filter(|date| moment.until(*date).is_some()).and_then(|date| date.until(moment));
    let by = |clock: Option<UnixSeconds>| clock.and_then(|clock| clock.wait_until(moment));
    by_date.or_else(|| by(now)).or_else(|| by(date))
}

/// Returns the seconds, rounded up to a millisecond, that are the whole value.
#[expect(clippy::arithmetic_side_effects, reason = "at most 999,999,999")]
pub(super) fn seconds(value: &[u8]) -> Option<Millis> {
    /// Longer than every [`Millis`], and short enough for one digit more.
    const ENOUGH: u32 = 99_999_999;

    let (whole, thousandths) = decimal(value)?;
    let seconds = whole.iter().fold(0, |sum, byte| ENOUGH.min(sum) * 10 + u32::from(byte & 0xF));
    Some(Millis::from_secs(seconds).saturating_add(Millis::new(thousandths)))
}

/// Returns a whole number, saturating above 10^15, and its decimals in thousandths, rounded up.
#[expect(clippy::arithmetic_side_effects, reason = "at most 10^16")]
pub(super) fn number(value: &[u8]) -> Option<(u64, u32)> {
    /// Longer than every span and later than every date, and short enough for one digit more.
    const ENOUGH: u64 = 1_000_000_000_000_000;

    let (whole, thousandths) = decimal(value)?;
    Some((whole.iter().fold(0, |sum, byte| ENOUGH.min(sum) * 10 + u64::from(byte & 0xF)), thousandths))
}

/// Splits `1*DIGIT [ "." 1*DIGIT ]`, with whitespace around it, into the digits before the point and thousandths, rounded up.
#[expect(clippy::arithmetic_side_effects, reason = "at most 1,000")]
fn decimal(value: &[u8]) -> Option<(&[u8], u32)> {
    let value = value.trim_ascii();
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    let (whole, rest) = value.split_at_checked(end).filter(|(whole, _)| !whole.is_empty())?;
    let mut thousandths = 0;
    if let Some((point, decimals)) = rest.split_first() {
        if *point != b'.' || decimals.is_empty() {
            return None;
        }
        let mut units = [100, 10, 1].into_iter();
        let mut is_more = false;
        for byte in decimals {
            let digit = digit(*byte)?;
            match units.next() {
                Some(unit) => thousandths += unit * digit,
                None => is_more |= digit != 0,
            }
        }
        thousandths += u32::from(is_more);
    }
    Some((whole, thousandths))
}

/// Reads an `HTTP-date`, in any of its three formats. `near`: a moment by which years of two digits are read.
pub(super) fn date(value: &[u8], near: UnixSeconds) -> Option<UnixSeconds> {
    let date = FORMATS.iter().find_map(|format| Date::read(value.trim_ascii(), format, near))?;
    date.exists().then(|| date.to_unix())
}

/// The three of RFC 9110, in the letters of `strftime`: IMF-fixdate, RFC 850, asctime.
const FORMATS: [&[u8]; 3] = [b"%a, %d %b %Y %H:%M:%S GMT", b"%A, %d-%b-%y %H:%M:%S GMT", b"%a %b %e %H:%M:%S %Y"];
const WEEKDAYS: &[u8] = b"Sunday Monday Tuesday Wednesday Thursday Friday Saturday";
const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
const DAYS_IN_MONTH: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The rest of a text that is being read. Each step consumes the part that it recognises.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    fn literal(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// A number of exactly so many digits, at most nine.
    #[expect(clippy::arithmetic_side_effects, reason = "nine digits fit a u32")]
    fn number(&mut self, digits: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |sum, byte| Some(sum * 10 + digit(*byte)?))
    }

    /// Counted from zero.
    fn month(&mut self) -> Option<usize> {
        let (name, rest) = self.0.split_at_checked(3)?;
        self.0 = rest;
        MONTHS.chunks_exact(3).position(|known| known == name)
    }

    /// Which one is of no interest.
    fn weekday(&mut self, letters: usize) -> Option<()> {
        WEEKDAYS.split(|byte| *byte == b' ').find_map(|name| self.literal(name.get(..letters).unwrap_or(name)))
    }
}

/// A moment of the Gregorian calendar in UTC, or what was written in its place.
#[derive(Clone, Copy, Default)]
struct Date {
    /// At most 9999.
    year: u32,
    /// From 0 to 11.
    month: usize,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Date {
    /// Reads the whole text by one of the [`FORMATS`]; of the fields, the names and the widths of numbers are checked.
    #[expect(clippy::arithmetic_side_effects, reason = "years stay below 10,000")]
    fn read(text: &[u8], mut format: &[u8], now: UnixSeconds) -> Option<Self> {
        let mut text = Text(text);
        let mut date = Self::default();
        let mut year_is_short = false;
        while let Some((letter, rest)) = format.split_first() {
            format = rest;
            if *letter != b'%' {
                text.literal(&[*letter])?;
                continue;
            }
            let (field, rest) = format.split_first()?;
            format = rest;
            match field {
                b'a' => text.weekday(3)?,
                b'A' => text.weekday(usize::MAX)?,
                b'b' => date.month = text.month()?,
                b'e' if text.literal(b" ").is_some() => date.day = text.number(1)?,
                b'd' | b'e' => date.day = text.number(2)?,
                b'H' => date.hour = text.number(2)?,
                b'M' => date.minute = text.number(2)?,
                b'S' => date.second = text.number(2)?,
                b'Y' => date.year = text.number(4)?,
                _ => {
                    date.year = 1_900 + text.number(2)?;
                    year_is_short = true;
                }
            }
        }
        // Two digits mean the last such year that isn't more than 50 years ahead: a century later is right as long as
        // 50 years before that isn't after now.
        while year_is_short && date.year < 9_900 && (Self { year: date.year + 50, ..date }).to_unix() <= now {
            date.year += 100;
        }
        text.0.is_empty().then_some(date)
    }

    /// Exact below the year 43,699, and no division, which is a library call where the processor has none.
    #[expect(clippy::arithmetic_side_effects, reason = "10,000 times 5,243 fits a u32")]
    const fn centuries(year: u32) -> u32 {
        (year * 5_243) >> 19
    }

    #[expect(clippy::arithmetic_side_effects, reason = "at most the year itself")]
    const fn is_leap_year(&self) -> bool {
        let centuries = Self::centuries(self.year);
        // Of the years that end a century, each fourth is a leap year, as of the others.
        let cycle = if self.year == centuries * 100 { centuries } else { self.year };
        cycle.is_multiple_of(4)
    }

    /// Whether there is such a moment. Second 60 is a leap second.
    #[expect(clippy::arithmetic_side_effects, reason = "29 is the largest sum")]
    fn exists(&self) -> bool {
        let leap_day = u8::from(self.month == 1 && self.is_leap_year());
        let days = DAYS_IN_MONTH.get(self.month).map_or(0, |days| days + leap_day);
        (1..=u32::from(days)).contains(&self.day) && self.hour < 24 && self.minute < 60 && self.second <= 60
    }

    /// Moments before 1970 become its beginning, which is past as well.
    ///
    /// Whole days before the year, before the month and before the day, all in 32 bits.
    #[expect(clippy::arithmetic_side_effects, reason = "years from 1970 to 9999 have less than three million days")]
    fn to_unix(self) -> UnixSeconds {
        /// Leap years from year 1 to the one given.
        const fn leap_years(year: u32) -> u32 {
            let centuries = Date::centuries(year);
            year / 4 - centuries + centuries / 4
        }

        if self.year < 1_970 {
            return UnixSeconds::new(0);
        }
        let years = (self.year - 1_970) * 365 + leap_years(self.year - 1) - const { leap_years(1_969) };
        let months: u32 = DAYS_IN_MONTH.iter().take(self.month).map(|days| u32::from(*days)).sum();
        let leap_day = u32::from(self.month > 1 && self.is_leap_year());
        let days = years + months + leap_day + self.day.saturating_sub(1);
        let seconds = self.hour * 3_600 + self.minute * 60 + self.second;
        UnixSeconds::new(u64::from(days) * 86_400 + u64::from(seconds))
    }
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(10)
}

#[cfg(test)]
mod tests;
