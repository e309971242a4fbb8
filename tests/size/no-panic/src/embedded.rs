//! Parts for bare metal: clocks made of counters and of sleep, delays as sleepers, generators as random sources, and
//! the error kinds of the embedded ecosystem.

use core::{convert::Infallible, task::Poll};

use embedded_hal::{delay::DelayNs, digital, i2c, pwm, spi};
use redress_core::{
    AttemptInfo, Blocking, Classifier, Clock, RandCoreV0_6, RandCoreV0_9, RandCoreV0_10, SeededRandom, SelfClassifier,
    embedded::{
        DelaySleeper, SleptClock, WrappingClock,
        hal::{DigitalClassifier, I2cClassifier, PwmClassifier, SpiClassifier},
        io::{IoClassifierV0_6, IoClassifierV0_7},
        nb::{NbClassifier, poll_for, to_poll},
    },
};

use crate::{
    blocking::{Fault, forms},
    opaque,
    shared::POLICY,
    sink::Sink,
};

/// A counter that may stand still, jump and wrap.
static COUNTER: WrappingClock<fn() -> u32, 32_768> = WrappingClock::new(opaque::word);
static SLEPT: SleptClock<1_000> = SleptClock::new();

/// A timer without a clock.
struct Delay;

impl DelayNs for Delay {
    fn delay_ns(&mut self, nanos: u32) {
        board::sleep_ms(nanos / 1_000_000);
    }
}

/// A generator of older majors, as drivers of chips have it.
struct Trng;

impl rand_core_06::RngCore for Trng {
    fn next_u32(&mut self) -> u32 {
        opaque::word()
    }

    fn next_u64(&mut self) -> u64 {
        opaque::long()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(opaque::byte);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_06::Error> {
        bytes.fill_with(opaque::byte);
        Ok(())
    }
}

impl rand_core_09::RngCore for Trng {
    fn next_u32(&mut self) -> u32 {
        opaque::word()
    }

    fn next_u64(&mut self) -> u64 {
        opaque::long()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(opaque::byte);
    }
}

/// A generator of the newest major, in which every source that cannot fail is one.
struct NewTrng;

impl rand_core::TryRng for NewTrng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(opaque::word())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(opaque::long())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill_with(opaque::byte);
        Ok(())
    }
}

pub fn run() {
    let counted = DelaySleeper::new(&COUNTER, Delay);
    forms(&mut POLICY.context(Blocking::new(&COUNTER, counted, SeededRandom::new(opaque::long()))));

    SLEPT.advance(opaque::millis());
    let slept = || SLEPT.sleeper(DelaySleeper::new(&SLEPT, Delay));
    forms(&mut POLICY.context(Blocking::new(&SLEPT, slept(), RandCoreV0_6(Trng))));
    forms(&mut POLICY.context(Blocking::new(&SLEPT, slept(), RandCoreV0_9(Trng))));
    forms(&mut POLICY.context(Blocking::new(&SLEPT, slept(), RandCoreV0_10(NewTrng))));
    SLEPT.now().sink();
    COUNTER.now().sink();

    polled();
    kinds();
}

fn would_block() -> nb::Result<u32, Fault> {
    match opaque::byte() {
        0 => Ok(opaque::word()),
        1 => Err(nb::Error::Other(Fault)),
        _ => Err(nb::Error::WouldBlock),
    }
}

fn polled() {
    let mut context = POLICY
        .context(Blocking::new(&COUNTER, DelaySleeper::new(&COUNTER, Delay), opaque::word))
        .classifier(NbClassifier(SelfClassifier));
    let result = context.call(|attempt: AttemptInfo| poll_for(&COUNTER, attempt.remaining, would_block));
    result.is_ok().sink();
    match to_poll(would_block()) {
        Poll::Ready(result) => result.sink(),
        Poll::Pending => (),
    }
}

/// Classifies error kinds, known and other.
fn kinds() {
    let (address, data) = (i2c::NoAcknowledgeSource::Address, i2c::NoAcknowledgeSource::Data);
    let i2c = [
        i2c::ErrorKind::ArbitrationLoss,
        i2c::ErrorKind::Bus,
        i2c::ErrorKind::NoAcknowledge(address),
        i2c::ErrorKind::NoAcknowledge(data),
        i2c::ErrorKind::Overrun,
    ];
    I2cClassifier.classify(&any(&i2c, i2c::ErrorKind::Other)).sink();
    let spi = [
        spi::ErrorKind::ChipSelectFault,
        spi::ErrorKind::FrameFormat,
        spi::ErrorKind::ModeFault,
        spi::ErrorKind::Overrun,
    ];
    SpiClassifier.classify(&any(&spi, spi::ErrorKind::Other)).sink();
    DigitalClassifier.classify(&digital::ErrorKind::Other).sink();
    PwmClassifier.classify(&pwm::ErrorKind::Other).sink();

    macro_rules! io {
        ($classifier:ident, $module:ident: $($kind:ident),*) => {
            $classifier.classify(&any(&[$($module::ErrorKind::$kind),*], $module::ErrorKind::Other)).sink();
        };
    }
    io!(IoClassifierV0_6, embedded_io_06: PermissionDenied, InvalidInput, BrokenPipe, TimedOut, NotFound, OutOfMemory);
    io!(IoClassifierV0_7, embedded_io: PermissionDenied, InvalidInput, BrokenPipe, TimedOut, NotFound, OutOfMemory);
}

fn any<T: Copy>(kinds: &[T], otherwise: T) -> T {
    *kinds.get(usize::from(opaque::byte())).unwrap_or(&otherwise)
}
