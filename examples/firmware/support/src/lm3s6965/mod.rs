//! Board LM3S6965EVB: Cortex-M3, 256 KiB of flash, 64 KiB of RAM, a PL011 on UART0.

pub mod sysctl;
pub mod uart;

pub use uart::Uart0;

/// Restarts the chip, leaving RAM as it is.
pub fn restart() -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}
