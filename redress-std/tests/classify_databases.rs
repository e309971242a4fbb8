//! Errors of database clients, read from what servers on loopback really send.

mod loopback;

use std::{
    error::Error,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use loopback::{refusing, resetting, server, silent};
use redress_std::{
    Classifier, DefaultClassifier,
    ErrorClass::{self, Auth, Concurrency, Permanent, Permission, ServerError, Transient, Unknown},
    StrictClassifier, chain,
    classify::sqlstate::{pack, unpack},
    redis_v1, sqlstate, sqlx_v0_8, sqlx_v0_9, tokio_postgres_v0_7,
};

/// SQLSTATEs which `PostgreSQL` sends, and their classes.
const STATES: [(&str, ErrorClass); 34] = [
    ("08006", Transient),
    ("08007", Permanent),
    ("08P01", Transient),
    ("0A000", Permanent),
    ("22012", Permanent),
    ("23502", Permanent),
    ("23503", Unknown),
    ("23505", Unknown),
    ("23514", Permanent),
    ("23P01", Unknown),
    ("25006", Transient),
    ("25P02", Permanent),
    ("25P03", Transient),
    ("28000", Auth),
    ("28P01", Auth),
    ("3D000", Permanent),
    ("3F000", Permanent),
    ("40001", Concurrency),
    ("40003", Permanent),
    ("40P01", Concurrency),
    ("42501", Permission),
    ("42601", Permanent),
    ("42P01", Permanent),
    ("53100", ServerError),
    ("53300", ServerError),
    ("55006", Concurrency),
    ("55P03", Concurrency),
    ("57014", Unknown),
    ("57P01", Transient),
    ("57P02", Transient),
    ("57P03", Transient),
    ("57P05", Transient),
    ("58030", ServerError),
    ("XX000", ServerError),
];

#[test]
fn states() {
    for (state, class) in STATES {
        assert_eq!(sqlstate::class(state), class, "{state}");
        assert_eq!(
            sqlstate::classify(state).numeric_code().map(unpack).as_ref().map(|s| &s[..]),
            Some(state.as_bytes())
        );
    }
    assert!(sqlstate::classify("40003").is_outcome_unknown() && sqlstate::classify("08007").is_outcome_unknown());
    for malformed in ["", "42", "53", "XX", "4200", "420000", "42é1"] {
        assert_eq!(sqlstate::class(malformed), Unknown, "{malformed}");
        assert_eq!(sqlstate::classify(malformed).numeric_code(), None);
    }
}

/// Speaks as much of `PostgreSQL`'s protocol as it takes to refuse: a user or a query which reads as a SQLSTATE fails
/// with it, a query `hang up` is answered by closing.
fn postgres() -> SocketAddr {
    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short");
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    fn error(severity: &str, state: &str) -> Vec<u8> {
        message(b'E', format!("S{severity}\0V{severity}\0C{state}\0Mas told\0\0").as_bytes())
    }

    fn converse(mut stream: TcpStream) -> std::io::Result<()> {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut startup = vec![0; u32::from_be_bytes(length) as usize - 4];
        stream.read_exact(&mut startup)?;
        let mut words = startup[4..].split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let user = words.find(|word| word == "user").and_then(|_| words.next()).expect("a user");
        if pack(&user).is_some() {
            return stream.write_all(&error("FATAL", &user));
        }
        let ready = message(b'Z', b"I");
        let version = message(b'S', b"server_version\x0015.0\0");
        stream.write_all(&[message(b'R', &[0; 4]), version, ready.clone()].concat())?;
        loop {
            let mut head = [0; 5];
            stream.read_exact(&mut head)?;
            let mut body = vec![0; u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4];
            stream.read_exact(&mut body)?;
            let text = String::from_utf8_lossy(&body);
            match (head[0], text.trim_end_matches('\0')) {
                (b'Q', "hang up") | (b'X', _) => return Ok(()),
                (b'Q', state) => stream.write_all(&[error("ERROR", state), ready.clone()].concat())?,
                _ => {}
            }
        }
    }

    server(|stream| drop(converse(stream)))
}

fn assert_known<E: Error + Send + Sync + 'static>(error: E, class: ErrorClass, code: Option<u32>) {
    let known = StrictClassifier.classify(&error);
    assert_eq!((known.class(), known.numeric_code()), (class, code), "{error:?}");
    if class != Unknown {
        assert_eq!(DefaultClassifier.classify(&error), known);
    }
    assert_eq!(chain::boxed_strictly(&anyhow::Error::new(error).context("loading")), known);
}

