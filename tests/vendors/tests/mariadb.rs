//! A real `MariaDB` through sqlx.
#![cfg(unix)]

use redress_servers::MariaDb;
use redress_std::{
    ErrorClass::{self, Auth, Concurrency, Permanent, Permission, ServerError, Transient, Unknown},
    sqlx_v0_9,
};
use redress_vendors::{class, known};
use sqlx::{ConnectOptions, Error, Executor, MySqlConnection, mysql::MySqlConnectOptions};

const SETUP: &str = "
    CREATE DATABASE bank; USE bank;
    CREATE TABLE coin (id INT PRIMARY KEY, worth INT NOT NULL CHECK (worth > 0));
    INSERT INTO coin VALUES (1, 10), (2, 20);
    CREATE TABLE purse (coin INT, FOREIGN KEY (coin) REFERENCES coin (id));
    CREATE USER visitor IDENTIFIED BY 'visiting';
    CREATE USER crowd IDENTIFIED BY 'crowding' WITH MAX_USER_CONNECTIONS 1;
    CREATE USER often IDENTIFIED BY 'coming' WITH MAX_CONNECTIONS_PER_HOUR 1;
    CREATE USER gone IDENTIFIED BY 'going' ACCOUNT LOCK;
    GRANT SELECT ON bank.purse TO visitor; GRANT SELECT ON bank.* TO crowd; GRANT SELECT ON bank.* TO often;";

/// Statements that fail, the number of the error, its class.
const STATEMENTS: [(&str, u32, ErrorClass); 14] = [
    ("SELEC 1", 1064, Permanent),
    ("SELECT * FROM nowhere", 1146, Permanent),
    ("SELECT nothing FROM coin", 1054, Permanent),
    ("INSERT INTO coin VALUES (1, 10)", 1062, Unknown),
    ("INSERT INTO coin VALUES (3, NULL)", 1048, Permanent),
    ("INSERT INTO coin VALUES (3, -1)", 4025, Permanent),
    ("INSERT INTO purse VALUES (7)", 1452, Unknown),
    ("SET STATEMENT max_statement_time = 0.05 FOR SELECT SLEEP(60)", 1969, Unknown),
    ("START TRANSACTION READ ONLY; INSERT INTO coin VALUES (3, 30)", 1792, Permanent),
    ("SIGNAL SQLSTATE '45000'", 1644, Unknown),
    ("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213", 1213, Concurrency),
    ("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1180", 1180, Permanent),
    ("SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047", 1047, Transient),
    ("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1020", 1020, Concurrency),
];

#[track_caller]
fn row(error: &Error, number: u32, class: ErrorClass) {
    let found = known(error);
    assert_eq!(sqlx_v0_9::classify(error), found);
    assert_eq!((found.numeric_code(), found.class()), (Some(number), class), "{error:?}");
    assert_eq!(found.is_outcome_unknown(), number == 1180);
}

async fn run(connection: &mut MySqlConnection, sql: &'static str) -> Result<(), Error> {
    connection.execute(sqlx::raw_sql(sql)).await.map(drop)
}

