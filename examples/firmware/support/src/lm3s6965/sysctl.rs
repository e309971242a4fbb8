//! The clock tree: PLL from the board's 8 MHz crystal, 50 MHz to core and peripherals, UART0 on its pins.
//!
//! Register names and sequence are those of the data sheet, chapter 5 (system control) and 8 (GPIO).

#![expect(unsafe_code, reason = "a handful of words of memory, written once")]

use core::ptr::{read_volatile, write_volatile};

/// Frequency of core and peripherals after [`init`].
pub const CORE_HZ: u32 = 50_000_000;

const RIS: usize = 0x400F_E050;
const RCC: usize = 0x400F_E060;
const RCGC1: usize = 0x400F_E104;
const RCGC2: usize = 0x400F_E108;
const GPIOA_AFSEL: usize = 0x4000_4420;
const GPIOA_DEN: usize = 0x4000_451C;

const RIS_PLL_LOCKED: u32 = 1 << 6;
const RCC_SYSDIV_MASK: u32 = 0xF << 23;
/// 200 MHz by 4.
const RCC_SYSDIV_4: u32 = 3 << 23;
const RCC_USE_SYSDIV: u32 = 1 << 22;
const RCC_PWRDN: u32 = 1 << 13;
const RCC_BYPASS: u32 = 1 << 11;
const RCC_XTAL_MASK: u32 = 0xF << 6;
const RCC_XTAL_8MHZ: u32 = 0xE << 6;
const RCC_OSCSRC_MASK: u32 = 3 << 4;

/// Sets clocks and pins. Call it once, first.
pub fn init() {
    // The core runs from the crystal itself until the PLL has locked.
    let mut rcc = (read(RCC) | RCC_BYPASS) & !RCC_USE_SYSDIV;
    write(RCC, rcc);
    rcc &= !(RCC_XTAL_MASK | RCC_OSCSRC_MASK | RCC_PWRDN);
    rcc |= RCC_XTAL_8MHZ;
    write(RCC, rcc);
    rcc = rcc & !RCC_SYSDIV_MASK | RCC_SYSDIV_4 | RCC_USE_SYSDIV;
    write(RCC, rcc);
    // The data sheet's bound; an unlocked PLL shows as a wrong clock, which beats a board that hangs in silence.
    for _ in 0..32_768 {
        if read(RIS) & RIS_PLL_LOCKED != 0 {
            break;
        }
    }
    write(RCC, rcc & !RCC_BYPASS);

    write(RCGC1, read(RCGC1) | 1); // UART0
    write(RCGC2, read(RCGC2) | 1); // GPIO port A
    // A peripheral may be touched three clocks after its own was switched on; reading back takes longer.
    read(RCGC2);
    write(GPIOA_AFSEL, read(GPIOA_AFSEL) | 0b11);
    write(GPIOA_DEN, read(GPIOA_DEN) | 0b11);
}

fn read(address: usize) -> u32 {
    // SAFETY: called with the aligned addresses above only, which are readable registers of this chip.
    unsafe { read_volatile(address as *const u32) }
}

fn write(address: usize, value: u32) {
    // SAFETY: as above; none of them affects memory that Rust code uses.
    unsafe { write_volatile(address as *mut u32, value) }
}
