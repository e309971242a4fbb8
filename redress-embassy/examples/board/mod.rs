//! An executor and a timer, as a board has them. Here time passes as fast as it can.

use embassy_futures::{block_on, select::select, yield_now};
use embassy_time::{Duration, MockDriver};

/// Runs a task to its end.
pub(crate) fn run(task: impl Future<Output = ()>) {
    block_on(select(task, passing_time()));
}

async fn passing_time() {
    loop {
        MockDriver::get().advance(Duration::from_millis(1));
        yield_now().await;
    }
}
