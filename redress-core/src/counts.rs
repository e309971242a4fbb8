//! A number per class.

use crate::ErrorClass;

/// A number from 0 to 255 per class: a byte each, in two words.
///
/// # Design
///
/// The bytes are found by shifting, because an index would keep all that lies beside them in memory: the whole state of a call,
/// or a policy that is made at run time.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Counts(pub(crate) [u32; 2]);

impl Counts {
    /// Returns whether the class is in the second word, and where in its word.
    const fn place(class: ErrorClass) -> (bool, u32) {
        let class = class as u32;
        (class & 4 != 0, (class & 3) << 3)
    }

    /// Returns the number of a class.
    #[expect(clippy::cast_possible_truncation, reason = "one byte is taken")]
    #[inline]
    pub(crate) const fn of(self, class: ErrorClass) -> u8 {
        let (is_second, shift) = Self::place(class);
        let [first, second] = self.0;
        ((if is_second { second } else { first }) >> shift) as u8
    }

    /// Takes one from the number of a class, which must not be zero.
    #[inline]
    pub(crate) const fn take(&mut self, class: ErrorClass) {
        self.add(class, u32::MAX);
    }

    /// Replaces the number of a class.
    pub(crate) const fn set(&mut self, class: ErrorClass, number: u8) {
        self.add(class, (number as u32).wrapping_sub(self.of(class) as u32));
    }

    /// Adds to the number of a class, whose sum must be one of a byte.
    #[inline]
    const fn add(&mut self, class: ErrorClass, number: u32) {
        let (is_second, shift) = Self::place(class);
        let ([first, second], added) = (self.0, number << shift);
        self.0 = if is_second { [first, second.wrapping_add(added)] } else { [first.wrapping_add(added), second] };
    }

    /// Returns the difference of each class, where the other number is not above. If one is, it is taken from other classes.
    pub(crate) const fn less(self, Self(others): Self) -> Self {
        let ([first, second], [other_first, other_second]) = (self.0, others);
        Self([first.wrapping_sub(other_first), second.wrapping_sub(other_second)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_kept_apart_and_hold_255() {
        let mut counts = Counts([0; 2]);
        for number in [255, 0, 7] {
            for class in ErrorClass::ALL {
                counts.set(class, number);
                assert_eq!(counts.of(class), number);
            }
        }
        let full = counts;
        for (place, class) in ErrorClass::ALL.into_iter().enumerate() {
            (0..place).for_each(|_| counts.take(class));
        }
        for (place, class) in ErrorClass::ALL.into_iter().enumerate() {
            assert_eq!((usize::from(counts.of(class)), usize::from(full.less(counts).of(class))), (7 - place, place));
        }
    }
}
