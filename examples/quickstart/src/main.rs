//! One policy carries a client through a server which misbehaves by script.
//!
//! ```text
//! cargo run -p quickstart
//! ```
//!
//! It takes about ten seconds and needs no network: a real HTTP server listens on loopback, a real client ([`ureq`])
//! asks it, and everything between the two is the policy at the top of `scenarios.rs`. Each attempt is printed as it
//! happens, each story ends with its timeline:
//!
//! 1. success after trouble: reset, hang, 503, 429 with `Retry-After` in seconds and as a date, 500, then an answer;
//! 2. giving up: on a 401, which is not retried, and on a server that asks for more time than the call has;
//! 3. the breaker: opens after three failed calls, rejects the next, lets a probe through and closes;
//! 4. deferral: a long wait becomes a checkpoint in a file, from which the call goes on with every count kept.
//!
//! The program checks itself: it exits with 0 only if every story ended as it should.

mod api;
mod check;
mod file;
mod journal;
mod scenarios;

use std::process::ExitCode;

use quickstart::report::Style;

fn main() -> std::io::Result<ExitCode> {
    let api = api::Api::start()?;
    let mut journal = journal::Journal::new(&api, Style::detect());

    let mut wrong = 0;
    for story in [
        scenarios::success_after_trouble,
        scenarios::give_up_on_refusal,
        scenarios::give_up_before_the_deadline,
        scenarios::breaker,
        scenarios::deferral,
    ] {
        let ended = story(&api, &mut journal);
        wrong += told(&journal, ended);
    }
    journal.say("summary\n");
    wrong += told(&journal, scenarios::summary(&journal));
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says whether it ended as it should; the number of things that did not.
fn told(journal: &journal::Journal, ended: Result<(), Box<dyn std::error::Error>>) -> u32 {
    match ended {
        Ok(()) => {
            journal.say("  as it should be\n");
            0
        }
        Err(error) => {
            journal.say(&format!("  NOT AS IT SHOULD BE: {error}\n"));
            1
        }
    }
}
