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

//! # Time-outs, and errors of drivers
//!
//! Many HALs report a time-out as `ErrorKind::Other`. [`through`](I2cClassifier::through) reads the HAL's own value:
//!
//! ```
//! # use embedded_hal::i2c;
//! use redress_core::{Classifier, ErrorClass, embedded::hal::I2cClassifier};
//!
//! # #[derive(Debug)]
//! enum HalError { Timeout, Nack }
//! # impl i2c::Error for HalError {
//! #     fn kind(&self) -> i2c::ErrorKind { i2c::ErrorKind::Other }
//! # }
//!
//! let classifier = I2cClassifier.through(|error: &HalError| match error {
//!     HalError::Timeout => Err(ErrorClass::Transient),
//!     other => Ok(other),
//! });
//! assert_eq!(classifier.classify(&HalError::Timeout).class(), ErrorClass::Transient);
//! # assert_eq!(classifier.classify(&HalError::Nack).class(), ErrorClass::Unknown);
//! ```
//!
//! [`OrByName`](crate::classify::name::OrByName)`(I2cClassifier)` finds such names by itself; it needs flash for the list of names.
//!
//! A driver wraps the error of its bus. [`through`](I2cClassifier::through) takes it out, and gives what the driver adds a class:
//!
//! ```
//! use embedded_hal::i2c::{self, ErrorKind};
//! use redress_core::{Classifier, ErrorClass, embedded::hal::I2cClassifier};
//!
//! enum SensorError<E> { Bus(E), Checksum, WrongChip }
//!
//! fn classifier<E: i2c::Error>() -> impl Classifier<SensorError<E>> {
//!     I2cClassifier.through(|error: &SensorError<E>| match error {
//!         SensorError::Bus(error) => Ok(error),
//!         SensorError::Checksum => Err(ErrorClass::Transient),
//!         SensorError::WrongChip => Err(ErrorClass::Permanent),
//!     })
//! }
//!
//! let lost = SensorError::Bus(ErrorKind::ArbitrationLoss);
//! assert_eq!(classifier().classify(&lost).class(), ErrorClass::Concurrency);
//! ```
//!
//! A driver of one's own derives the same, with feature `macros`:
//!
#![cfg_attr(feature = "macros", doc = "```")]
#![cfg_attr(not(feature = "macros"), doc = "```ignore")]
//! use embedded_hal::i2c::{self, ErrorKind};
//! use redress_core::{Classifier, Classify, ErrorClass, embedded::hal::I2cClassifier};
//!
//! #[derive(Classify)]
//! enum SensorError<E: i2c::Error> {
//!     #[class(transparent = I2cClassifier.classify(_0))]
//!     Bus(E),
//!     #[class(transient)]
//!     Checksum,
//! }
//!
//! let lost = SensorError::Bus(ErrorKind::ArbitrationLoss);
//! assert_eq!(lost.classify().class(), ErrorClass::Concurrency);
//! # assert_eq!(SensorError::<ErrorKind>::Checksum.classify().class(), ErrorClass::Transient);
//! ```
//!
//! # Design
//!
//! `Other` is not read by name by default, because that links the list of names and the code that formats errors.

use core::marker::PhantomData;

use embedded_hal::{digital, i2c, pwm, spi};

use crate::{Classification, Classifier, ErrorClass};

/// The classifier of a driver's errors: see [`I2cClassifier::through`] and its kin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Through<C, F, E> {
    classifier: C,
    inner: F,
    of: PhantomData<fn(&E)>,
}

#[diagnostic::do_not_recommend]
impl<W, E, T, C, F> Classifier<W> for Through<C, F, E>
where
    C: Classifier<E>,
    F: Fn(&W) -> Result<&E, T>,
    T: Into<Classification>,
{
    fn classify(&self, error: &W) -> Classification {
        match (self.inner)(error) {
            Ok(error) => self.classifier.classify(error),
            Err(own) => own.into(),
        }
    }
}

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

        impl $name {
            /// Returns a classifier of the errors of a driver, which wrap one of the bus: the function returns `Ok` with the bus's,
            /// or `Err` with the class of the driver's own.
            pub const fn through<W, E: $module::Error, T: Into<Classification>, F: Fn(&W) -> Result<&E, T>>(
                self,
                inner: F,
            ) -> Through<Self, F, E> {
                Through { classifier: self, inner, of: PhantomData }
            }
        }

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
    use crate::classify::name::OrByName;

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

    /// Errors of a HAL that has no better kind for its time-out, and of drivers around it.
    #[derive(Debug)]
    enum Hal {
        Timeout,
        Dma,
        Nack,
    }

    impl i2c::Error for Hal {
        fn kind(&self) -> i2c::ErrorKind {
            match self {
                Self::Nack => i2c::ErrorKind::NoAcknowledge(Address),
                Self::Timeout | Self::Dma => i2c::ErrorKind::Other,
            }
        }
    }

    impl spi::Error for Hal {
        fn kind(&self) -> spi::ErrorKind {
            spi::ErrorKind::Other
        }
    }

    impl digital::Error for Hal {
        fn kind(&self) -> digital::ErrorKind {
            digital::ErrorKind::Other
        }
    }

    impl pwm::Error for Hal {
        fn kind(&self) -> pwm::ErrorKind {
            pwm::ErrorKind::Other
        }
    }

    enum Driver {
        Bus(Hal),
        Checksum,
        WrongChip(u8),
    }

    #[test]
    fn where_the_kind_says_nothing_the_name_may() {
        let (silent, transient) =
            (Classification::new(ErrorClass::Unknown), Classification::new(ErrorClass::Transient));
        assert_eq!(I2cClassifier.classify(&Hal::Timeout), silent);
        assert_eq!(OrByName(I2cClassifier).classify(&Hal::Timeout), transient);
        assert_eq!(OrByName(SpiClassifier).classify(&Hal::Timeout), transient);
        assert_eq!(OrByName(DigitalClassifier).classify(&Hal::Timeout), transient);
        assert_eq!(OrByName(PwmClassifier).classify(&Hal::Timeout), transient);
        assert_eq!(OrByName(I2cClassifier).classify(&Hal::Dma), silent);
        assert_eq!(OrByName(I2cClassifier).classify(&i2c::ErrorKind::ArbitrationLoss), ErrorClass::Concurrency.into());
    }

    #[test]
    fn drivers_wrap_errors_of_their_bus() {
        fn inner(error: &Driver) -> Result<&Hal, Classification> {
            match error {
                Driver::Bus(Hal::Timeout) | Driver::Checksum => Err(ErrorClass::Transient.into()),
                Driver::Bus(Hal::Dma) => Err(Classification::new(ErrorClass::ServerError).code(7)),
                Driver::Bus(error) => Ok(error),
                Driver::WrongChip(id) => Err(Classification::new(ErrorClass::Permanent).code(u32::from(*id))),
            }
        }

        let classifier = I2cClassifier.through(inner);
        for (error, class) in [
            (Driver::Bus(Hal::Timeout), ErrorClass::Transient),
            (Driver::Bus(Hal::Nack), ErrorClass::Transient),
            (Driver::Bus(Hal::Dma), ErrorClass::ServerError),
            (Driver::Checksum, ErrorClass::Transient),
            (Driver::WrongChip(0x61), ErrorClass::Permanent),
        ] {
            assert_eq!(classifier.classify(&error).class(), class);
        }
        assert_eq!(classifier.classify(&Driver::WrongChip(0x61)).numeric_code(), Some(0x61));
        assert_eq!(SpiClassifier.through(inner).classify(&Driver::Bus(Hal::Timeout)).class(), ErrorClass::Transient);
    }
}
