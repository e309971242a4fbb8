//! The error kinds of `embedded-hal` 1, and so of `embedded-hal-async`. Feature `embedded-hal-v1`.
//!
//! | kind | class | because |
//! |---|---|---|
//! | I2C `Bus` | [`Transient`](ErrorClass::Transient) | a START or STOP in the wrong place is noise, or a device in the middle of a byte: reset the bus |
//! | I2C `ArbitrationLoss` | [`Concurrency`](ErrorClass::Concurrency) | another controller was faster, and will be done |
//! | I2C `NoAcknowledge` | [`Transient`](ErrorClass::Transient) | a device that is busy (an EEPROM writing, a sensor converting) looks like one that is missing |
//! | I2C, SPI `Overrun` | [`Transient`](ErrorClass::Transient) | this side was too slow this time |
//! | SPI `ModeFault` | [`Concurrency`](ErrorClass::Concurrency) | another controller drives the select line |
//! | SPI `FrameFormat` | [`Transient`](ErrorClass::Transient) | noise on the line |
//! | SPI `ChipSelectFault` | [`Transient`](ErrorClass::Transient) | a pin that can fail sits behind a bus of its own |
//! | every other, all of digital and PWM | [`Unknown`](ErrorClass::Unknown) | the kind says nothing |
//!
//! `Transient` counts against a breaker by default, `Concurrency` and `Unknown` don't. A device that is missing for good
//! is found out by the limit on attempts; to find out sooner, give `Transient` a limit of its own.
//!
//! ```
//! use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
//! use redress_core::{Backoff, Policy, Retry, embedded::hal::I2cClassifier, testing::TestEnv};
//!
//! static SENSOR: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));
//!
//! # let mut answers = [Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address)), Ok(21)].into_iter();
//! # let mut read = || answers.next().unwrap_or(Ok(0));
//! let degrees = SENSOR.context(TestEnv::new()).classifier(I2cClassifier).call(|| read());
//! assert_eq!(degrees, Ok(21));
//! ```

use embedded_hal::{digital, i2c, pwm, spi};

use crate::{Classification, Classifier, ErrorClass};

/// The class of an I2C error kind, by the table of [this module](self).
pub const fn i2c_class(kind: i2c::ErrorKind) -> ErrorClass {
    match kind {
        i2c::ErrorKind::ArbitrationLoss => ErrorClass::Concurrency,
        i2c::ErrorKind::Bus | i2c::ErrorKind::NoAcknowledge(_) | i2c::ErrorKind::Overrun => ErrorClass::Transient,
        _ => ErrorClass::Unknown,
    }
}

/// The class of an SPI error kind, by the table of [this module](self).
pub const fn spi_class(kind: spi::ErrorKind) -> ErrorClass {
    match kind {
        spi::ErrorKind::ModeFault => ErrorClass::Concurrency,
        spi::ErrorKind::Overrun | spi::ErrorKind::FrameFormat | spi::ErrorKind::ChipSelectFault => {
            ErrorClass::Transient
        }
        _ => ErrorClass::Unknown,
    }
}

macro_rules! classifier {
    ($(#[$doc:meta])* $name:ident, $module:ident, $error:ident => $class:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub struct $name;

        #[diagnostic::do_not_recommend]
        impl<E: $module::Error> Classifier<E> for $name {
            fn classify(&self, $error: &E) -> Classification {
                $class.into()
            }
        }
    };
}

classifier! {
    /// The classifier of I2C errors.
    I2cClassifier, i2c, error => i2c_class(error.kind())
}

classifier! {
    /// The classifier of SPI errors.
    SpiClassifier, spi, error => spi_class(error.kind())
}

classifier! {
    /// The classifier of digital pins' errors.
    DigitalClassifier, digital, _error => ErrorClass::Unknown
}

classifier! {
    /// The classifier of PWM errors.
    PwmClassifier, pwm, _error => ErrorClass::Unknown
}

#[cfg(test)]
mod tests {
    use i2c::NoAcknowledgeSource::{Address, Data, Unknown};

    use super::*;

    #[test]
    fn kinds_have_the_classes_of_the_table() {
        for (kind, class) in [
            (i2c::ErrorKind::Bus, ErrorClass::Transient),
            (i2c::ErrorKind::ArbitrationLoss, ErrorClass::Concurrency),
            (i2c::ErrorKind::NoAcknowledge(Address), ErrorClass::Transient),
            (i2c::ErrorKind::NoAcknowledge(Data), ErrorClass::Transient),
            (i2c::ErrorKind::NoAcknowledge(Unknown), ErrorClass::Transient),
            (i2c::ErrorKind::Overrun, ErrorClass::Transient),
            (i2c::ErrorKind::Other, ErrorClass::Unknown),
        ] {
            assert_eq!(I2cClassifier.classify(&kind), class.into(), "{kind:?}");
        }
        for (kind, class) in [
            (spi::ErrorKind::Overrun, ErrorClass::Transient),
            (spi::ErrorKind::ModeFault, ErrorClass::Concurrency),
            (spi::ErrorKind::FrameFormat, ErrorClass::Transient),
            (spi::ErrorKind::ChipSelectFault, ErrorClass::Transient),
            (spi::ErrorKind::Other, ErrorClass::Unknown),
        ] {
            assert_eq!(SpiClassifier.classify(&kind), class.into(), "{kind:?}");
        }
        assert_eq!(DigitalClassifier.classify(&digital::ErrorKind::Other), ErrorClass::Unknown.into());
        assert_eq!(PwmClassifier.classify(&pwm::ErrorKind::Other), ErrorClass::Unknown.into());
    }
}
