//! The board of the images: registers in place of devices.
//!
//! Images are linked, not run. All input comes out of a register and all output goes into
//! one, so that nothing can be computed while compiling. Each device is a function which is not inlined, and all of them are
//! in every image, the empty one included: the difference of two images is the code between the devices.
#![no_std]
#![expect(unsafe_code, reason = "registers, the entry, and what keeps the devices in every image")]

use core::{
    ptr::{read_volatile, write_volatile},
    time::Duration,
};

// For their critical sections.
#[cfg(target_arch = "arm")]
use cortex_m as _;
#[cfg(target_arch = "riscv32")]
use riscv as _;

/// The first register, where images have neither code nor data.
const REGISTERS: usize = 0x4000_0000;

fn read(register: usize) -> u32 {
    // SAFETY: images are linked, not run; on a board there would be a device at this address.
    unsafe { read_volatile((REGISTERS + 4 * register) as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: as above.
    unsafe { write_volatile((REGISTERS + 4 * register) as *mut u32, value) }
}

/// Returns a number that the compiler cannot know.
#[inline(never)]
pub fn opaque() -> u32 {
    read(0)
}

/// The error of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No answer, or a garbled one.
    Lost = 1,
    /// It is busy.
    Busy = 2,
    /// It is broken.
    Broken = 3,
    /// It refuses, and will always refuse.
    Refused = 4,
}

/// Runs the operation that is retried.
#[inline(never)]
pub fn operation() -> Result<u32, Fault> {
    match read(1) {
        0 => Ok(read(2)),
        1 => Err(Fault::Lost),
        2 => Err(Fault::Busy),
        3 => Err(Fault::Broken),
        _ => Err(Fault::Refused),
    }
}

/// Runs another operation, for a second call site.
#[inline(never)]
pub fn second_operation() -> Result<u32, Fault> {
    if read(3) == 0 { Ok(read(4)) } else { Err(Fault::Lost) }
}

/// Runs one more, for a third.
#[inline(never)]
pub fn third_operation() -> Result<u32, Fault> {
    if read(5) == 0 { Ok(read(6)) } else { Err(Fault::Busy) }
}

/// Returns the milliseconds since the start.
#[inline(never)]
pub fn now() -> u64 {
    u64::from(read(8)) << 32 | u64::from(read(7))
}

/// Returns a random number of the hardware.
#[inline(never)]
pub fn random() -> u32 {
    read(9)
}

/// Waits so many milliseconds.
#[inline(never)]
pub fn sleep_ms(ms: u32) {
    write(10, ms);
    while read(10) != 0 {}
}

/// Waits so long, for crates that count in `Duration`: they need not convert it.
#[inline(never)]
pub fn sleep_for(span: Duration) {
    write(11, span.subsec_nanos());
    #[expect(clippy::cast_possible_truncation, reason = "nobody waits for 136 years")]
    write(10, span.as_secs() as u32);
    while read(10) != 0 {}
}

/// Reports a number.
#[inline(never)]
pub fn report(value: u32) {
    write(12, value);
}

/// Reports the end of a call: the value, or the latest error of the operation.
#[inline]
pub fn report_result(result: Result<u32, Option<Fault>>) {
    report(result.unwrap_or_else(|fault| fault.map_or(0, |fault| fault as u32)));
}

/// Addresses of the devices, which keep them in every image.
#[used]
#[unsafe(link_section = ".devices")]
static DEVICES: Devices =
    (opaque, [operation, second_operation, third_operation], now, random, sleep_ms, sleep_for, report);

type Devices = (fn() -> u32, [fn() -> Result<u32, Fault>; 3], fn() -> u64, fn() -> u32, fn(u32), fn(Duration), fn(u32));

/// Defines the entry of an image, which evaluates this expression and then spins.
#[macro_export]
macro_rules! image {
    ($body:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn reset() -> ! {
            $body;
            loop {
                core::hint::spin_loop();
            }
        }
    };
}

/// Defines the panic handler of images that may panic.
#[macro_export]
macro_rules! panic_handler {
    () => {
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo) -> ! {
            loop {
                core::hint::spin_loop();
            }
        }
    };
}