/// The operating system's number for a refused connection.
fn refusal(address: SocketAddr) -> Option<u32> {
    TcpStream::connect(address).expect_err("nobody listens").raw_os_error().map(i32::unsigned_abs)
}

#[tokio::test]
async fn errors_of_tokio_postgres() {
    use tokio_postgres::{Client, Config, Error, NoTls};

    async fn connect(address: SocketAddr, user: &str) -> Result<Client, Error> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(address.port()).user(user).ssl_mode(tokio_postgres::config::SslMode::Disable);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    let address = postgres();
    let client = connect(address, "clerk").await.expect("a server");
    for (state, class) in STATES {
        let error = client.batch_execute(state).await.expect_err("as told");
        assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some(state));
        assert_eq!(tokio_postgres_v0_7::classify(&error), sqlstate::classify(state));
        assert_known(error, class, pack(state));
        let error = connect(address, state).await.expect_err("as told");
        assert_known(error, class, pack(state));
    }
    assert_known(client.batch_execute("hang up").await.expect_err("closed"), Transient, None);
    assert_known(client.batch_execute("40001").await.expect_err("closed"), Transient, None);
    assert_known(connect(refusing(), "clerk").await.expect_err("nobody listens"), Transient, refusal(refusing()));
    let reset = connect(resetting(), "clerk").await.expect_err("a reset");
    assert_eq!(tokio_postgres_v0_7::classify(&reset).class(), Transient);
    assert_known("port=none".parse::<Config>().expect_err("no number"), Permanent, None);
}

macro_rules! sqlx_tests {
    ($name:ident, $sqlx:ident, $module:ident, $run:expr) => {
        #[tokio::test]
        async fn $name() {
            use ::$sqlx::{
                ConnectOptions, Connection, Error, PgConnection, Row,
                postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
            };

            fn options(address: SocketAddr, user: &str) -> PgConnectOptions {
                let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(address.port());
                options.username(user).ssl_mode(PgSslMode::Disable).disable_statement_logging()
            }

            let address = postgres();
            let mut connection: PgConnection = options(address, "clerk").connect().await.expect("a server");
            for (state, class) in STATES {
                let error: Error = $run(&mut connection, state).await.expect_err("as told");
                assert_eq!($module::classify(&error), sqlstate::classify(state));
                assert_known(error, class, pack(state));
                let error = options(address, state).connect().await.expect_err("as told");
                assert_known(error, class, pack(state));
            }
            assert_known($run(&mut connection, "hang up").await.expect_err("closed"), Transient, None);
            let refused = options(refusing(), "clerk").connect().await.expect_err("nobody listens");
            assert_known(refused, Transient, refusal(refusing()));
            let reset = options(resetting(), "clerk").connect().await.expect_err("a reset");
            assert_eq!($module::classify(&reset).class(), Transient);
            assert_known(
                PgConnection::connect("postgres://a:b@host:port/").await.expect_err("a port"),
                Permanent,
                None,
            );

            let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(50));
            let pool = pool.connect_lazy_with(options(silent(), "clerk"));
            assert_known(pool.acquire().await.expect_err("nobody answers"), Transient, None);
            pool.close().await;
            assert_known(pool.acquire().await.expect_err("closed"), Permanent, None);
            let _ = |row: ::$sqlx::postgres::PgRow| row.len();
        }
    };
}

sqlx_tests!(errors_of_sqlx_0_8, sqlx_v0_8, sqlx_v0_8, async |connection, text: &'static str| {
    ::sqlx_v0_8::Executor::execute(connection, ::sqlx_v0_8::raw_sql(text)).await
});
sqlx_tests!(errors_of_sqlx_0_9, sqlx, sqlx_v0_9, async |connection, text: &'static str| {
    ::sqlx::Executor::execute(connection, ::sqlx::raw_sql(text)).await
});

