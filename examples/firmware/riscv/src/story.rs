//! Calls to a memory that is busy, stuck and gone, and their expected results.

use core::cell::Cell;
use core::time::Duration;

use firmware_support::{mtime, println};
use redress_core::{
    Backoff, Blocking, BreakerConfig, BreakerState, CircuitBreaker, Event, EventKind, Millis, Policy, Recoverable,
    Retry, SeededRandom, StopReason, embedded::hal::I2cClassifier,
};

use crate::chip::Chip;
use crate::eeprom::Eeprom;
use crate::{Mtime, require, sleep};

/// Two failed calls open the circuit.
static BREAKER: CircuitBreaker<2> = CircuitBreaker::new(BreakerConfig::new(2).recovery_timeout(RECOVERY));
const RECOVERY: Duration = Duration::from_millis(300);

/// A write cycle takes up to 5 ms.
static MEMORY: Policy = Policy::new(
    Retry::new(Backoff::equal_jitter(Duration::from_millis(1), Duration::from_millis(8)))
        .max_attempts(8)
        .deadline(Duration::from_millis(200)),
)
.circuit_breaker(&BREAKER);

const PAGES: u8 = 16;

/// The longest time between two feedings of the watchdog.
const PATIENCE: Duration = Duration::from_millis(3);

/// Plays all of it.
pub(crate) fn run(device: u64) -> Result<(), &'static str> {
    let mut eeprom = Eeprom(Chip::new());
    let watch = Watch::default();
    let mut memory = MEMORY
        .context(Blocking::new(Mtime, sleep, SeededRandom::new(device)))
        .operation("memory")
        .classifier(I2cClassifier)
        .slice(Duration::from_millis(2), || watch.feed())
        .observe(|event: &Event| watch.on_event(event));

    // Each write after the first finds the memory busy with the previous one.
    let mut device = Recoverable::new(&mut eeprom, clear_bus);
    for page in 0..PAGES {
        watch.feed();
        let written = memory.call(device.run(|eeprom: &mut Eeprom<Chip>| {
            watch.on_attempt();
            eeprom.write(page, [page; 8])
        }));
        require(written.is_ok(), "a page was not written")?;
    }
    let busy = watch.retries.get();
    require(busy >= u32::from(PAGES) - 1, "the memory was never busy")?;
    for page in 0..PAGES {
        let content = memory.call(|| {
            watch.on_attempt();
            eeprom.read(page)
        });
        require(content == Ok([page; 8]), "a page is not what was written")?;
    }

    // Only the recovery between the attempts gets the bus free.
    eeprom.0.stuck = true;
    let (transfers, cleared) = (eeprom.0.transfers, eeprom.0.cleared);
    let mut device = Recoverable::new(&mut eeprom, clear_bus);
    let content = memory.call(device.run(|eeprom: &mut Eeprom<Chip>| eeprom.read(1)));
    require(content == Ok([1; 8]), "the stuck bus was not freed")?;
    require(
        (eeprom.0.transfers, eeprom.0.cleared) == (transfers + 2, cleared + 1),
        "recovery is not between attempts",
    )?;

    eeprom.0.unplugged = true;
    for state in [BreakerState::Closed, BreakerState::Open] {
        let error = memory.call(|| eeprom.read(1)).err().ok_or("nobody answered")?;
        require((error.reason, error.attempts) == (StopReason::MaxAttemptsGlobal, 8), "not all attempts were made")?;
        require(BREAKER.state() == state, "the circuit opens at the second failure")?;
    }
    let opened = mtime::now();
    let transfers = eeprom.0.transfers;
    let error = memory.call(|| eeprom.read(1)).err().ok_or("the circuit is not open")?;
    require(error.reason == StopReason::CircuitOpen && error.attempts == 0, "a call was let through")?;
    let left = error.next_delay.ok_or("a rejection says when to come back")?;
    // Rounded up, so that no caller comes back too soon.
    let most = Millis::from_duration(RECOVERY).saturating_add(Millis::new(1));
    require(left <= most, "the circuit is to be open for too long")?;
    require(eeprom.0.transfers == transfers, "the memory was touched while the circuit was open")?;

    eeprom.0.unplugged = false;
    sleep(u64::from(left.get()) * TICKS_PER_MS);
    require(memory.call(|| eeprom.read(1)) == Ok([1; 8]), "the probe was rejected or failed")?;
    require(BREAKER.state() == BreakerState::Closed, "the circuit did not close")?;
    let open = u64::from(Millis::from_duration(RECOVERY).get()) * TICKS_PER_MS;
    require(mtime::now() - opened >= open, "the probe came too soon")?;
    watch.verdict()?;
    println!("{busy} retries while busy, {} in all, fed every {} us", watch.retries.get(), watch.hungry_us());
    Ok(())
}

fn clear_bus(eeprom: &mut Eeprom<Chip>) {
    eeprom.0.clear_bus();
}

const TICKS_PER_MS: u64 = (mtime::HZ / 1_000) as u64;

/// Measures real waits and the time between feedings of the watchdog.
#[derive(Default)]
struct Watch {
    retries: Cell<u32>,
    /// When the latest retry was decided, and the wait before it.
    waiting: Cell<Option<(u64, u64)>>,
    early: Cell<bool>,
    fed: Cell<Option<u64>>,
    hungry: Cell<u64>,
}

impl Watch {
    fn on_event(&self, event: &Event) {
        if event.kind == EventKind::Retry {
            self.retries.set(self.retries.get() + 1);
            self.waiting.set(Some((mtime::now(), u64::from(event.delay.get()) * TICKS_PER_MS)));
        } else {
            self.waiting.set(None);
        }
    }

    fn on_attempt(&self) {
        if let Some((decided, wait)) = self.waiting.take() {
            self.early.set(self.early.get() || mtime::now() - decided < wait);
        }
    }

    fn feed(&self) {
        let now = mtime::now();
        let hungry = self.fed.replace(Some(now)).map_or(0, |fed| now - fed);
        self.hungry.set(self.hungry.get().max(hungry));
    }

    fn hungry_us(&self) -> u64 {
        self.hungry.get() / (TICKS_PER_MS / 1_000)
    }

    fn verdict(&self) -> Result<(), &'static str> {
        require(!self.early.get(), "a wait was cut short")?;
        require(self.hungry_us() > 1_000, "no wait was long enough to be sliced")?;
        require(u128::from(self.hungry_us()) <= PATIENCE.as_micros(), "the watchdog starved")
    }
}
