//! Errors of database clients, as real servers on loopback provoke them.
//!
//! `classify_databases.rs` has every code there is, told by a script; here are those that a server can be brought to say
//! by itself.

#![cfg(unix)]

use std::{error::Error, fmt::Debug, io};

use redress_servers::{Postgres, Redis};
use redress_std::{
    Classification, Classifier, DefaultClassifier,
    ErrorClass::{self, Auth, Concurrency, Permanent, Permission, ServerError, Transient, Unknown},
    StrictClassifier,
    classify::sqlstate::unpack,
    redis_v1, sqlx_v0_8, sqlx_v0_9, tokio_postgres_v0_7,
};

/// Says of an error what its own classifier and those for all errors make of it, if they agree.
fn agreed<E: Error + 'static>(error: &E, own: Classification) -> Classification {
    assert_eq!(StrictClassifier.classify(error), own, "{error:?}");
    if own.class() != Unknown {
        assert_eq!(DefaultClassifier.classify(error), own, "{error:?}");
    }
    own
}

/// A client library for `PostgreSQL`.
trait Library {
    type Connection;
    type Error: Debug;

    async fn connect(port: u16, user: &str, password: &str, database: &str) -> Result<Self::Connection, Self::Error>;
    async fn run(connection: &mut Self::Connection, sql: &'static str) -> Result<(), Self::Error>;
    fn classify(error: &Self::Error) -> Classification;
}

struct TokioPostgres;

impl Library for TokioPostgres {
    type Connection = tokio_postgres::Client;
    type Error = tokio_postgres::Error;

    async fn connect(port: u16, user: &str, password: &str, database: &str) -> Result<Self::Connection, Self::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(port).user(user).password(password).dbname(database);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn run(connection: &mut Self::Connection, sql: &'static str) -> Result<(), Self::Error> {
        connection.batch_execute(sql).await
    }

