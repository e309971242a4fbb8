use super::axis::{AXIS, Scale};
use super::*;

fn attempt(at_ms: u64, took_ms: u64, number: u32, outcome: &str, class: &'static str, next: Next) -> Row {
    Row::Attempt(AttemptRow { at_ms, took_ms, number, outcome: outcome.to_owned(), class, next })
}

fn note(at_ms: u64, text: &str) -> Row {
    Row::Note { at_ms, text: text.to_owned() }
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("text")
}

fn trouble() -> Vec<Row> {
    vec![
        attempt(2, 2, 1, "connection reset", "transient", Next::Retry { delay_ms: 87 }),
        attempt(391, 301, 2, "no answer in time", "transient", Next::Retry { delay_ms: 213 }),
        attempt(606, 1, 3, "503", "server_error", Next::Retry { delay_ms: 150 }),
        attempt(758, 2, 4, "429, Retry-After 1 s", "rate_limit", Next::Retry { delay_ms: 1080 }),
        attempt(1840, 1, 5, "200", "", Next::Success),
    ]
}

fn outage() -> Vec<Row> {
    let stop = |reason| Next::Stop { reason };
    vec![
        attempt(1, 1, 1, "500", "server_error", Next::Retry { delay_ms: 60 }),
        attempt(63, 1, 2, "500", "server_error", stop("max_attempts_exceeded")),
        note(63, "breaker: closed -> open"),
        attempt(110, 0, 0, "not sent", "", stop("circuit_open")),
        note(565, "breaker: open -> half_open"),
        attempt(567, 2, 1, "200", "", Next::Success),
        note(567, "breaker: half_open -> closed"),
    ]
}

#[test]
fn lines_as_they_happen() {
    let text = written(|out| {
        header(out, Style::PLAIN, "success after trouble")?;
        trouble().iter().chain(&outage()[1..4]).try_for_each(|r| row(out, Style::PLAIN, r))
    });
    let expected = "\
success after trouble

      ms    #  came back                         class         then
       2    1  connection reset                  transient     retry in 87 ms
     391    2  no answer in time                 transient     retry in 213 ms
     606    3  503                               server_error  retry in 150 ms
     758    4  429, Retry-After 1 s              rate_limit    retry in 1080 ms
    1840    5  200                                             done
      63    2  500                               server_error  stop: max_attempts_exceeded
      63    *  breaker: closed -> open
     110    -  not sent                                        stop: circuit_open
";
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn timeline_of_a_success() {
    let text = written(|out| timeline(out, Style::PLAIN, "fetch_profile", &trouble()));
    let expected = "\
fetch_profile: success on attempt 5 after 1840 ms

      0 ms          500            1000           1500
      +-------------+--------------+--------------+-----------
   1  x.                                                        connection reset
   2    =========x......                                        no answer in time
   3                    x...                                    503
   4                        x................................   429, Retry-After 1 s
   5                                                         o  200
      = attempt   x failed   o success   . waiting
";
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn timeline_with_a_breaker() {
    let text = written(|out| timeline(out, Style::PLAIN, "fetch_profile", &outage()));
    let expected = "\
fetch_profile: success on attempt 1 after 567 ms

      0 ms     100       200       300      400       500
      +--------+---------+---------+--------+---------+-------
   1  x.....                                                    500
   2        x                                                   500: max_attempts_exceeded
            *                                                   breaker: closed -> open
   -            /                                               not sent: circuit_open
                                                            *   breaker: open -> half_open
   1                                                         o  200
                                                             *  breaker: half_open -> closed
      x failed   o success   . waiting   / refused, nothing sent   * event
";
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn timeline_of_a_deferral_and_its_resumption() {
    let mut rows = vec![
        attempt(1, 1, 1, "503", "server_error", Next::Retry { delay_ms: 400 }),
        attempt(402, 1, 2, "429, Retry-After 2 s", "rate_limit", Next::Defer { delay_ms: 2_000 }),
    ];
    let text = written(|out| timeline(out, Style::PLAIN, "upload", &rows));
    let expected = "\
upload: deferred on attempt 2 after 402 ms, due in 2000 ms

      0 ms       500        1000        1500       2000
      +----------+----------+-----------+----------+----------
   1  x........                                                 503
   2           x~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~  429, Retry-After 2 s: deferred
      x failed   . waiting   ~ deferred
";
    assert_eq!(text, expected, "\n{text}");

    rows.push(note(403, "checkpoint written"));
    rows.push(note(2_410, "checkpoint read"));
    rows.push(attempt(2_412, 1, 3, "200", "", Next::Success));
    let text = written(|out| timeline(out, Style::PLAIN, "upload", &rows));
    let expected = "\
upload: success on attempt 3 after 2412 ms

      0 ms       500        1000        1500       2000
      +----------+----------+-----------+----------+----------
   1  x........                                                 503
   2           x~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~   429, Retry-After 2 s: deferred
               *                                                checkpoint written
                                                            *   checkpoint read
   3                                                         o  200
      x failed   o success   . waiting   ~ deferred   * event
";
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn spans_are_short() {
    let cases = [
        (0, "0 ms"),
        (9_999, "9999 ms"),
        (12_345, "12.3 s"),
        (59_999, "59.9 s"),
        (90_000, "1.5 min"),
        (3_600_000, "1.0 h"),
    ];
    for (ms, text) in cases {
        assert_eq!(span(ms), text);
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    for rows in [trouble(), outage()] {
        let both = |out: &mut Vec<u8>, style| {
            header(out, style, "title")?;
            rows.iter().try_for_each(|r| row(out, style, r))?;
            timeline(out, style, "operation", &rows)
        };
        let mut stripped = String::new();
        for (i, part) in written(|out| both(out, Style::COLOUR)).split("\x1b[").enumerate() {
            stripped.push_str(if i == 0 { part } else { part.split_once('m').expect("the end of an escape").1 });
        }
        assert_eq!(stripped, written(|out| both(out, Style::PLAIN)));
    }
}

#[test]
fn nothing_is_too_wide_and_nothing_panics() {
    let long = "x".repeat(300);
    let odd = [
        vec![],
        vec![note(0, &long)],
        vec![attempt(0, 0, 1, "", "", Next::Success)],
        vec![attempt(0, 9, 0, &long, "", Next::Stop { reason: "circuit_open" })],
        vec![attempt(5, 9, u32::MAX, &long, "server_error", Next::Defer { delay_ms: u64::MAX })],
        vec![attempt(u64::MAX, u64::MAX, 1, &long, "unknown", Next::Retry { delay_ms: u64::MAX })],
        vec![
            attempt(90, 1, 2, "late", "", Next::Retry { delay_ms: 500 }),
            attempt(7, 1, 1, "out of order", "", Next::Retry { delay_ms: 1 }),
            attempt(99, 1, 3, "", "", Next::Success),
        ],
    ];
    for rows in odd {
        let text = written(|out| {
            header(out, Style::PLAIN, &long)?;
            rows.iter().try_for_each(|r| row(out, Style::PLAIN, r))?;
            timeline(out, Style::PLAIN, &long, &rows)
        });
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
    for end_ms in (1..5_000).chain([59_999, 3_600_000, u64::MAX]) {
        let (labels, ticks) = Scale { end_ms }.axis();
        assert!(labels.len() <= WIDTH - MARGIN && ticks.len() == AXIS, "{end_ms}: {labels}");
        assert!((2..=9).contains(&labels.split_whitespace().count()), "{end_ms}: {labels}");
    }
}
