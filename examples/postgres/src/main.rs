//! Books conflicting transfers without a policy, with it, and with it while the server is killed.
//!
//! With `DATABASE_URL` it uses that server, and kills nothing.

use std::{collections::BTreeMap, env, error::Error, process};

use bank::{
    clash::{self, Care, Tally},
    ledger::Ledger,
};
use postgres::Config;
use redress_servers::Postgres;

/// Rounds of two transfers.
const ROUNDS: u32 = 20;

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
    let ledger = Ledger::open(&config, &format!("redress_bank_{}", process::id()), ())?;
    println!("two threads, {ROUNDS} transfers each, in each other's way; SERIALIZABLE\n");
    println!("{:<32}{:>6}{:>8}  {:<24}{:<38}sum before, after", "", "done", "failed", "", "retries");

    let mut wrong = Vec::new();
    let mut story = |title: &str, care, first_key, midway: &(dyn Fn() + Sync)| -> Result<(), Box<dyn Error>> {
        let (before, booked_before) = ledger.sum()?;
        let tally = clash::run(&ledger, care, ROUNDS, first_key, midway);
        let (after, booked) = ledger.sum()?;
        println!(
            "{title:<32}{:>6}{:>8}  {:<24}{:<38}{before}, {after}",
            tally.done,
            tally.lost(),
            list(&tally.failed),
            list(&tally.retries)
        );
        wrong.extend(check(care, &tally).into_iter().map(|what| format!("{title}: {what}")));
        if before != after || booked - booked_before != i64::from(tally.done) {
            wrong.push(format!("{title}: what is booked is not what was told"));
        }
        Ok(())
    };
    story("without a policy", Care::None, 0, &|| ())?;
    story("with the policy", Care::Policy, 1_000, &|| ())?;
    if let Some(server) = &own {
        let restart = || server.kill().and_then(|()| server.up()).expect("a server that starts again");
        story("with it, the server killed", Care::Policy, 2_000, &restart)?;
    }

    println!();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ").into()) }
}

/// What is not as it should be.
fn check(care: Care, tally: &Tally) -> Vec<&'static str> {
    let conflicts = if care == Care::None { &tally.failed } else { &tally.retries };
    let both = ["40001", "40P01"].iter().all(|state| conflicts.contains_key(*state));
    let all = tally.done + tally.lost() == 2 * ROUNDS;
    let lost = (care == Care::None) == (tally.lost() > 0);
    [(both, "not both conflicts"), (all, "not all transfers ended"), (lost, "the wrong number failed")]
        .iter()
        .filter_map(|(right, what)| (!right).then_some(*what))
        .collect()
}

fn list(counts: &BTreeMap<String, u32>) -> String {
    let counts: Vec<_> = counts.iter().map(|(state, count)| format!("{state}: {count}")).collect();
    counts.join(", ")
}