/// Speaks as much of Redis's protocol as it takes to refuse: answers each command by its name as an error code, but `OK`
/// to what clients say to introduce themselves, and text to `GET`.
fn redis_server() -> SocketAddr {
    fn line(stream: &mut TcpStream) -> Option<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            stream.read_exact(&mut byte).ok()?;
            line.push(byte[0]);
        }
        Some(String::from_utf8(line).ok()?.trim_end().to_owned())
    }

    server(|mut stream| {
        while let Some(count) = line(&mut stream) {
            let count: usize = count.trim_start_matches('*').parse().expect("an array");
            let words: Vec<String> =
                (0..count).filter_map(|_| line(&mut stream).and_then(|_| line(&mut stream))).collect();
            let answer = match &*words[0] {
                "CLIENT" => "+OK\r\n".to_owned(),
                "AUTH" => "-WRONGPASS invalid username-password pair or user is disabled.\r\n".to_owned(),
                "GET" => "+text\r\n".to_owned(),
                "GARBLE" => "what?\r\n".to_owned(),
                "HANG" => return,
                "WAIT" => String::new(),
                "MOVED" => "-MOVED 3999 127.0.0.1:6381\r\n".to_owned(),
                "ASK" => "-ASK 3999 127.0.0.1:6381\r\n".to_owned(),
                code => format!("-{code} said by the server\r\n"),
            };
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    })
}

#[test]
fn errors_of_redis() {
    use redis::{Client, Connection, RedisError, RedisResult, cmd};

    const CODES: [(&str, ErrorClass); 34] = [
        ("ASK", Transient),
        ("BUSY", Transient),
        ("BUSYGROUP", Permanent),
        ("BUSYKEY", Permanent),
        ("CLUSTERDOWN", Transient),
        ("CROSSSLOT", Permanent),
        ("DENIED", Permission),
        ("INPROG", Transient),
        ("INVALIDOBJ", Permanent),
        ("IOERR", Permanent),
        ("NOGOODSLAVE", Transient),
        ("NOGROUP", Permanent),
        ("NOMASTERLINK", Transient),
        ("NOPROTO", Permanent),
        ("UNKILLABLE", Permanent),
        ("ERR", Unknown),
        ("EXECABORT", Unknown),
        ("LOADING", Transient),
        ("MASTERDOWN", Transient),
        ("MISCONF", ServerError),
        ("MOVED", Transient),
        ("NOAUTH", Auth),
        ("NOPERM", Permission),
        ("NOREPLICAS", ServerError),
        ("NOSCRIPT", Permanent),
        ("NOSUB", Permanent),
        ("NOTBUSY", Permanent),
        ("OOM", ServerError),
        ("READONLY", Transient),
        ("TRYAGAIN", Transient),
        ("UNBLOCKED", Transient),
        ("WRONGPASS", Auth),
        ("WRONGTYPE", Permanent),
        ("WHATEVER", Unknown),
    ];

    fn connect(url: &str) -> RedisResult<Connection> {
        let connection = Client::open(url)?.get_connection_with_timeout(Duration::from_millis(100))?;
        connection.set_read_timeout(Some(Duration::from_millis(100)))?;
        Ok(connection)
    }

    fn ask(address: SocketAddr, command: &str) -> RedisError {
        let mut connection = connect(&format!("redis://{address}/")).expect("a server");
        cmd(command).arg("key").query::<i64>(&mut connection).expect_err("as told")
    }

    let address = redis_server();
    for (code, class) in CODES {
        let error = ask(address, code);
        assert_eq!(error.code(), Some(code));
        assert_eq!(redis_v1::classify(&error).class(), class, "{error:?}");
        assert_known(error, class, None);
    }
    let refused = connect(&format!("redis://{}/", refusing())).err().expect("nobody listens");
    let rows = [
        (ask(address, "GET"), Unknown),
        (ask(address, "GARBLE"), Unknown),
        (ask(address, "HANG"), Transient),
        (ask(address, "WAIT"), Transient),
        (connect("redis://127.0.0.1:port/").err().expect("no number"), Permanent),
        (connect(&format!("redis://:secret@{address}/")).err().expect("a wrong password"), Auth),
        (connect(&format!("redis://{}/", silent())).err().expect("nobody answers"), Transient),
        (connect(&format!("redis://{}/", resetting())).err().expect("a reset"), Transient),
        (refused, Transient),
    ];
    for (error, class) in rows {
        assert_eq!(redis_v1::classify(&error).class(), class, "{error:?}");
    }
}
