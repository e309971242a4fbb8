//! Shapes that people have, beyond one static policy with one call site: clocks, policies, what is known only at run time,
//! reports.

pub mod hand;
pub mod peers;
pub mod redress;

use core::time::Duration;

/// The first policy of the README: decorrelated jitter from 5 ms to 1 s, and what a policy has unless it says otherwise.
const FIRST_MS: u32 = 5;
const FIRST: Duration = Duration::from_millis(FIRST_MS as u64);
const SECOND: Duration = Duration::from_millis(SECOND_MS as u64);
const THIRD: Duration = Duration::from_millis(THIRD_MS as u64);

/// The second and the third policy: their bases and attempts.
const SECOND_MS: u32 = 50;
const SECOND_ATTEMPTS: u32 = 3;
const THIRD_MS: u32 = 200;
const THIRD_ATTEMPTS: u32 = 8;
