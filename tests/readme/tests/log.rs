//! The first program of the README against a server, and the log that it leaves.

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpListener,
    sync::Mutex,
    thread,
};

include!(concat!(env!("OUT_DIR"), "/first.rs"));

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "redress"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}: {}", record.level(), record.target(), record.args());
            LINES.lock().expect("no panic").push(line);
        }
    }

    fn flush(&self) {}
}

/// Answers like this, one request after another.
fn server(answers: &'static [&'static str]) -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/profile", listener.local_addr()?);
    thread::spawn(move || {
        for (answer, stream) in answers.iter().zip(listener.incoming()) {
            let mut stream = stream.expect("a client");
            let mut request = [0; 4_096];
            assert!(stream.read(&mut request).is_ok_and(|read| read > 0));
            let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).expect("the client reads");
        }
    });
    Ok(url)
}

/// Returns the text with each number of milliseconds, which differ from run to run, as a hash sign.
fn without_times(text: &str) -> String {
    let time = |word: &str| match word.split_once("_ms=") {
        Some((key, _)) if key != "retry_after" => format!("{key}_ms=#"),
        _ => word.to_owned(),
    };
    text.split(' ').map(time).collect::<Vec<_>>().join(" ")
}

/// Returns the lines of a log, of which the README folds those that are long.
fn unfolded(shown: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in shown.lines() {
        match (line.strip_prefix("     "), lines.last_mut()) {
            (Some(rest), Some(line)) => line.extend([" ", rest]),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Returns the blocks of the README in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let blocks = include_str!("../../../README.md").split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn the_log_shows_what_the_readme_shows() -> Result<(), Box<dyn Error>> {
    log::set_logger(&Logger).map_err(|_| "there is a logger")?;
    log::set_max_level(log::LevelFilter::Info);
    let client = Client::builder().no_proxy().build()?;

    let busy = server(&["503 Busy\r\nRetry-After: 1", "503 Busy", "404 Gone"])?;
    let error = fetch_profile(&client, &busy).await.expect_err("the third answer is final");
    let lines: Vec<_> = LINES.lock()?.drain(..).collect();
    let shown = blocks("text")[0];
    assert_eq!(
        lines.iter().map(|line| without_times(line)).collect::<Vec<_>>(),
        unfolded(shown).iter().map(|line| without_times(line)).collect::<Vec<_>>(),
        "{lines:#?}"
    );

    // The sentence of the error stands in the README too, but for its time.
    let sentence = error.to_string();
    let (before, after) = (sentence.split(" in ").next(), sentence.split_once(": ").map(|(_, reason)| reason));
    let readme = include_str!("../../../README.md");
    assert!(
        before.zip(after).is_some_and(|(before, after)| readme.contains(before) && readme.contains(after)),
        "{sentence}"
    );
    Ok(())
}

#[test]
fn no_line_of_a_program_is_hidden() {
    for program in blocks("rust") {
        let hidden = program.lines().find(|line| line.starts_with("# ") || *line == "#");
        assert_eq!(hidden, None, "{program}");
    }
}
