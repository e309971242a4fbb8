//! Books conflicting transfers without a policy, with it, and with it while the server is killed.
//!
//! With `DATABASE_URL` it uses that server, in a schema of its own, and kills nothing. Each deadlock then takes as long as
//! that server's `deadlock_timeout`.

use std::{collections::BTreeMap, env, error::Error, process};

use bank::{
    clash::{self, Care, Tally},
    ledger::Ledger,
};
use postgres::Config;
use redress_servers::Postgres;
use redress_std::{Event, EventKind};

/// Rounds of two transfers.
const ROUNDS: u32 = 20;

/// The SQLSTATE that each story has to provoke.
const CONFLICTS: [&str; 2] = ["40001", "40P01"];

/// A server of one's own. The password is no secret: it is only there for as long as this runs.
fn own_server() -> Result<(Postgres, Config), Box<dyn Error>> {
    let server = Postgres::start()?;
    let mut config = Config::new();
    config.host("127.0.0.1").port(server.port()).user(Postgres::USER).password(Postgres::PASSWORD).dbname("postgres");
    Ok((server, config))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (own, config) = match env::var("DATABASE_URL") {
        Ok(url) => (None, url.parse()?),
        Err(_) => own_server().map(|(server, config)| (Some(server), config))?,
    };
    let patience = |event: &Event| {
        if (event.kind, event.attempt) == (EventKind::Retry, 1) {
            eprintln!("no answer from the server yet; waiting for it, up to a minute");
        }
    };
    let ledger = Ledger::open(&config, &format!("redress_bank_{}", process::id()), patience)?;
    println!("two threads book {ROUNDS} transfers each, in each other's way, under SERIALIZABLE\n");
    println!("{:<32}{:>6}  {:<28}{:<44}sum before, after", "", "booked", "failed", "retries");

    let mut wrong = Vec::new();
    let mut story =
        |title: &str, care, conflicts: &[&str], first_key, midway: &(dyn Fn() + Sync)| -> Result<(), Box<dyn Error>> {
            let (before, booked_before) = ledger.sum()?;
            let tally = clash::run(&ledger, care, ROUNDS, first_key, midway);
            let (after, booked) = ledger.sum()?;
            let (done, failed, retries) = (tally.done, list(&tally.failed), list(&tally.retries));
            println!("{title:<32}{done:>6}  {failed:<28}{retries:<44}{before}, {after}");
            wrong.extend(check(care, &tally, conflicts).into_iter().map(|what| format!("{title}: {what}")));
            if before != after || booked - booked_before != i64::from(tally.done) {
                wrong.push(format!("{title}: what is booked is not what was told"));
            }
            Ok(())
        };
    story("without a policy", Care::None, &CONFLICTS, 0, &|| ())?;
    story("with the policy", Care::Policy, &CONFLICTS, 1_000, &|| ())?;
    if let Some(server) = &own {
        let restart = || server.kill().and_then(|()| server.up()).expect("a server that starts again");
        story("with it, the server killed", Care::Policy, &["40001", "40P01", "connection"], 2_000, &restart)?;
    }

    println!();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ").into()) }
}

/// Returns the checks that failed, in words.
fn check(care: Care, tally: &Tally, conflicts: &[&str]) -> Vec<&'static str> {
    let provoked = if care == Care::None { &tally.failed } else { &tally.retries };
    let every = conflicts.iter().all(|state| provoked.contains_key(*state));
    let all = tally.done + tally.lost() == 2 * ROUNDS;
    let lost = (care == Care::None) == (tally.lost() > 0);
    [(every, "a conflict is missing"), (all, "not all transfers ended"), (lost, "the wrong number failed")]
        .iter()
        .filter_map(|(right, what)| (!right).then_some(*what))
        .collect()
}

fn list(counts: &BTreeMap<String, u32>) -> String {
    let each = counts.iter().map(|(state, count)| format!("{state}: {count}")).collect::<Vec<_>>().join(", ");
    let total = u32::to_string(&counts.values().sum());
    if counts.is_empty() { total } else { format!("{total} ({each})") }
}
