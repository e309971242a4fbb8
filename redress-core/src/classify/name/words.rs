//! A name, taken apart into words.

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    Digit,
    Between,
}

impl Kind {
    const fn of(byte: u8) -> Self {
        match byte {
            b'A'..=b'Z' => Self::Upper,
            b'0'..=b'9' => Self::Digit,
            // Of other alphabets the case is unknown; none of the words has such letters.
            b'a'..=b'z' | 0x80.. => Self::Lower,
            _ => Self::Between,
        }
    }
}

/// A name in lower case with one `_` after each word: `HTTPTimedOut2` reads `http_timed_out_2_`.
#[derive(Clone)]
pub(super) struct Words<'a> {
    rest: &'a [u8],
    before: Kind,
}

impl<'a> Words<'a> {
    pub(super) const fn of(name: &'a [u8]) -> Self {
        Self { rest: name, before: Kind::Between }
    }

    pub(super) fn begin_with(&self, pattern: &[u8]) -> bool {
        let mut words = self.clone();
        pattern.iter().all(|byte| words.next() == Some(*byte))
    }
}

impl Iterator for Words<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            let split = self.rest.split_first();
            let kind = split.map_or(Kind::Between, |(byte, _)| Kind::of(*byte));
            let next_is_lower = || matches!(self.rest, [_, next, ..] if Kind::of(*next) == Kind::Lower);
            let word_ends = match (self.before, kind) {
                (Kind::Between, _) | (Kind::Upper, Kind::Lower) => false,
                // The last capital of several begins a word: HTTPError.
                (Kind::Upper, Kind::Upper) => next_is_lower(),
                (before, now) => before != now,
            };
            if word_ends {
                self.before = Kind::Between;
                return Some(b'_');
            }
            let (byte, rest) = split?;
            self.rest = rest;
            self.before = kind;
            if kind != Kind::Between {
                return Some(byte.to_ascii_lowercase());
            }
        }
    }
}
