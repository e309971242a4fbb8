//! Numbers and spans as people write them.

use std::{fmt, time::Duration};

/// A span in words: `250 ms`, `3.4 s`, `48 s`, `4 min 8 s`, `2 h 5 min`, `3 d 4 h`.
///
/// ```
/// use std::time::Duration;
/// use redress_std::simulate::Span;
///
/// assert_eq!(Span(Duration::from_millis(248_400)).to_string(), "4 min 8 s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let tenths = (millis + 50) / 100;
        let secs = (millis + 500) / 1_000;
        if millis < 1_000 {
            return write!(f, "{millis} ms");
        }
        if tenths < 100 && !tenths.is_multiple_of(10) {
            return write!(f, "{}.{} s", tenths / 10, tenths % 10);
        }
        let (units, names) = match secs {
            ..60 => return write!(f, "{secs} s"),
            60..3_600 => ((secs / 60, secs % 60), ("min", "s")),
            3_600..86_400 => ((secs / 3_600, secs % 3_600 / 60), ("h", "min")),
            _ => ((secs / 86_400, secs % 86_400 / 3_600), ("d", "h")),
        };
        write!(f, "{} {}", units.0, names.0)?;
        if units.1 == 0 { Ok(()) } else { write!(f, " {} {}", units.1, names.1) }
    }
}

/// A whole number with its thousands apart: `1,000,000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grouped(pub u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A share in percent, with a decimal where it would else read as all or nothing: `12 %`, `99.9 %`, `0.4 %`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Percent(pub(super) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.0 * 100.0;
        let edge = (percent > 0.0 && percent < 1.0) || (percent > 99.0 && percent < 100.0);
        if edge { write!(f, "{percent:.1} %") } else { write!(f, "{percent:.0} %") }
    }
}

/// A multiple with one decimal, two below 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenths(pub(super) f64);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1.0 { write!(f, "{:.2}", self.0) } else { write!(f, "{:.1}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_at_most_two_units() {
        let rows = [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (3_440, "3.4 s"),
            (9_960, "10 s"),
            (59_499, "59 s"),
            (59_500, "1 min"),
            (248_400, "4 min 8 s"),
            (600_000, "10 min"),
            (3_599_600, "1 h"),
            (7_500_000, "2 h 5 min"),
            (273_600_000, "3 d 4 h"),
        ];
        for (millis, words) in rows {
            assert_eq!(Span(Duration::from_millis(millis)).to_string(), words);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, words) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(Grouped(number).to_string(), words);
        }
    }

    #[test]
    fn nearly_all_is_not_all() {
        for (share, words) in [(0.0, "0 %"), (0.004, "0.4 %"), (0.12, "12 %"), (0.99, "99 %"), (0.999, "99.9 %")] {
            assert_eq!(Percent(share).to_string(), words);
        }
        assert_eq!(Percent(1.0).to_string(), "100 %");
    }
}