    fn classify(error: &Self::Error) -> Classification {
        agreed(error, tokio_postgres_v0_7::classify(error))
    }
}

macro_rules! sqlx_library {
    ($name:ident, $sqlx:ident, $module:ident) => {
        struct $name;

        impl Library for $name {
            type Connection = ::$sqlx::PgConnection;
            type Error = ::$sqlx::Error;

            async fn connect(
                port: u16,
                user: &str,
                password: &str,
                database: &str,
            ) -> Result<Self::Connection, Self::Error> {
                let options = ::$sqlx::postgres::PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(port);
                let options = options.username(user).password(password).database(database);
                let options = ::$sqlx::ConnectOptions::disable_statement_logging(options);
                ::$sqlx::ConnectOptions::connect(&options).await
            }

            async fn run(connection: &mut Self::Connection, sql: &'static str) -> Result<(), Self::Error> {
                ::$sqlx::Executor::execute(connection, ::$sqlx::raw_sql(sql)).await.map(drop)
            }

            fn classify(error: &Self::Error) -> Classification {
                agreed(error, $module::classify(error))
            }
        }
    };
}

/// What the client says itself of an answer that it got: no such row, no such column, another type.
#[tokio::test]
async fn answers_that_tokio_postgres_refuses() {
    let server = Postgres::start().expect("PostgreSQL");
    let client = TokioPostgres::connect(server.port(), Postgres::USER, Postgres::PASSWORD, "postgres");
    let client = client.await.expect("the superuser");
    let row = client.query_one("SELECT 'text'", &[]).await.expect("a row");
    for error in [
        client.query_one("SELECT 1 WHERE false", &[]).await.expect_err("no row"),
        client.query_one("SELECT generate_series(1, 2)", &[]).await.expect_err("two rows"),
        client.query("SELECT $1::int", &[&"text"]).await.expect_err("no number"),
        row.try_get::<_, i32>(0).expect_err("no number"),
        row.try_get::<_, &str>("nothing").expect_err("no column"),
    ] {
        assert_eq!(TokioPostgres::classify(&error).class(), Permanent, "{error:?}");
    }
}

sqlx_library!(Sqlx08, sqlx_v0_8, sqlx_v0_8);
sqlx_library!(Sqlx09, sqlx, sqlx_v0_9);

const SETUP: &str = "
    CREATE TABLE coin (id int PRIMARY KEY, worth int NOT NULL CHECK (worth > 0));
    INSERT INTO coin VALUES (1, 10), (2, 20);
    CREATE TABLE purse (coin int REFERENCES coin);
    CREATE TABLE seat (at int4range, EXCLUDE USING gist (at WITH &&));
    INSERT INTO seat VALUES ('[1,3]');
    CREATE ROLE visitor LOGIN PASSWORD 'visiting';
    CREATE ROLE crowd LOGIN PASSWORD 'crowding' CONNECTION LIMIT 0;
    CREATE ROLE guest PASSWORD 'guessing'";

/// What a single connection fails with, and the class of it. Statements in one row are a transaction, so what they set is
/// undone by the failure.
const STATEMENTS: [(&str, &str, ErrorClass); 16] = [
    ("INSERT INTO coin VALUES (1, 10)", "23505", Unknown),
    ("INSERT INTO purse VALUES (7)", "23503", Unknown),
    ("INSERT INTO seat VALUES ('[2,4]')", "23P01", Unknown),
    ("INSERT INTO coin (id) VALUES (3)", "23502", Permanent),
    ("INSERT INTO coin VALUES (3, -1)", "23514", Permanent),
    ("SELECT * FROM nowhere", "42P01", Permanent),
    ("SELECT nothing FROM coin", "42703", Permanent),
    ("SELEC 1", "42601", Permanent),
    ("SELECT 1 / 0", "22012", Permanent),
    ("SELECT 'one'::int", "22P02", Permanent),
    ("SET ROLE visitor; SELECT * FROM public.coin", "42501", Permission),
    ("BEGIN READ ONLY; DELETE FROM purse", "25006", Transient),
    ("ROLLBACK; SET statement_timeout = 20; SELECT pg_sleep(60)", "57014", Unknown),
    ("DROP DATABASE postgres", "55006", Concurrency),
    ("BEGIN; SELECT 1 / 0", "22012", Permanent),
    ("SELECT 1", "25P02", Permanent),
];

async fn errors_of_postgres<L: Library>() {
    #[track_caller]
    fn row<L: Library>(result: Result<(), L::Error>, state: &str, class: ErrorClass) {
        let known = L::classify(&result.expect_err(state));
        let told = known.numeric_code().map(unpack);
        assert_eq!((told.as_ref().map(|state| &state[..]), known.class()), (Some(state.as_bytes()), class));
    }

    let server = Postgres::start().expect("PostgreSQL");
    let connect =
        async |database| L::connect(server.port(), Postgres::USER, Postgres::PASSWORD, database).await.map(Some);
    let mut one = connect("postgres").await.expect("the superuser").expect("a connection");
    L::run(&mut one, "CREATE DATABASE other").await.expect("a superuser");
    L::run(&mut one, SETUP).await.expect("a superuser");

    // Who is let in.
    for (user, password, database, state, class) in [
        (Postgres::USER, "guessed", "postgres", "28P01", Auth),
        ("nobody", "guessed", "postgres", "28P01", Auth),
        ("guest", "guessing", "postgres", "28000", Auth),
        (Postgres::USER, Postgres::PASSWORD, "nowhere", "3D000", Permanent),
        ("crowd", "crowding", "postgres", "53300", ServerError),
    ] {
        row::<L>(L::connect(server.port(), user, password, database).await.map(drop), state, class);
    }

    // What a statement by itself fails with.
    for (sql, state, class) in STATEMENTS {
        row::<L>(L::run(&mut one, sql).await, state, class);
    }
    L::run(&mut one, "ROLLBACK").await.expect("a transaction");

    // A plan that a migration made stale: nothing has run, and the next try makes another.
    L::run(&mut one, "CREATE TABLE note (id int); PREPARE stale AS SELECT * FROM note; EXECUTE stale")
        .await
        .expect("a table");
    L::run(&mut one, "ALTER TABLE note ADD COLUMN text text").await.expect("a column");
    row::<L>(L::run(&mut one, "EXECUTE stale").await, "0A000", Concurrency);
    row::<L>(
        L::run(&mut one, "SELECT 1; CREATE VIEW v AS SELECT 1 AS a WITH LOCAL CHECK OPTION").await,
        "0A000",
        Permanent,
    );
    // What a fail-over of the server's says: "in recovery", and what a driver says of a commit whose answer was lost.
    for (state, class) in [("57P03", Transient), ("40003", Permanent), ("08007", Permanent)] {
        let raise = match state {
            "57P03" => "DO $$ BEGIN RAISE SQLSTATE '57P03'; END $$",
            "40003" => "DO $$ BEGIN RAISE SQLSTATE '40003'; END $$",
            _ => "DO $$ BEGIN RAISE SQLSTATE '08007'; END $$",
        };
        let error = L::run(&mut one, raise).await.expect_err(state);
        assert_eq!(L::classify(&error).is_outcome_unknown(), class == Permanent, "{error:?}");
        row::<L>(Err(error), state, class);
    }

    // What two do to each other: the second wants what the first holds, or held.
    let mut two = connect("postgres").await.expect("the superuser").expect("a connection");
    L::run(&mut one, "BEGIN; LOCK TABLE coin").await.expect("nobody else has it");
    row::<L>(L::run(&mut two, "SET lock_timeout = 20; SELECT * FROM coin").await, "55P03", Concurrency);
    row::<L>(L::run(&mut two, "SELECT 1; LOCK TABLE coin NOWAIT").await, "55P03", Concurrency);
    L::run(&mut one, "ROLLBACK").await.expect("a transaction");

    L::run(&mut two, "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM coin").await.expect("rows");
    L::run(&mut one, "UPDATE coin SET worth = 11 WHERE id = 1").await.expect("a row");
    row::<L>(L::run(&mut two, "UPDATE coin SET worth = 12 WHERE id = 1").await, "40001", Concurrency);
    L::run(&mut two, "ROLLBACK").await.expect("a transaction");

    L::run(&mut one, "BEGIN; UPDATE coin SET worth = 11 WHERE id = 1").await.expect("a row");
    L::run(&mut two, "BEGIN; UPDATE coin SET worth = 22 WHERE id = 2").await.expect("a row");
    let crossed = tokio::join!(
        L::run(&mut one, "UPDATE coin SET worth = 21 WHERE id = 2; COMMIT"),
        L::run(&mut two, "UPDATE coin SET worth = 12 WHERE id = 1; COMMIT"),
    );
    match crossed {
        (Err(error), Ok(())) | (Ok(()), Err(error)) => row::<L>(Err(error), "40P01", Concurrency),
        both => panic!("one of the two: {both:?}"),
    }
    for connection in [&mut one, &mut two] {
        L::run(connection, "ROLLBACK").await.expect("with or without a transaction");
    }

    // How a connection ends.
    row::<L>(L::run(&mut two, "SELECT pg_terminate_backend(pg_backend_pid())").await, "57P01", Transient);
    for _ in 0..2 {
        let gone = L::run(&mut two, "SELECT 1").await.expect_err("a closed connection");
        assert_eq!(L::classify(&gone).class(), Transient, "{gone:?}");
    }
    server.kill().expect("it runs");
    let gone = L::run(&mut one, "SELECT 1").await.expect_err("a killed server");
    assert_eq!(L::classify(&gone).class(), Transient, "{gone:?}");
    let refused = connect("postgres").await.map(drop).expect_err("nobody listens");
    assert_eq!(L::classify(&refused).class(), Transient, "{refused:?}");
    assert_eq!(L::classify(&refused).numeric_code(), refusal(), "{refused:?}");
    server.up().expect("it starts again");
    connect("postgres").await.expect("the superuser").expect("a connection");
}

/// The operating system's number for a refused connection.
fn refusal() -> Option<u32> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let refused = std::net::TcpStream::connect(listener.expect("a free port")).expect_err("nobody listens any more");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    refused.raw_os_error().map(i32::unsigned_abs)
}

