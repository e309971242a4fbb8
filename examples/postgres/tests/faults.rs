//! A server that is away, killed, slow or forbids, and connections that break: the money stays, and moves once.

mod common;

use std::cell::{Cell, RefCell};

use bank::ledger::{Booked, Ledger, Order, Step, transfer};
use common::{
    assert_books, config, open,
    proxy::{Fault, Proxy},
};
use postgres::NoTls;
use redress_servers::Postgres;
use redress_std::{ErrorClass, Event, EventKind, StopReason, classify::sqlstate::pack};

const STEPS: [Step; 3] = [Step::Keyed, Step::Taken, Step::Given];

const fn order(key: i64) -> Order {
    Order { key, from: 1, to: 2, amount: 100 }
}

/// Books under the policy. `trouble` comes at this step of the first attempt, `relief` at the first retry. Returns what
/// became of it and the classes and codes of the failures on the way.
fn book(
    ledger: &Ledger,
    order: &Order,
    trouble: (Step, &dyn Fn()),
    relief: &dyn Fn(),
) -> (Booked, Vec<(ErrorClass, Option<u32>)>) {
    let (first, failures) = (Cell::new(true), RefCell::new(Vec::new()));
    let told = |event: &Event| {
        if event.kind == EventKind::Retry {
            if failures.borrow().is_empty() {
                relief();
            }
            failures.borrow_mut().push((event.class.expect("a failure has a class"), event.code));
        }
    };
    let outcome = ledger.teller().call("transfer", told, |client| {
        transfer(client, order, |at| {
            if at == trouble.0 && first.replace(false) {
                trouble.1();
            }
        })
    });
    (outcome.into_result().expect("booked in the end"), failures.into_inner())
}

#[test]
fn a_server_that_is_not_there_yet_is_waited_for() {
    let server = Postgres::create().expect("PostgreSQL");
    let retries = Cell::new(0);
    let observer = |event: &Event| {
        if event.kind == EventKind::Retry {
            assert_eq!(event.class, Some(ErrorClass::Transient));
            retries.set(retries.get() + 1);
            if retries.get() == 3 {
                server.up().expect("a server that starts");
            }
        }
    };
    let ledger = Ledger::open(&config(server.port()), "bank", observer).expect("a bank");
    assert_eq!(retries.get(), 3);
    assert_books(&ledger, 0, [100_000; 3]);
}

#[test]
fn a_server_killed_at_any_step_keeps_the_money() {
    let (server, ledger) = open();
    for (key, step) in (1..).zip(STEPS) {
        let kill = || server.kill().expect("it runs");
        let (booked, failures) = book(&ledger, &order(key), (step, &kill), &|| server.up().expect("it starts again"));
        assert_eq!(booked, Booked::Now);
        assert!(!failures.is_empty() && failures.iter().all(|(class, _)| *class == ErrorClass::Transient));
    }
    assert_books(&ledger, 3, [99_700, 100_300, 100_000]);
}

#[test]
fn a_session_ended_by_the_administrator_is_renewed() {
    let (server, ledger) = open();
    let admin = RefCell::new(config(server.port()).connect(NoTls).expect("a connection"));
    for (key, step) in (1..).zip(STEPS) {
        let terminate = || {
            let others = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                          WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
            assert_eq!(admin.borrow_mut().query(others, &[]).expect("a superuser").len(), 1);
        };
        let (booked, failures) = book(&ledger, &order(key), (step, &terminate), &|| ());
        // Told while the client waits for nothing, 57P01 reaches it as a closed connection.
        assert_eq!((booked, failures), (Booked::Now, vec![(ErrorClass::Transient, None)]));
    }
    assert_books(&ledger, 3, [99_700, 100_300, 100_000]);
}

#[test]
fn a_connection_reset_at_any_step_is_renewed() {
    let (server, direct) = open();
    let proxy = Proxy::before(server.port());
    let ledger = Ledger::open(&config(proxy.port()), "bank", ()).expect("a bank");
    for (key, step) in (1..).zip(STEPS) {
        let (booked, failures) = book(&ledger, &order(key), (step, &|| proxy.arm(Fault::Reset)), &|| ());
        assert_eq!((booked, failures.len()), (Booked::Now, 1));
        assert_eq!(failures[0].0, ErrorClass::Transient);
    }
    assert_books(&direct, 3, [99_700, 100_300, 100_000]);
}

