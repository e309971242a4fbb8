//! The async driver with embassy. The baseline waits on a timer of embassy and polls each operation once, on the smallest
//! executor; the time driver is the board's clock and wakes at once. Operations are ready at each poll.

use core::{future::poll_fn, task::Waker};

use board::{Fault, report_result};
use embassy_time_driver::Driver;

struct BoardTime;

impl Driver for BoardTime {
    fn now(&self) -> u64 {
        board::now()
    }

    fn schedule_wake(&self, _at: u64, waker: &Waker) {
        waker.wake_by_ref();
    }
}

embassy_time_driver::time_driver_impl!(static DRIVER: BoardTime = BoardTime);

async fn operation() -> Result<u32, Fault> {
    poll_fn(|_| board::operation().into()).await
}

async fn second_operation() -> Result<u32, Fault> {
    poll_fn(|_| board::second_operation().into()).await
}

async fn third_operation() -> Result<u32, Fault> {
    poll_fn(|_| board::third_operation().into()).await
}

/// The three operations behind one function.
#[derive(Clone, Copy)]
enum Request {
    First,
    Second,
    Third,
}

impl Request {
    const ALL: [Self; 3] = [Self::First, Self::Second, Self::Third];

    async fn exchange(self) -> Result<u32, Fault> {
        match self {
            Self::First => operation().await,
            Self::Second => second_operation().await,
            Self::Third => third_operation().await,
        }
    }
}

/// Runs statements on the executor, after a timer. A macro, because a future that is passed on is copied.
macro_rules! run {
    ($($body:tt)*) => {
        embassy_futures::block_on(async {
            embassy_time::Timer::at(embassy_time::Instant::from_ticks(board::now())).await;
            $($body)*
        })
    };
}

pub mod hand;
pub mod peers;
pub mod redress;

/// The baseline, without retries.
pub fn empty() {
    run! {
        report_result(operation().await.map_err(Some));
    }
}

/// The baseline of two operations.
pub fn empty_two() {
    run! {
        report_result(operation().await.map_err(Some));
        report_result(second_operation().await.map_err(Some));
    }
}

/// The baseline of three operations.
pub fn empty_three() {
    run! {
        report_result(operation().await.map_err(Some));
        report_result(second_operation().await.map_err(Some));
        report_result(third_operation().await.map_err(Some));
    }
}