#[tokio::test]
async fn errors_of_postgres_through_tokio_postgres() {
    errors_of_postgres::<TokioPostgres>().await;
}

#[tokio::test]
async fn errors_of_postgres_through_sqlx_0_8() {
    errors_of_postgres::<Sqlx08>().await;
}

#[tokio::test]
async fn errors_of_postgres_through_sqlx_0_9() {
    errors_of_postgres::<Sqlx09>().await;
}

/// Commands that go before, the one that fails, the code of the answer, its class.
const COMMANDS: [(&[&str], &str, &str, ErrorClass); 14] = [
    (&["SET text word"], "LPUSH text item", "WRONGTYPE", Permanent),
    (&[], "INCR text", "ERR", Permanent),
    (&[], "NONSENSE", "ERR", Permanent),
    (&[], "EVALSHA 0123456789abcdef0123456789abcdef01234567 0", "NOSCRIPT", Permanent),
    (&["XGROUP CREATE stream readers $ MKSTREAM"], "XGROUP CREATE stream readers $", "BUSYGROUP", Permanent),
    (&[], "SCRIPT KILL", "NOTBUSY", Permanent),
    (&["MULTI"], "NONSENSE", "ERR", Permanent),
    (&[], "EXEC", "EXECABORT", Unknown),
    (&["CONFIG SET maxmemory 1"], "SET text word", "OOM", ServerError),
    (&["CONFIG SET maxmemory 0", "CONFIG SET min-replicas-to-write 1"], "SET text word", "NOREPLICAS", ServerError),
    (&["CONFIG SET min-replicas-to-write 0", "REPLICAOF 127.0.0.1 1"], "SET text word", "READONLY", Transient),
    (&["CONFIG SET replica-serve-stale-data no"], "GET text", "MASTERDOWN", Transient),
    (&["REPLICAOF NO ONE", "ACL SETUSER reader on >reading ~* +get +auth"], "AUTH reader writing", "WRONGPASS", Auth),
    (&["AUTH reader reading"], "SET text word", "NOPERM", Permission),
];

