//! A classifier of your own: errors of an ODBC driver, by their SQLSTATE. Run by `cargo run -p redress-std --example odbc`.

use redress_std::{Backoff, Classification, ErrorClass, Policy, Retry, Threads, classify::sqlstate::classify_sqlstate};

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));

/// An error as a driver reports it: records of state and native code, the most important first.
#[derive(Debug)]
struct OdbcError(Vec<(&'static str, i32)>);

/// Returns the class of the first state that has one. SQL Server names the victim of a deadlock in its native code alone.
fn odbc_classifier(OdbcError(records): &OdbcError) -> Classification {
    const VICTIM: i32 = 1_205;

    let mut classes =
        records.iter().map(
            |(state, native)| {
                if *native == VICTIM { ErrorClass::Concurrency.into() } else { classify_sqlstate(state) }
            },
        );
    classes.find(|known| known.class() != ErrorClass::Unknown).unwrap_or(ErrorClass::Unknown.into())
}

fn main() {
    for (state, native, class, attempts) in [
        ("40001", 0, ErrorClass::Concurrency, 3),
        ("HY000", 1_205, ErrorClass::Concurrency, 3),
        ("HYT00", 0, ErrorClass::Transient, 3),
        ("28000", 18_456, ErrorClass::Auth, 1),
        ("42000", 102, ErrorClass::Permanent, 1),
        ("HY000", 0, ErrorClass::Unknown, 2),
    ] {
        let mut queries = POLICY.context(Threads).classifier(odbc_classifier);
        let outcome = queries.execute(|| Err::<(), _>(OdbcError(vec![("01000", 0), (state, native)])));
        println!("{state}, {native}: {class}, {attempts} attempts");
        assert_eq!((outcome.last_class, outcome.attempts), (Some(class), attempts));
    }
}
