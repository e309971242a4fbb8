//! The tables of codes against the vendors' own lists, counted.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use redress_std::{
    ErrorClass::{self, Auth, Concurrency, Permanent, Permission, ServerError, Transient, Unknown},
    classify::{kafka, mysql, postgres, sqlite},
};

/// Prints how many codes of a list have which class, and compares the sum with the length that the list should have at least.
fn count(list: &str, at_least: usize, classes: impl Iterator<Item = ErrorClass>) {
    let mut counts = BTreeMap::new();
    classes.for_each(|class| *counts.entry(class.as_str()).or_insert(0) += 1);
    let all: usize = counts.values().sum();
    println!("{list}: {all} codes, {counts:?}");
    assert!(all >= at_least, "{list}: {all} codes, not {at_least}");
}

/// The result codes that `sqlite3.h` defines, by name.
fn sqlite_codes() -> BTreeMap<String, i32> {
    let header = fs::read_to_string(env!("SQLITE_H")).expect("a header");
    let mut codes = BTreeMap::new();
    // Primary codes, up to SQLITE_DONE.
    let (_, rest) = header.split_once("#define SQLITE_OK ").expect("the first code");
    let (primary, rest) = rest.split_once("end-of-error-codes").expect("the last primary code");
    for line in format!("#define SQLITE_OK {primary}").lines() {
        let mut words = line.strip_prefix("#define SQLITE_").unwrap_or_default().split_whitespace();
        if let (Some(name), Some(Ok(code))) = (words.next(), words.next().map(str::parse)) {
            codes.insert(name.to_owned(), code);
        }
    }
    // Extended codes: `(SQLITE_IOERR | (1<<8))`.
    for line in rest.lines() {
        let Some(line) = line.strip_prefix("#define SQLITE_") else { continue };
        let Some((name, value)) = line.split_once(char::is_whitespace) else { continue };
        let Some((primary, shifted)) = value.trim().strip_prefix("(SQLITE_").and_then(|v| v.split_once('|')) else {
            continue;
        };
        let Some(Ok(shifted)) =
            shifted.trim().strip_prefix('(').and_then(|v| v.split_once("<<8")).map(|(n, _)| n.parse::<i32>())
        else {
            continue;
        };
        let primary = codes[primary.trim()];
        codes.insert(name.to_owned(), primary | shifted << 8);
    }
    codes
}

/// What names say about classes, the first that fits.
const SQLITE: [(ErrorClass, &[&str]); 7] = [
    (Auth, &["AUTH_USER", "IOERR_AUTH"]),
    (Concurrency, &["BUSY*", "LOCKED*", "PROTOCOL", "SCHEMA", "ERROR_RETRY", "ABORT_ROLLBACK"]),
    (
        Permanent,
        &[
            "READONLY_DBMOVED",
            "IOERR_DATA",
            "IOERR_CORRUPTFS",
            "CANTOPEN_*",
            "CONSTRAINT_CHECK",
            "CONSTRAINT_COMMITHOOK",
            "CONSTRAINT_DATATYPE",
            "CONSTRAINT_FUNCTION",
            "CONSTRAINT_NOTNULL",
            "CONSTRAINT_PINNED",
            "CONSTRAINT_TRIGGER",
            "CONSTRAINT_VTAB",
        ],
    ),
    (Permission, &["PERM", "READONLY*", "AUTH"]),
    (ServerError, &["INTERNAL", "NOMEM", "IOERR*", "FULL"]),
    (
        Permanent,
        &[
            "ERROR*", "CORRUPT*", "NOTFOUND", "EMPTY", "TOOBIG", "MISMATCH", "MISUSE", "NOLFS", "FORMAT", "RANGE",
            "NOTADB",
        ],
    ),
    (Unknown, &["OK*", "ABORT", "INTERRUPT", "CANTOPEN", "CONSTRAINT*", "NOTICE*", "WARNING*", "ROW", "DONE"]),
];

#[test]
fn sqlite_is_read_whole() {
    let codes = sqlite_codes();
    for (name, code) in &codes {
        let fits =
            |pattern: &&str| pattern.strip_suffix('*').map_or(name == pattern, |begins| name.starts_with(begins));
        let (class, _) =
            SQLITE.iter().find(|(_, names)| names.iter().any(fits)).unwrap_or_else(|| panic!("{name} is new"));
        assert_eq!(sqlite::code_class(*code), *class, "{name} {code}");
    }
    assert_eq!(codes.values().filter(|code| **code < 256).count(), 31);
    count("SQLite, sqlite3.h", 31 + 74, codes.values().map(|code| sqlite::code_class(*code)));
}

