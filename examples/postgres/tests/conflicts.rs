//! Transactions that conflict in a real `PostgreSQL`.

mod common;

use std::collections::BTreeMap;

use bank::clash::{self, Care};
use common::{assert_books, open};

const ROUNDS: u32 = 10;

fn states(counts: &BTreeMap<String, u32>) -> Vec<&str> {
    counts.keys().map(String::as_str).collect()
}

#[test]
fn without_a_policy_conflicts_are_failures_and_with_it_they_are_retries() {
    let (_server, ledger) = open();

    let bare = clash::run(&ledger, Care::None, ROUNDS, 0, || ());
    assert_eq!(states(&bare.failed), ["40001", "40P01"], "{bare:?}");
    assert!(bare.lost() >= ROUNDS, "each round one of two fails: {bare:?}");
    assert_eq!((bare.done + bare.lost(), bare.retries.len()), (2 * ROUNDS, 0), "{bare:?}");
    let (sum, booked) = ledger.sum().expect("a sum");
    assert_eq!((sum, booked), (300_000, i64::from(bare.done)));

    let cared = clash::run(&ledger, Care::Policy, ROUNDS, 1_000, || ());
    assert_eq!((cared.done, cared.lost()), (2 * ROUNDS, 0), "{cared:?}");
    assert_eq!(states(&cared.retries), ["40001", "40P01"], "{cared:?}");
    assert_eq!(ledger.sum().expect("a sum"), (300_000, booked + i64::from(2 * ROUNDS)));
}

#[test]
fn every_order_is_booked_once_though_the_server_is_killed_between_two_conflicts() {
    let (server, ledger) = open();
    let restart = || server.kill().and_then(|()| server.up()).expect("a server that starts again");

    let tally = clash::run(&ledger, Care::Policy, ROUNDS, 0, restart);
    assert_eq!((tally.done, tally.lost()), (2 * ROUNDS, 0), "{tally:?}");
    assert_eq!(states(&tally.retries), ["40001", "40P01", "connection"], "{tally:?}");
    // Per pair of rounds: 1 to 2 and 1 to 3, then 1 to 2 and 2 to 1.
    let pairs = i64::from(ROUNDS / 2) * 100;
    assert_books(&ledger, i64::from(2 * ROUNDS), [100_000 - 2 * pairs, 100_000 + pairs, 100_000 + pairs]);
}
