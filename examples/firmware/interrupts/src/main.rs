//! An interrupt handler records failures into a breaker which a loop uses, a million operations in all.
//!
//! At the end state and counts agree: each opening took as many failures as the threshold says, recorded by loop and
//! handler together at any point, and each was followed by one closing. Interrupts were never off for longer
//! than [`LONGEST_OFF`].
//!
//! Run it with `-icount shift=6`: an instruction then takes 64 ns and a tick of this board's SysTick 62.5 ns, so that
//! ticks count instructions, one in forty too many. Exits with 0 if all checks hold, else with 1.

#![no_std]
#![no_main]

mod books;
mod handler;
mod usage;

use core::time::Duration;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use firmware_support::{exit, interrupts_off, println};
use redress_core::{BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Clock, ErrorClass, SeededRandom};

use crate::books::Books;
use crate::handler::{CLOCK, HANDLER, PERIOD};

/// Operations of handler and loop together.
const OPERATIONS: u32 = 1_000_000;

/// The longest time with interrupts off, in instructions.
const LONGEST_OFF: u32 = 500;

const THRESHOLD: u8 = 4;

/// The window is longer than the run, so that every failure can be accounted for.
static BREAKER: CircuitBreaker<{ THRESHOLD as usize }> = CircuitBreaker::new(
    BreakerConfig::new(THRESHOLD).window(Duration::from_secs(43_200)).recovery_timeout(Duration::from_millis(1)),
);

static BUDGET: Budget<4> = Budget::new(BudgetConfig::rolling(4, Duration::from_millis(20)));

#[entry]
fn main() -> ! {
    let Some(mut core) = cortex_m::Peripherals::take() else { exit(1) };
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST.set_reload(PERIOD - 1);
    core.SYST.clear_current();
    core.SYST.enable_counter();
    let result = run(&mut core.SYST);
    if let Err(fault) = result {
        println!("FAIL {fault}");
    }
    exit(i32::from(result.is_err()))
}

fn run(syst: &mut SYST) -> Result<(), &'static str> {
    each_operation();
    syst.enable_interrupt();
    let (mut books, mut chance) = (Books::default(), SeededRandom::new(7));
    while books.operations() + HANDLER.recorded() < OPERATIONS {
        usage::once(&mut books, &mut chance)?;
    }
    syst.disable_interrupt();
    let longest = interrupts_off::take_longest();
    books.close()?;
    println!("interrupts off for {longest} instructions at most");
    require(longest <= LONGEST_OFF, "interrupts were off for too long")
}

/// Prints how long each operation keeps interrupts off when none is pending.
fn each_operation() {
    let print = |name| println!("{:>5} {name}", interrupts_off::take_longest());
    interrupts_off::take_longest();
    CLOCK.now();
    print("the clock");
    for _ in 1..THRESHOLD {
        BREAKER.record_failure(ErrorClass::Transient, &CLOCK);
    }
    print("a failure into the window");
    let mut bytes = [0; usage::CHECKPOINT_LEN];
    let saved = BREAKER.checkpoint(&CLOCK, &mut bytes).is_ok();
    print("a checkpoint");
    BREAKER.record_failure(ErrorClass::Transient, &CLOCK);
    print("a failure that opens the circuit");
    let rejected = BREAKER.try_acquire(&CLOCK).is_err();
    print("a rejection");
    HANDLER.pass_time();
    let probe = BREAKER.try_acquire(&CLOCK);
    print("a probe's admission");
    let closed = probe.is_ok_and(|probe| probe.success(&CLOCK).is_some());
    print("a probe's success");
    BUDGET.try_consume(1, &CLOCK);
    print("a token of the budget");
    println!("saved {saved}, rejected {rejected}, closed {closed}");
}

/// Returns the fault unless the expectation holds.
pub(crate) fn require(holds: bool, fault: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(fault) }
}