#[test]
fn postgresql_is_read_whole() {
    /// No failures, and what may be anything.
    const UNKNOWN: [&str; 11] =
        ["23000", "23001", "23503", "23505", "23P01", "26000", "40002", "42P05", "55000", "57000", "57014"];

    let lists = fs::read_dir("/usr/share/postgresql").expect("PostgreSQL").flatten();
    let list = lists.map(|entry| entry.path().join("errcodes.txt")).find(|path| path.is_file()).expect("a list");
    let list = fs::read_to_string(list).expect("text");
    let states = list.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.next().filter(|state| state.len() == 5 && words.clone().any(|word| word.starts_with("ERRCODE_")))
    });
    let states: std::collections::BTreeSet<&str> = states.collect();
    for state in &states {
        let is_failure = !["00", "01", "02"].iter().any(|class| state.starts_with(class));
        let known = postgres::classify_state(state);
        assert_eq!(known.class() == Unknown, !is_failure || UNKNOWN.contains(state), "{state}");
        assert_eq!(known.is_outcome_unknown(), ["08007", "40003"].contains(state), "{state}");
    }
    count("PostgreSQL, errcodes.txt", 255, states.iter().map(|state| postgres::state_class(state)));
}

/// `MariaDB`'s list, from its own program.
fn mariadb_numbers() -> BTreeMap<u32, String> {
    let program = PathBuf::from("/usr/bin/perror");
    let numbers = (1_000..2_000).chain(3_000..3_200).chain(4_000..4_300).map(|number: u32| number.to_string());
    let output = Command::new(program).args(numbers).output().expect("perror, of Debian's package mariadb-server");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let entries = said.lines().filter_map(|line| {
        let (number, rest) = line.strip_prefix("MariaDB error code ")?.split_once(" (")?;
        Some((number.parse().ok()?, rest.split_once(')')?.0.to_owned()))
    });
    entries.collect()
}

#[test]
fn mariadb_is_read_whole() {
    let numbers = mariadb_numbers();
    for (number, name) in &numbers {
        let class = mysql::number_class(*number);
        // What a name promises.
        let promised = [
            ("DEADLOCK", Concurrency),
            ("LOCK_WAIT", Concurrency),
            ("ACCESS_DENIED_ERROR", if name.starts_with("ER_ACCESS") { Auth } else { Permission }),
            ("SHUTDOWN", Transient),
            ("ER_NET_READ", Transient),
            ("OUTOFMEMORY", ServerError),
            ("OUT_OF_MEMORY", ServerError),
            ("DISK_FULL", ServerError),
            ("SYNTAX", Permanent),
            ("NO_SUCH_TABLE", Permanent),
            ("ER_JSON_", Permanent),
        ];
        if let Some((_, promised)) = promised.iter().find(|(part, _)| name.contains(part)) {
            assert_eq!(class, *promised, "{number} {name}");
        }
    }
    count("MariaDB, perror", 1_100, numbers.keys().map(|number| mysql::number_class(*number)));
    // Each number with a class of its own is on the list, or on that of MySQL alone.
    let own = (1_000..2_000).chain(4_000..4_300).filter(|number| mysql::number_class(*number) != Permanent);
    let missing: Vec<u32> = own.filter(|number| !numbers.contains_key(number)).collect();
    assert_eq!(missing, [] as [u32; 0], "numbers that MariaDB does not have");
}

#[test]
fn kafka_is_read_whole() {
    let header = fs::read_to_string(env!("RDKAFKA_H")).expect("a header");
    let (_, list) = header.split_once("RD_KAFKA_RESP_ERR__BEGIN = -200").expect("the first code");
    let (list, _) = list.split_once("RD_KAFKA_RESP_ERR_END_ALL").expect("the last code");
    let codes = list.lines().filter_map(|line| {
        let (name, rest) = line.trim().strip_prefix("RD_KAFKA_RESP_ERR_")?.split_once(" = ")?;
        Some((name, rest.split([',', ' ', '/']).next()?.parse::<i32>().ok()?))
    });
    let codes: BTreeMap<&str, i32> = codes.filter(|(name, _)| !["_END", "NO_ERROR"].contains(name)).collect();
    let unknown = [
        "_FAIL",
        "_PARTITION_EOF",
        "_ASSIGN_PARTITIONS",
        "_REVOKE_PARTITIONS",
        "_APPLICATION",
        "_NOOP",
        "UNKNOWN",
        "NO_ERROR",
    ];
    for (name, code) in &codes {
        let known = kafka::classify_code(*code);
        assert_eq!(known.class() == Unknown, unknown.contains(name), "{name} {code}");
        assert_eq!(known.is_outcome_unknown(), ["_MSG_TIMED_OUT", "_PURGE_INFLIGHT"].contains(name), "{name}");
        if name.contains("AUTHORIZATION_FAILED") {
            assert_eq!(known.class(), Permission, "{name}");
        }
    }
    count("Kafka and librdkafka, rdkafka.h", 165, codes.values().map(|code| kafka::code_class(*code)));
}
