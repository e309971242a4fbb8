//! Plays vectors out of static tables, without std: the same decisions on a host and on bare metal.
//!
//! `cargo run -p redress-tests --bin tables -- FILE` chooses vectors, plays them here on the host, holds what happened
//! against `tests/vectors` and writes it as a table. The image `examples/firmware/vectors` contains the table and plays it
//! again with this code: [`check()`] names the vector and the item at which a target differs. `.ci/run target` does all of it.
//!
//! | module | holds |
//! |---|---|
//! | `vector` | vectors as they stand in a table: policy, script, draws, expected items |
//! | `item` | what happens in a call: events, attempts, waits, endings |
//! | `world` | clock, draws, waits and operation as the script of a vector says |
//! | `play` | a vector as blocking and as async calls |
//! | `check` | the comparison with the table |

#![no_std]

mod check;
mod item;
mod play;
mod vector;
mod world;

pub use check::{Compared, Difference, Plant, Table, check};
pub use item::{EndItem, EventItem, FinishItem, Item};
pub use play::{Form, play};
pub use vector::{
    Answered, AttemptSpec, BackoffSpec, BreakerSpec, BudgetOp, BudgetSpec, BudgetVector, CallSpec, DelayRow,
    DelayVector, FormulaSpec, PolicySpec, Vector,
};
