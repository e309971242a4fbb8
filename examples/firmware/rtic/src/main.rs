//! Software tasks of RTIC, on a monotonic of 32 bits that wraps in the run: `keeper` keeps a connection with the async keeper, `machine`
//! keeps the same one with the bare machine, and `meter` reads a sensor with the bare machine of a call. An interrupt tells of the
//! carrier.
//!
//! [`link`] and [`meter`] are the parts of an application; [`story`] plays the world and checks that both keepers make the same attempts
//! at the moments that their policy names.
//!
//! Exits with 0 if all expectations hold, else with 1.

#![no_std]
#![no_main]

mod link;
mod meter;
mod story;

use rtic_monotonics::systick::prelude::*;

systick_monotonic!(Mono, 1_000);

#[rtic::app(device = lm3s6965, peripherals = false, dispatchers = [GPIOB, GPIOC])]
mod app {
    use firmware_support::exit;
    use firmware_support::lm3s6965::sysctl::{self, CORE_HZ};
    use lm3s6965::Interrupt;

    use super::Mono;
    use crate::link::{self, CARRIER_OF_KEEPER, CARRIER_OF_MACHINE};
    use crate::story::{self, Book, Diary, Script};

    #[shared]
    struct Shared {
        book: Book,
    }

    #[local]
    struct Local {}

    #[init]
    fn init(context: init::Context<'_>) -> (Shared, Local) {
        sysctl::init();
        Mono::start(context.core.SYST, CORE_HZ);
        let spawned = [keeper::spawn(), machine::spawn(), meter::spawn(), radio::spawn()];
        if spawned.iter().any(Result::is_err) {
            exit(1)
        }
        (Shared { book: Book::default() }, Local {})
    }

    #[idle]
    fn idle(_: idle::Context<'_>) -> ! {
        loop {
            cortex_m::asm::wfi();
        }
    }

    #[task(shared = [book], priority = 2)]
    async fn keeper(mut context: keeper::Context<'_>) {
        let mut diary = Diary::default();
        let ended = link::keep(&mut Script::new(&mut diary)).await;
        context.shared.book.lock(|book| book.close(story::KEEPER, ended, diary));
    }

    #[task(shared = [book], priority = 1)]
    async fn machine(mut context: machine::Context<'_>) {
        let mut diary = Diary::default();
        let ended = link::keep_bare(&mut Script::new(&mut diary)).await;
        context.shared.book.lock(|book| book.close(story::MACHINE, ended, diary));
    }

    #[task(shared = [book], priority = 1)]
    async fn meter(mut context: meter::Context<'_>) {
        let ended = crate::meter::read().await;
        context.shared.book.lock(|book| book.close_meter(ended));
    }

    /// Raises the interrupt of a radio that has found its network.
    #[task(priority = 1)]
    async fn radio(_: radio::Context<'_>) {
        story::carrier_is_back().await;
        rtic::pend(Interrupt::GPIOA);
    }

    #[task(binds = GPIOA, priority = 3)]
    fn carrier(_: carrier::Context<'_>) {
        CARRIER_OF_KEEPER.signal(());
        CARRIER_OF_MACHINE.signal(());
    }
}
