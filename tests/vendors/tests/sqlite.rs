//! `SQLite` in process, through rusqlite, sqlx and diesel.

use std::{fs, path::Path, time::Duration};

use diesel::{Connection as _, RunQueryDsl as _};
use redress_std::{
    ErrorClass::{self, Concurrency, Permanent, Permission, Unknown},
    diesel_v2, rusqlite_v0, sqlx_v0_9,
};
use redress_vendors::{class, known};

const SETUP: &str = "
    CREATE TABLE coin (id INTEGER PRIMARY KEY, name TEXT UNIQUE, worth INT NOT NULL CHECK (worth > 0));
    CREATE TABLE purse (coin INT REFERENCES coin) STRICT;
    CREATE TRIGGER no_zero BEFORE INSERT ON purse WHEN NEW.coin = 0 BEGIN SELECT RAISE(ABORT, 'no coin'); END;
    INSERT INTO coin VALUES (1, 'penny', 1);";

/// Statements that fail, the extended code of the error, its class.
const STATEMENTS: [(&str, u32, ErrorClass); 11] = [
    ("INSERT INTO coin VALUES (2, 'penny', 1)", 2067, Unknown),
    ("INSERT INTO coin VALUES (1, 'dime', 10)", 1555, Unknown),
    ("INSERT INTO coin VALUES (2, 'dime', NULL)", 1299, Permanent),
    ("INSERT INTO coin VALUES (2, 'dime', -1)", 275, Permanent),
    ("INSERT INTO purse VALUES (7)", 787, Unknown),
    ("INSERT INTO purse VALUES (0)", 1811, Permanent),
    ("INSERT INTO purse VALUES ('text')", 3091, Permanent),
    ("SELECT * FROM nowhere", 1, Permanent),
    ("SELEC 1", 1, Permanent),
    ("SELECT abs(-9223372036854775808)", 1, Permanent),
    ("COMMIT", 1, Permanent),
];

fn open(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).expect("a file");
    connection.busy_timeout(Duration::ZERO).expect("a setting");
    connection.execute_batch("PRAGMA foreign_keys = ON").expect("a setting");
    connection
}

#[test]
fn errors_of_rusqlite() {
    #[track_caller]
    fn row(result: rusqlite::Result<()>, code: u32, class: ErrorClass) {
        let error = result.expect_err("as told");
        let found = known(&error);
        assert_eq!(rusqlite_v0::classify(&error), found);
        assert_eq!((found.numeric_code(), found.class()), (Some(code), class), "{error:?}");
    }

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("coins");
    let (one, two) = (open(&path), open(&path));
    one.execute_batch(SETUP).expect("SQL");
    for (sql, code, class) in STATEMENTS {
        row(one.execute_batch(sql), code, class);
    }
    // One holds the lock for writing.
    one.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    row(two.execute_batch("INSERT INTO coin VALUES (2, 'dime', 10)"), 5, Concurrency);
    one.execute_batch("ROLLBACK").expect("a transaction");
    // One has read what the other has changed since.
    one.execute_batch("PRAGMA journal_mode = WAL; BEGIN; SELECT * FROM coin").expect("rows");
    two.execute_batch("UPDATE coin SET worth = 2").expect("nobody else writes");
    row(one.execute_batch("UPDATE coin SET worth = 3"), 517, Concurrency);
    one.execute_batch("ROLLBACK").expect("a transaction");
    // A shared cache has locks of its own.
    let shared = |_| rusqlite::Connection::open("file:shared?mode=memory&cache=shared").expect("memory");
    let pair = [1, 2].map(shared);
    pair[0].execute_batch("CREATE TABLE t (x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").expect("SQL");
    row(pair[1].execute_batch("SELECT * FROM t"), 262, Concurrency);

    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let reader = rusqlite::Connection::open_with_flags(&path, flags).expect("a file");
    row(reader.execute_batch("DELETE FROM coin"), 8, Permission);
    row(rusqlite::Connection::open(directory.path().join("no/such/file")).map(drop), 14, Unknown);
    let junk = directory.path().join("junk");
    fs::write(&junk, "no database".repeat(1_000)).expect("a disk");
    row(open_and_read(&junk), 26, Permanent);

    // What rusqlite says itself.
    for error in [
        one.query_row("SELECT 1 WHERE 0", [], |_| Ok(())).expect_err("no row"),
        one.query_row("SELECT 'text'", [], |row| row.get::<_, i32>(0)).expect_err("no number"),
        one.query_row("SELECT 1", [], |row| row.get::<_, i32>("nothing")).expect_err("no column"),
        one.execute("SELECT ?", []).expect_err("no parameter"),
    ] {
        assert_eq!(class(&error), Permanent, "{error:?}");
    }
}

fn open_and_read(path: &Path) -> rusqlite::Result<()> {
    rusqlite::Connection::open(path)?.execute_batch("SELECT * FROM sqlite_master")
}

