//! A bank on a server of its own, with a proxy between the two.
#![allow(dead_code, unreachable_pub, reason = "each test uses some of them")]

pub mod proxy;

use bank::ledger::{Ledger, OPENING};
use postgres::Config;
use redress_servers::Postgres;

/// How to reach the server, through this port.
pub fn config(port: u16) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user(Postgres::USER).password(Postgres::PASSWORD).dbname("postgres");
    config
}

/// A server, and a bank on it.
pub fn open() -> (Postgres, Ledger) {
    let server = Postgres::start().expect("PostgreSQL");
    let ledger = Ledger::open(&config(server.port()), "bank", ()).expect("a bank");
    (server, ledger)
}

/// All the money is there, so many transfers are booked, and the accounts are what follows from them.
pub fn assert_books(ledger: &Ledger, transfers: i64, balances: [i64; 3]) {
    assert_eq!(ledger.sum().expect("a sum"), (OPENING.iter().map(|(_, balance)| balance).sum(), transfers));
    for ((account, _), balance) in OPENING.iter().zip(balances) {
        assert_eq!(ledger.balance(*account).expect("a balance"), balance, "account {account}");
    }
}
