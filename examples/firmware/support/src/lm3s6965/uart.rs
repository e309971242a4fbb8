//! UART0, interrupt-driven: a ring of bytes either way, filled and drained by the handler, awaited by a task.

use core::cell::RefCell;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arm_pl011_uart::{DataBits, Interrupts, LineConfig, PL011Registers, Parity, StopBits, Uart};
use cortex_m::peripheral::NVIC;
use critical_section::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::pipe::Pipe;
use embedded_io_async::{ErrorKind, ErrorType, Read, ReadReady, Write};
use lm3s6965::{Interrupt, interrupt};
use safe_mmio::UniqueMmioPointer;

use super::sysctl::CORE_HZ;

const BASE: usize = 0x4000_C000;

/// Holds bytes that come in while no task reads; more than that is lost and reported as [`Overrun`].
static RECEIVED: Pipe<CriticalSectionRawMutex, 256> = Pipe::new();
static TO_SEND: Pipe<CriticalSectionRawMutex, 128> = Pipe::new();
static LOST: AtomicBool = AtomicBool::new(false);
static PORT: Mutex<RefCell<Option<Uart<'static>>>> = Mutex::new(RefCell::new(None));

/// Bytes came in faster than they were read, or damaged: some are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun;

impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("received bytes were lost")
    }
}

impl core::error::Error for Overrun {}

impl embedded_io_async::Error for Overrun {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

/// The serial line. Reading and writing may be dropped at any point without losing a byte.
#[derive(Debug)]
pub struct Uart0(());

impl Uart0 {
    /// Sets up 115,200 baud, 8N1; `None` if that was done before. The clocks must be set.
    #[expect(unsafe_code, reason = "the registers are at an address, and the handler must be let in")]
    pub fn take() -> Option<Self> {
        let config = LineConfig { data_bits: DataBits::Bits8, parity: Parity::None, stop_bits: StopBits::One };
        let registers = NonNull::new(core::ptr::with_exposed_provenance_mut::<PL011Registers>(BASE))?;
        critical_section::with(|cs| {
            let mut port = PORT.borrow_ref_mut(cs);
            if port.is_some() {
                return None;
            }
            // SAFETY: a PL011 is there on this chip, for as long as the program runs, and `port` being empty means
            // that this is the only pointer to it.
            let mut uart = Uart::new(unsafe { UniqueMmioPointer::new(registers) });
            uart.enable(config, 115_200, CORE_HZ).ok()?;
            uart.clear_interrupts(Interrupts::all());
            uart.set_interrupt_masks(Interrupts::RXI | Interrupts::RTI | Interrupts::TXI);
            *port = Some(uart);
            Some(())
        })?;
        // SAFETY: the handler takes the port in a critical section, as all code does, so it interrupts none.
        unsafe { NVIC::unmask(Interrupt::UART0) };
        Some(Self(()))
    }
}

/// The sending side of the line, for code that cannot await. Its bytes follow those that tasks have written before.
#[derive(Clone, Copy, Debug)]
pub struct Sender(());

impl Uart0 {
    /// Returns the sending side.
    pub const fn sender(&self) -> Sender {
        Sender(())
    }
}

impl Sender {
    /// Sends the bytes and returns once the last has left.
    pub fn send(self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let written = TO_SEND.try_write(bytes).unwrap_or(0);
            bytes = bytes.get(written..).unwrap_or_default();
            service();
        }
        while is_sending() {
            service();
        }
    }
}

/// Returns whether there are bytes that have not left.
fn is_sending() -> bool {
    !TO_SEND.is_empty() || critical_section::with(|cs| PORT.borrow_ref(cs).as_ref().is_some_and(Uart::is_busy))
}

/// Moves bytes between the rings and the hardware, as many as either side takes.
fn service() {
    critical_section::with(|cs| {
        let mut port = PORT.borrow_ref_mut(cs);
        let Some(uart) = port.as_mut() else { return };
        uart.clear_interrupts(Interrupts::RXI | Interrupts::RTI | Interrupts::TXI);
        loop {
            match uart.read_word() {
                Ok(Some(byte)) if RECEIVED.try_write(&[byte]).is_ok() => {}
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => LOST.store(true, Relaxed),
            }
        }
        let mut byte = [0];
        while !uart.is_tx_fifo_full() && TO_SEND.try_read(&mut byte).is_ok() {
            uart.write_word(byte[0]);
        }
    });
}

#[interrupt]
fn UART0() {
    service();
}

impl ErrorType for Uart0 {
    type Error = Overrun;
}

impl Read for Uart0 {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Overrun> {
        // Reported once, before the bytes that the ring still holds: the gap is behind them.
        if LOST.load(Relaxed) {
            LOST.store(false, Relaxed);
            return Err(Overrun);
        }
        Ok(RECEIVED.read(buf).await)
    }
}

impl ReadReady for Uart0 {
    fn read_ready(&mut self) -> Result<bool, Overrun> {
        Ok(LOST.load(Relaxed) || !RECEIVED.is_empty())
    }
}

impl Write for Uart0 {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Overrun> {
        let written = TO_SEND.write(buf).await;
        // An idle transmitter raises no interrupt: the first bytes are put in by hand.
        service();
        Ok(written)
    }

    async fn flush(&mut self) -> Result<(), Overrun> {
        // No interrupt reports that the last bit has left, so other tasks run until it has.
        while is_sending() {
            embassy_futures::yield_now().await;
        }
        Ok(())
    }
}