#[tokio::test]
async fn errors_of_sqlx() {
    use sqlx::{ConnectOptions, Executor, sqlite::SqliteConnectOptions};

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("coins");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true).busy_timeout(Duration::ZERO);
    let connect = async || options.clone().disable_statement_logging().connect().await.expect("a file");
    let (mut one, mut two) = (connect().await, connect().await);
    one.execute(sqlx::raw_sql(SETUP)).await.expect("SQL");
    for (sql, code, class) in STATEMENTS {
        let error = one.execute(sqlx::raw_sql(sql)).await.expect_err(sql);
        let found = known(&error);
        assert_eq!(sqlx_v0_9::classify(&error), found);
        assert_eq!((found.numeric_code(), found.class()), (Some(code), class), "{error:?}");
    }
    one.execute("BEGIN IMMEDIATE").await.expect("nobody else writes");
    let busy = two.execute("INSERT INTO coin VALUES (2, 'dime', 10)").await.expect_err("a lock");
    assert_eq!((known(&busy).class(), known(&busy).numeric_code()), (Concurrency, Some(5)));
    let none = sqlx::query("SELECT 1 WHERE 0").fetch_one(&mut two).await.expect_err("no row");
    assert_eq!(class(&none), Permanent, "{none:?}");
}

#[test]
fn errors_of_diesel() {
    use diesel::{SqliteConnection, connection::SimpleConnection, result::Error, sql_query};

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("coins");
    let connect = || SqliteConnection::establish(path.to_str().expect("text")).expect("a file");
    let (mut one, mut two) = (connect(), connect());
    one.batch_execute("PRAGMA foreign_keys = ON").expect("a setting");
    one.batch_execute(SETUP).expect("SQL");
    let run = |connection: &mut SqliteConnection, sql: &str| sql_query(sql).execute(connection).expect_err("as told");
    for (sql, class) in [
        (STATEMENTS[0].0, Unknown),
        (STATEMENTS[2].0, Permanent),
        (STATEMENTS[3].0, Permanent),
        (STATEMENTS[4].0, Unknown),
        ("SELECT * FROM nowhere", Permanent),
        ("SELEC 1", Permanent),
    ] {
        let error = run(&mut one, sql);
        assert_eq!(diesel_v2::classify(&error).class(), class, "{error:?}");
        assert_eq!(redress_vendors::class(&error), class, "{error:?}");
    }
    one.batch_execute("BEGIN IMMEDIATE").expect("nobody else writes");
    assert_eq!(class(&run(&mut two, "INSERT INTO coin VALUES (2, 'dime', 10)")), Concurrency);
    assert_eq!(class(&Error::NotFound), Permanent);
    let error = SqliteConnection::establish("/no/such/directory/file").err().expect("no file");
    assert_eq!(class(&error), Unknown, "{error:?}");
}

#[test]
fn kinds_of_diesel() {
    use diesel::{
        ConnectionError,
        result::{DatabaseErrorKind as Kind, Error},
    };
    use redress_std::ErrorClass::{Auth, ServerError, Transient};

    let said = |kind, text: &str| Error::DatabaseError(kind, Box::new(text.to_owned()));
    for (kind, text, expected) in [
        (Kind::SerializationFailure, "could not serialize access due to concurrent update", Concurrency),
        (Kind::ClosedConnection, "server closed the connection unexpectedly", Transient),
        (Kind::ReadOnlyTransaction, "cannot execute INSERT in a read-only transaction", Transient),
        (Kind::UnableToSendCommand, "no connection to the server\n", Transient),
        (Kind::UnableToSendCommand, "number of parameters must be between 0 and 65535", Unknown),
        (Kind::ExclusionViolation, "", Unknown),
        (Kind::RestrictViolation, "", Unknown),
        (Kind::Unknown, "deadlock detected", Concurrency),
        (Kind::Unknown, "cached plan must not change result type", Concurrency),
        (Kind::Unknown, "Lock wait timeout exceeded; try restarting transaction", Concurrency),
        (Kind::Unknown, "Deadlock found when trying to get lock; try restarting transaction", Concurrency),
        (Kind::Unknown, "canceling statement due to lock timeout", Concurrency),
        (Kind::Unknown, "canceling statement due to user request", Unknown),
        (Kind::Unknown, "permission denied for table coin", Permission),
        (Kind::Unknown, "sorry, too many clients already", ServerError),
        (Kind::Unknown, "database or disk is full", ServerError),
        (Kind::Unknown, "Lost connection to MySQL server during query", Transient),
        (Kind::Unknown, "relation \"nowhere\" does not exist", Permanent),
        (Kind::Unknown, "Duell", Unknown),
    ] {
        let error = said(kind, text);
        assert_eq!(class(&error), expected, "{error:?}");
    }
    let rollback = || Box::new(Error::BrokenTransactionManager);
    let lost = Error::RollbackErrorOnCommit { rollback_error: rollback(), commit_error: rollback() };
    assert!(known(&lost).is_outcome_unknown());
    assert_eq!(class(&Error::BrokenTransactionManager), Transient);
    assert_eq!(class(&Error::NotInTransaction), Permanent);
    for (text, expected) in [
        ("FATAL:  password authentication failed for user \"clerk\"", Auth),
        ("Access denied for user 'clerk'@'localhost' (using password: YES)", Auth),
        ("connection to server at \"127.0.0.1\", port 1 failed: Connection refused", Transient),
        ("FATAL:  the database system is starting up", Transient),
        ("FATAL:  database \"nowhere\" does not exist", Permanent),
    ] {
        assert_eq!(class(&ConnectionError::BadConnection(text.to_owned())), expected, "{text}");
    }
    assert_eq!(class(&ConnectionError::InvalidConnectionUrl("what".to_owned())), Permanent);
}
