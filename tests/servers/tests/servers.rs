//! Servers come, go and leave nothing behind.

use std::{
    env,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{self, Command, Stdio},
    thread,
    time::Duration,
};

use redress_servers::{MariaDb, Mosquitto, Postgres, Redis};

fn listens(address: SocketAddr) -> bool {
    match TcpStream::connect(address) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            false
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[test]
fn postgres_is_started_killed_and_started_again() {
    let server = Postgres::create().expect("PostgreSQL");
    let address = local(server.port());
    assert!(!listens(address));
    assert!(server.kill().is_err(), "it does not run");
    for _ in 0..2 {
        server.up().expect("it starts");
        assert!(listens(address));
        server.kill().expect("it runs");
        assert!(!listens(address));
    }
    server.up().expect("it starts");
    drop(server);
    assert!(!listens(address));
}

#[test]
fn redis_answers_and_is_gone_when_dropped() {
    let server = Redis::start(&[]).expect("Redis");
    let address = server.address();
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(format!("AUTH {}\r\nPING\r\nQUIT\r\n", Redis::PASSWORD).as_bytes()).expect("it reads");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("it answers");
    assert_eq!(answers, "+OK\r\n+PONG\r\n+OK\r\n");
    drop(server);
    assert!(!listens(address));
}

#[test]
fn mariadb_and_mosquitto_are_gone_when_dropped() {
    let (mut database, mut broker) = (MariaDb::start(&[]).expect("MariaDB"), Mosquitto::start().expect("Mosquitto"));
    let (one, other) = (local(database.port()), local(broker.port()));
    assert!(listens(one) && listens(other));
    database.kill().expect("it runs");
    broker.kill().expect("it runs");
    assert!(!listens(one) && !listens(other));
    drop((database, broker));
    let error = MariaDb::start(&["--no-such-option"]).expect_err("no option").to_string();
    assert!(error.contains("does not start: ") && error.contains("no-such-option"), "{error}");
}

#[test]
fn a_redis_that_cannot_start_says_why() {
    let error = Redis::start(&["--maxclients", "none"]).expect_err("no number");
    let error = error.to_string();
    assert!(error.contains("redis-server does not start: ") && error.contains("maxclients"), "{error}");
}

/// In a process of its own, which dies without a chance to clean up.
#[test]
fn who_is_killed_leaves_no_server_behind() {
    const DYING: &str = "REDRESS_SERVERS_DYING";

    if env::var_os(DYING).is_some() {
        let postgres = Postgres::start().expect("PostgreSQL");
        let redis = Redis::start(&[]).expect("Redis");
        println!("ports {} {}", postgres.port(), redis.address().port());
        process::abort();
    }

    let test = ["--exact", "who_is_killed_leaves_no_server_behind", "--nocapture"];
    let mut dying = Command::new(env::current_exe().expect("a path"));
    dying.args(test).env(DYING, "").stdout(Stdio::piped()).stderr(Stdio::null());
    let dead = dying.spawn().and_then(process::Child::wait_with_output).expect("it runs");
    assert!(!dead.status.success());
    let said = String::from_utf8_lossy(&dead.stdout);
    let ports = said.lines().find_map(|line| line.split_once("ports ")).expect("both servers ran").1.to_owned();
    for port in ports.split(' ') {
        let address = local(port.parse().expect("a number"));
        // The janitor is not our child, so there is nothing to wait for but its work.
        let gone = (0..6_000).any(|_| {
            thread::sleep(Duration::from_millis(10));
            !listens(address)
        });
        assert!(gone, "{address}");
    }
}