#[tokio::test]
async fn errors_of_mariadb() {
    let mut server = MariaDb::start(&["--max-connections=10"]).expect("MariaDB");
    let port = server.port();
    let connect = async |user: &str, password: &str, database: Option<&str>| {
        let options = MySqlConnectOptions::new().host("127.0.0.1").port(port).username(user).password(password);
        let options = options.ssl_mode(sqlx::mysql::MySqlSslMode::Disabled).disable_statement_logging();
        match database {
            Some(database) => options.database(database).connect().await,
            None => options.connect().await,
        }
    };
    let mut one = connect(MariaDb::USER, MariaDb::PASSWORD, None).await.expect("the superuser");
    run(&mut one, SETUP).await.expect("a superuser");

    // Who is let in.
    row(&connect(MariaDb::USER, "guessed", None).await.expect_err("a guess"), 1045, Auth);
    row(&connect("nobody", "guessed", None).await.expect_err("nobody"), 1045, Auth);
    row(&connect("gone", "going", None).await.expect_err("locked"), 4151, Auth);
    row(&connect("visitor", "visiting", Some("mysql")).await.expect_err("not his"), 1044, Permission);
    row(&connect(MariaDb::USER, MariaDb::PASSWORD, Some("nowhere")).await.expect_err("no database"), 1049, Permanent);
    let crowd = connect("crowd", "crowding", None).await.expect("the first");
    row(&connect("crowd", "crowding", None).await.expect_err("the second"), 1226, ErrorClass::RateLimit);
    drop(crowd);
    connect("often", "coming", None).await.expect("the first");
    row(&connect("often", "coming", None).await.expect_err("the second"), 1226, ErrorClass::RateLimit);

    // What a statement by itself fails with.
    for (sql, number, class) in STATEMENTS {
        row(&run(&mut one, sql).await.expect_err(sql), number, class);
        run(&mut one, "ROLLBACK").await.expect("with or without a transaction");
    }
    let mut visitor = connect("visitor", "visiting", Some("bank")).await.expect("a visitor");
    row(&run(&mut visitor, "SELECT * FROM coin").await.expect_err("not his"), 1142, Permission);
    row(&run(&mut visitor, "SET GLOBAL max_connections = 9").await.expect_err("not his"), 1227, Permission);
    let none = sqlx::query("SELECT * FROM coin WHERE id = 9").fetch_one(&mut one).await.expect_err("no row");
    assert_eq!(class(&none), Permanent, "{none:?}");

    // What two do to each other.
    let mut two = connect(MariaDb::USER, MariaDb::PASSWORD, Some("bank")).await.expect("the superuser");
    run(&mut one, "BEGIN; UPDATE coin SET worth = 11 WHERE id = 1").await.expect("a row");
    run(&mut two, "SET innodb_lock_wait_timeout = 1; BEGIN; UPDATE coin SET worth = 22 WHERE id = 2")
        .await
        .expect("a row");
    row(&run(&mut two, "UPDATE coin SET worth = 12 WHERE id = 1").await.expect_err("a lock"), 1205, Concurrency);
    row(
        &run(&mut two, "SELECT * FROM coin WHERE id = 1 FOR UPDATE NOWAIT").await.expect_err("a lock"),
        1205,
        Concurrency,
    );
    run(&mut two, "SET innodb_lock_wait_timeout = 50").await.expect("a setting");
    let crossed = tokio::join!(
        run(&mut one, "UPDATE coin SET worth = 21 WHERE id = 2; COMMIT"),
        run(&mut two, "UPDATE coin SET worth = 12 WHERE id = 1; COMMIT"),
    );
    match crossed {
        (Err(error), Ok(())) | (Ok(()), Err(error)) => row(&error, 1213, Concurrency),
        both => panic!("one of the two: {both:?}"),
    }
    run(&mut one, "ROLLBACK").await.expect("with or without a transaction");
    run(&mut two, "ROLLBACK").await.expect("with or without a transaction");

    // A former primary.
    run(&mut one, "SET GLOBAL read_only = 1; GRANT INSERT ON bank.* TO visitor").await.expect("a superuser");
    row(&run(&mut visitor, "INSERT INTO bank.coin VALUES (3, 30)").await.expect_err("read-only"), 1290, Transient);
    run(&mut one, "SET GLOBAL read_only = 0").await.expect("a superuser");

    // How a connection ends.
    drop(visitor);
    let mut crowd = Vec::new();
    let full = loop {
        match connect(MariaDb::USER, MariaDb::PASSWORD, None).await {
            Ok(connection) => crowd.push(connection),
            Err(error) => break error,
        }
    };
    row(&full, 1040, ServerError);
    drop(crowd);
    server.kill().expect("it runs");
    for error in [run(&mut one, "SELECT 1").await, connect(MariaDb::USER, MariaDb::PASSWORD, None).await.map(drop)] {
        let error = error.expect_err("a killed server");
        assert_eq!(class(&error), Transient, "{error:?}");
    }
}
