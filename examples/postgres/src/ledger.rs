//! The tables and the transfer.

use postgres::{Client, Config, Error, IsolationLevel};
use redress_std::{Observer, RetryError};

use crate::teller::Teller;

/// Money to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Says which order this is, however often it is tried.
    pub key: i64,
    /// The account it is taken from.
    pub from: i32,
    /// The account it goes to.
    pub to: i32,
    /// How much, in cents.
    pub amount: i64,
}

/// A step of a transfer, inside its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its key is written, and with that it has decided on what it sees of the database.
    Keyed,
    /// The money is taken, and that account is locked.
    Taken,
    /// All is done but the `COMMIT`.
    Given,
}

/// The result of booking an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Booked {
    /// It was booked by this attempt.
    Now,
    /// It was booked before, by an attempt that never heard of it.
    Before,
}

/// Books an order in one transaction and calls `at` before each step.
///
/// # Errors
///
/// Returns the database's error; nothing was booked, unless the connection broke during `COMMIT`. The transfer's key
/// shows the next attempt which of the two it was.
pub fn transfer(client: &mut Client, order: &Order, mut at: impl FnMut(Step)) -> Result<Booked, Error> {
    let mut transaction = client.build_transaction().isolation_level(IsolationLevel::Serializable).start()?;
    let key = "INSERT INTO transfer VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    if transaction.execute(key, &[&order.key, &order.from, &order.to, &order.amount])? == 0 {
        return Ok(Booked::Before);
    }
    at(Step::Keyed);
    transaction.execute("UPDATE account SET balance = balance - $2 WHERE id = $1", &[&order.from, &order.amount])?;
    at(Step::Taken);
    transaction.execute("UPDATE account SET balance = balance + $2 WHERE id = $1", &[&order.to, &order.amount])?;
    at(Step::Given);
    transaction.commit()?;
    Ok(Booked::Now)
}

/// The balances when the bank opens: account and cents.
pub const OPENING: [(i32, i64); 3] = [(1, 100_000), (2, 100_000), (3, 100_000)];

/// The tables, in a schema of their own, which goes when this is dropped.
#[derive(Debug)]
pub struct Ledger {
    config: Config,
    schema: String,
}

impl Ledger {
    /// Opens the accounts, waiting under the policy for a server that is not there yet.
    ///
    /// # Errors
    ///
    /// The server does not come, does not let us in, or forbids to make a schema.
    pub fn open(server: &Config, schema: &str, observer: impl Observer) -> Result<Self, RetryError<Error>> {
        let mut config = server.clone();
        config.options(&format!("-c search_path={schema}"));
        let tables = format!(
            "CREATE SCHEMA IF NOT EXISTS {schema};
             CREATE TABLE IF NOT EXISTS account (id int PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0));
             CREATE TABLE IF NOT EXISTS transfer (
                 key bigint PRIMARY KEY,
                 source int NOT NULL REFERENCES account,
                 target int NOT NULL REFERENCES account,
                 amount bigint NOT NULL CHECK (amount > 0)
             )"
        );
        // An attempt that never heard of its success is followed by one that finds everything there.
        let open = |client: &mut Client| {
            client.batch_execute(&tables)?;
            for (id, balance) in OPENING {
                client.execute("INSERT INTO account VALUES ($1, $2) ON CONFLICT DO NOTHING", &[&id, &balance])?;
            }
            Ok(())
        };
        Teller::new(&config).call("open", observer, open).into_result()?;
        Ok(Self { config, schema: schema.to_owned() })
    }

    /// Creates a teller for this server.
    pub fn teller(&self) -> Teller {
        Teller::new(&self.config)
    }

    /// All the money there is, and the transfers booked.
    ///
    /// # Errors
    ///
    /// The server is gone for good.
    pub fn sum(&self) -> Result<(i64, i64), RetryError<Error>> {
        let query = "SELECT (SELECT sum(balance)::bigint FROM account), (SELECT count(*) FROM transfer)";
        let sum = |client: &mut Client| client.query_one(query, &[]).map(|row| (row.get(0), row.get(1)));
        self.teller().call("sum", (), sum).into_result()
    }

    /// Returns the balance of an account, in cents.
    ///
    /// # Errors
    ///
    /// The server is gone for good.
    pub fn balance(&self, account: i32) -> Result<i64, RetryError<Error>> {
        let query = "SELECT balance FROM account WHERE id = $1";
        let balance = |client: &mut Client| client.query_one(query, &[&account]).map(|row| row.get(0));
        self.teller().call("balance", (), balance).into_result()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let schema = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        // Once only: a server that is gone has taken the schema along, or keeps it.
        let _ = self.teller().once(|client| client.batch_execute(&schema));
    }
}