#[test]
fn a_commit_whose_answer_is_lost_is_not_booked_again() {
    let (server, direct) = open();
    let proxy = Proxy::before(server.port());
    let ledger = Ledger::open(&config(proxy.port()), "bank", ()).expect("a bank");
    let lose = || proxy.arm(Fault::Committed);

    let (booked, failures) = book(&ledger, &order(1), (Step::Given, &lose), &|| ());
    assert_eq!((booked, failures.len(), failures[0].0), (Booked::Before, 1, ErrorClass::Transient));
    assert!(!proxy.is_armed());
    assert_books(&direct, 1, [99_900, 100_100, 100_000]);

    // Without a key that says which order it is, the same mishap moves the money twice.
    let key = Cell::new(1);
    let outcome = ledger.teller().call("transfer", (), |client| {
        key.set(key.get() + 1);
        transfer(client, &order(key.get()), |at| {
            if at == Step::Given && key.get() == 2 {
                lose();
            }
        })
    });
    assert_eq!((outcome.value(), outcome.attempts), (Some(&Booked::Now), 2));
    assert_books(&direct, 3, [99_700, 100_300, 100_000]);
}

#[test]
fn a_lock_that_is_held_too_long_is_waited_for() {
    let (server, ledger) = open();
    for (key, (timeout, class, state)) in (1..).zip([
        ("lock_timeout", ErrorClass::Concurrency, "55P03"),
        // Long enough for all other statements on a busy machine.
        ("statement_timeout", ErrorClass::Transient, "57014"),
    ]) {
        let mut admin = config(server.port()).connect(NoTls).expect("a connection");
        admin.batch_execute(&format!("ALTER ROLE {} SET {timeout} = '1s'", Postgres::USER)).expect("a superuser");
        let holder = RefCell::new(config(server.port()).connect(NoTls).expect("a connection"));
        let hold = || {
            let lock = "SET lock_timeout = 0; SET statement_timeout = 0;
                        BEGIN; SELECT FROM bank.account WHERE id = 1 FOR NO KEY UPDATE";
            holder.borrow_mut().batch_execute(lock).expect("nobody else has it");
        };
        let release = || holder.borrow_mut().batch_execute("ROLLBACK").expect("a transaction");
        let (booked, failures) = book(&ledger, &order(key), (Step::Keyed, &hold), &release);
        assert_eq!(booked, Booked::Now);
        assert_eq!(failures, [(class, pack(state))], "{timeout}");
        admin.batch_execute(&format!("ALTER ROLE {} RESET {timeout}", Postgres::USER)).expect("a superuser");
    }
    assert_books(&ledger, 2, [99_800, 100_200, 100_000]);
}

#[test]
fn what_will_never_succeed_is_not_tried_again() {
    let (server, ledger) = open();

    let all = Order { amount: 100_001, ..order(1) };
    let overdrawn = ledger.teller().call("transfer", (), |client| transfer(client, &all, |_| ()));
    assert_eq!((overdrawn.attempts, overdrawn.last_class), (1, Some(ErrorClass::Permanent)));
    let error = overdrawn.error().and_then(|error| error.code()).expect("a SQLSTATE");
    assert_eq!(error.code(), "23514");

    let nobody = Order { to: 7, ..order(2) };
    let mut teller = ledger.teller();
    let missing = teller.call("transfer", (), |client| transfer(client, &nobody, |_| ()));
    // A row that a foreign key misses may be about to come, so this is not known to be for good; one more attempt is.
    assert_eq!((missing.attempts, missing.stop_reason), (2, Some(StopReason::MaxUnknownAttempts)));
    assert_eq!(missing.last_class, Some(ErrorClass::Unknown));

    let mut stranger = config(server.port());
    stranger.password("guessed");
    let refused = Ledger::open(&stranger, "bank", ()).expect_err("a wrong password");
    assert_eq!((refused.attempts, refused.last_class), (1, Some(ErrorClass::Auth)));
    assert_eq!(refused.error.and_then(|error| error.code().cloned()).expect("a SQLSTATE").code(), "28P01");

    assert_books(&ledger, 0, [100_000; 3]);
}
