//! Targets of fuzzing: functions of bytes that panic where redress breaks a promise.
//!
//! `tests/replay.rs` plays the inputs of `corpus/`, one file for each target and one line for each input, in hexadecimal. A
//! regression is one more line. `cargo xtask fuzz` looks for new ones: libFuzzer, guided by coverage, on a stable compiler.

mod clock;
mod models;
mod parsers;
mod scenarios;

use std::cell::Cell;

use arbitrary::{Result, Unstructured};

/// Reads an input and holds redress to what it promises for it. An error: the input was too short.
type Run = fn(&mut Unstructured<'_>) -> Result<()>;

/// All targets by name, in alphabetic order.
pub const TARGETS: [(&str, Run); 11] = [
    ("attempts", models::attempts::run),
    ("breaker", models::breaker::run),
    ("budget", models::budget::run),
    ("checkpoint", parsers::checkpoint),
    ("headers", parsers::headers),
    ("keeper", models::keeper::run),
    ("names", parsers::names),
    ("rate", models::rate::run),
    ("retained_breaker", parsers::retained_breaker),
    ("scenarios", scenarios::run),
    ("toml", parsers::toml),
];

/// Runs a target with an input.
///
/// # Panics
///
/// If redress breaks a promise, or there is no such target.
pub fn run(target: &str, input: &[u8]) {
    let (_, run) = TARGETS.into_iter().find(|(name, _)| *name == target).expect("a target of this name");
    // An input that ends early is played as far as it goes.
    let _ = run(&mut Unstructured::new(input));
}

thread_local! {
    static FAULT: Cell<u64> = const { Cell::new(0) };
}

/// Makes what is expected of redress wrong by this much in this thread, to show that the targets see it.
pub fn plant(fault: u64) {
    FAULT.set(fault);
}

fn fault() -> u64 {
    FAULT.get()
}

/// Reads the inputs of a corpus: hexadecimal, one in a line, each with a comment after `#` if wanted.
///
/// # Panics
///
/// If a line is not hexadecimal.
pub fn inputs(corpus: &str) -> Vec<Vec<u8>> {
    let lines = corpus.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(from_hex).collect()
}

fn from_hex(line: &str) -> Vec<u8> {
    let byte =
        |place| u8::from_str_radix(&line[place..place + 2], 16).unwrap_or_else(|_| panic!("not hexadecimal: {line}"));
    assert!(line.is_ascii() && line.len().is_multiple_of(2), "not hexadecimal: {line}");
    (0..line.len()).step_by(2).map(byte).collect()
}
