//! The program itself, as a reader runs it: what it prints but for the times, and what it leaves behind.

use std::{fs, path::Path, process::Command};

/// Found in this order.
const LINES: [&str; 44] = [
    "1. success after trouble",
    "1  connection reset                  transient     retry in ",
    "2  no answer in time                 transient     retry in ",
    "3  503                               server_error  retry in ",
    "4  429, Retry-After 1 s              rate_limit    retry in 1",
    "5  429, Retry-After ",
    "6  500                               server_error  retry in ",
    "7  200                                             done",
    "fetch: success on attempt 7 after ",
    "fetch succeeded after 7 attempts in ",
    "as it should be",
    "2a. giving up",
    "2  401                               auth          stop: non_retryable_class",
    "fetch: gave up on attempt 2 after ",
    "fetch gave up after 2 attempts in ",
    ": not retryable (auth, HTTP 401)",
    "as it should be",
    "2b. giving up",
    "2  429, Retry-After 30 s             rate_limit    stop: retry_after_too_long",
    "ms not taken, ",
    "fetch: gave up on attempt 2 after ",
    ": the server asked to wait 30 s (rate limit, HTTP 429)",
    "as it should be",
    "3. the breaker",
    "3  500                               server_error  stop: max_attempts_per_class",
    "breaker: closed -> open",
    "-  not sent                                        stop: circuit_open",
    "come back in ",
    "breaker: open -> half_open",
    "breaker: half_open -> closed",
    "fetch: success on attempt 1 after ",
    "fetch was not attempted: the circuit is open, retry after ",
    "fetch succeeded after 1 attempt",
    "as it should be",
    "4. deferral",
    "2  429, Retry-After 2 s              rate_limit    defer for ",
    "checkpoint written: 32 bytes",
    "checkpoint read, ",
    "3  500                               server_error  retry in ",
    "4  200                                             done",
    "fetch_or_defer: success on attempt 4 after ",
    "as it should be",
    "  breaker: closed",
    "as it should be",
];

#[test]
fn every_story_ends_as_it_should() {
    let temp = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quickstart");
    fs::create_dir_all(&temp).expect("a folder can be made");
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .envs(["TMPDIR", "TMP", "TEMP"].map(|name| (name, &temp)))
        .output()
        .expect("the program starts");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{}:\n{text}", output.status);

    let mut rest = text.as_str();
    for line in LINES {
        rest = rest.split_once(line).unwrap_or_else(|| panic!("no {line:?} in:\n{rest}")).1;
    }
    assert_eq!(fs::read_dir(&temp).expect("the folder is there").count(), 0, "a file was left behind");
}
