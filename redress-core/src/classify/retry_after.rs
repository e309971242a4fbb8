//! The `Retry-After` header field (RFC 9110, section 10.2.3).
//!
//! Its value is a number of seconds or a date in one of the three formats of section 5.6.7. A date is a moment of the
//! wall clock; a device without one still reads the seconds.
//!
//! What HTTP doesn't define (signs, fractions, other zones) gives no hint: a failed request stays a failed request,
//! however odd its header.

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
}

/// How long to wait, counted from `now`, according to the value of a `Retry-After` header.
///
/// - Only digits: so many seconds.
/// - A date: the time from `now` until then, zero when it has passed. Without `now` there is no hint. The weekday has
///   to be one, but not the right one.
/// - Anything else: `None`.
///
/// Waits too long for [`Millis`] become [`Millis::MAX`]. Whitespace around the value is ignored.
///
/// ```
/// use redress_core::{Millis, classify::retry_after::{UnixSeconds, parse}};
///
/// let now = Some(UnixSeconds::new(1_772_600_767));
/// assert_eq!(parse(b"120", None), Some(Millis::from_secs(120)));
/// assert_eq!(parse(b"Wed, 04 Mar 2026 05:06:37 GMT", now), Some(Millis::from_secs(30)));
/// assert_eq!(parse(b"in a while", now), None);
/// ```
pub fn parse(value: &[u8], now: Option<UnixSeconds>) -> Option<Millis> {
    // Inlined, so that a caller which passes a plain `None` links no date parser.
    match (delay_seconds(value), now) {
        (None, Some(now)) => until_date(value, now),
        (seconds, _) => seconds.map(Millis::from_secs),
    }
}

/// `delay-seconds = 1*DIGIT`, saturating.
#[expect(clippy::arithmetic_side_effects, reason = "at most 999,999,999")]
fn delay_seconds(value: &[u8]) -> Option<u32> {
    /// Longer than every [`Millis`], and short enough for one digit more.
    const ENOUGH: u32 = 99_999_999;

    let (first, others) = value.trim_ascii().split_first()?;
    others.iter().try_fold(digit(*first)?, |sum, byte| Some(sum.min(ENOUGH) * 10 + digit(*byte)?))
}

/// `HTTP-date`: any of its three formats.
fn until_date(value: &[u8], now: UnixSeconds) -> Option<Millis> {
    let date = FORMATS.iter().find_map(|format| Date::read(value.trim_ascii(), format, now))?;
    let wait = date.exists().then(|| date.to_unix())?.get().saturating_sub(now.get());
    Some(u32::try_from(wait).map_or(Millis::MAX, Millis::from_secs))
}

/// The three of RFC 9110, in the letters of `strftime`: IMF-fixdate, RFC 850, asctime.
const FORMATS: [&[u8]; 3] = [b"%a, %d %b %Y %H:%M:%S GMT", b"%A, %d-%b-%y %H:%M:%S GMT", b"%a %b %e %H:%M:%S %Y"];
const WEEKDAYS: &[u8] = b"Sunday Monday Tuesday Wednesday Thursday Friday Saturday";
const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
const DAYS_IN_MONTH: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// What is left to read. Every step takes what it recognizes.
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