fn connect(url: &str) -> redis::RedisResult<redis::Connection> {
    redis::Client::open(url)?.get_connection()
}

fn ask(connection: &mut redis::Connection, command: &str) -> redis::RedisResult<redis::Value> {
    let mut words = command.split(' ');
    let mut asked = redis::cmd(words.next().expect("a command"));
    asked.arg(words.collect::<Vec<_>>()).query(connection)
}

#[track_caller]
fn redis_row(result: redis::RedisResult<redis::Value>, code: &str, class: ErrorClass) {
    let error = result.expect_err(code);
    assert_eq!((error.code(), agreed(&error, redis_v1::classify(&error)).class()), (Some(code), class), "{error:?}");
}

#[test]
fn errors_of_redis() {
    let mut server = Redis::start(&[]).expect("Redis");
    let url = format!("redis://:{}@{}/", Redis::PASSWORD, server.address());
    let mut connection = connect(&url).expect("the password");

    redis_row(
        connect(&format!("redis://{}/", server.address())).and_then(|mut stranger| ask(&mut stranger, "GET text")),
        "NOAUTH",
        Auth,
    );
    let error = connect(&format!("redis://:guessed@{}/", server.address())).err().expect("a wrong password");
    assert_eq!(agreed(&error, redis_v1::classify(&error)).class(), Auth, "{error:?}");

    for (before, command, code, class) in COMMANDS {
        for command in before {
            ask(&mut connection, command).unwrap_or_else(|error| panic!("{command}: {error}"));
        }
        redis_row(ask(&mut connection, command), code, class);
    }

    server.kill().expect("it runs");
    for error in [ask(&mut connection, "GET text").err(), connect(&url).err()] {
        let error = error.expect("a killed server");
        assert_eq!(agreed(&error, redis_v1::classify(&error)).class(), Transient, "{error:?}");
    }
}

#[test]
fn errors_of_a_redis_cluster() {
    let server = Redis::start(&["--cluster-enabled", "yes"]).expect("Redis");
    let mut connection = connect(&format!("redis://:{}@{}/", Redis::PASSWORD, server.address())).expect("the password");
    // No slot is anybody's.
    redis_row(ask(&mut connection, "GET text"), "CLUSTERDOWN", Transient);
    ask(&mut connection, "CLUSTER ADDSLOTSRANGE 0 16383").expect("all are free");
    redis_row(ask(&mut connection, "MGET one two"), "CROSSSLOT", Permanent);
}

#[test]
fn errors_of_a_redis_that_loads() {
    // Four seconds for what it takes in at once otherwise; the server is dropped before.
    let slow = ["--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"];
    let server = Redis::start(&[&slow[..], &["--enable-debug-command", "local"]].concat()).expect("Redis");
    let url = format!("redis://:{}@{}/", Redis::PASSWORD, server.address());
    let (mut one, mut other) = (connect(&url).expect("the password"), connect(&url).expect("the password"));
    ask(&mut one, "DEBUG POPULATE 200 key 100").expect("an order");
    one.send_packed_command(&redis::cmd("DEBUG").arg("RELOAD").get_packed_command()).expect("a connection");
    // Read together with the order to reload, the first may be answered before.
    let answer = ask(&mut other, "GET key:1").and_then(|_| ask(&mut other, "GET key:1"));
    redis_row(answer, "LOADING", Transient);
}
