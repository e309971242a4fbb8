//! The far end of a firmware image's serial line: plays a [`Script`] of faults against a device and [`check()`]s, from
//! its own side, what the device made of them.
//!
//! | module | holds |
//! |---|---|
//! | [`script`] | which request is answered how, when there is noise, what is expected |
//! | [`player`] | the modem itself: bytes and times in, bytes and times out, no I/O and no clock |
//! | [`record`] | what came and what was answered |
//! | [`mod@check`] | the expectations, each a line that passes or fails |
//! | [`mod@line`] | sockets, threads and the clock around a player |
//! | [`sessions`] | the same for a device that keeps a session, in time that the modem owns |
//!
//! # Time
//!
//! All times are the device's. The device runs in real time unless its image was started with `scale=N`, which makes
//! its clock run N times as fast; the modem, told the same number, multiplies what it measures and divides what it
//! waits. A minute of outage then takes 60/N seconds, and every tolerance has to allow for N times the host's own
//! delays: a scheduling hiccup of 2 ms reads as 20 ms at N = 10.
//!
//! The emulator's own way of hurrying, `-icount shift=…,sleep=off`, is of no use here: it skips the guest's idle time,
//! so that a timeout of 400 ms may be over before the host has answered, and the host has no clock that would tell it
//! how much was skipped: requests 100 ms apart arrive after one or two. `-icount` without `sleep=off` keeps to real
//! time and works, if less exactly.
//!
//! A guest whose host is busy loses ticks, never gains them, and answers are stamped before they are written. Lower
//! bounds on delays therefore hold on a loaded machine too, but for the time a request needs to get here, and the one
//! tick by which a device may read its clock late; [`script::Expect::early_ms`] is for these. Upper bounds need room.

pub mod check;
pub mod line;
pub mod player;
pub mod record;
pub mod script;
pub mod sessions;

pub use check::{Report, check};
pub use player::Player;
pub use record::Record;
pub use script::Script;
