//! The page as a person has it: controls to set, numbers and a table to read.

use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf, sync::Arc};

use serde::Deserialize;
use tokio::{net::TcpListener, task::JoinHandle};
use web_server::{Entry, Runs, busiest, serve};

use crate::{Chrome, Result};

/// A page in a browser, and the server behind it.
#[derive(Debug)]
pub struct Page {
    /// The browser.
    pub chrome: Chrome,
    /// The server's side of what happens.
    pub runs: Arc<Runs>,
    address: String,
    server: JoinHandle<std::io::Result<()>>,
}

/// The texts of the page after a run.
#[derive(Clone, Debug, Deserialize)]
pub struct Shown {
    /// The line above the numbers.
    pub status: String,
    /// The states of the breaker, in order.
    pub breaker: String,
    /// The numbers, by their names.
    pub numbers: BTreeMap<String, String>,
    /// The table of calls.
    pub rows: Vec<Row>,
}

/// A call in the table.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    /// The client.
    pub client: String,
    /// The call of the client.
    pub call: String,
    /// How each attempt ended.
    pub attempts: String,
    /// The waits between them.
    pub waits: String,
    /// How the call ended.
    pub end: String,
    /// How long it took.
    pub took: String,
}

const READ: &str = r##"({
    status: document.getElementById("status").textContent,
    breaker: document.getElementById("breaker").textContent,
    numbers: Object.fromEntries([...document.querySelectorAll("[data-number]")]
        .map((e) => [e.dataset.number, e.textContent])),
    rows: [...document.querySelectorAll("#rows tr")].map((row) => {
        const [client, call, attempts, waits, end, took] = [...row.cells].map((cell) => cell.textContent);
        return { client, call, attempts, waits, end, took };
    }),
})"##;

impl Page {
    /// Starts a server and opens its page.
    ///
    /// # Errors
    ///
    /// There is no browser, or the page has not been built.
    pub async fn open() -> Result<Self> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let wasm = std::env::var_os("WEB_SITE").map_or_else(|| root.join("target/site"), PathBuf::from);
        if !wasm.join("web_page.js").is_file() {
            return Err(format!("no page in {}: `cargo xtask web build` makes it", wasm.display()).into());
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = format!("http://{}/", listener.local_addr()?);
        let runs = Arc::new(Runs::new());
        let server = tokio::spawn({
            let runs = Arc::clone(&runs);
            async move { serve(listener, runs, &root.join("site"), &wasm).await }
        });
        let chrome = Chrome::start().await?;
        chrome.resize(1280, 900).await?;
        let page = Self { chrome, runs, address, server };
        page.load().await?;
        Ok(page)
    }

    /// Loads the page again.
    pub async fn load(&self) -> Result<()> {
        self.chrome.open(&self.address).await?;
        self.until("ready").await
    }

    /// Loads the page of the fleet, which plays it at once.
    pub async fn load_fleet(&self) -> Result<()> {
        self.chrome.open(&format!("{}fleet.html", self.address)).await?;
        self.until("done").await
    }

    /// Chooses a scenario.
    pub async fn choose(&self, scenario: &str) -> Result<()> {
        self.set("scenario", &format!("{scenario:?}")).await
    }

    /// Sets a control to a JavaScript value, and tells the page as if a person had done it.
    pub async fn set(&self, control: &str, value: &str) -> Result<()> {
        let script = format!(
            r#"(() => {{
                const control = document.getElementById("{control}");
                if (control.type === "checkbox") control.checked = {value};
                else control.value = {value};
                control.dispatchEvent(new Event("input", {{ bubbles: true }}));
                control.dispatchEvent(new Event("change", {{ bubbles: true }}));
                return String(control.type === "checkbox" ? control.checked : control.value) === String({value});
            }})()"#
        );
        match self.chrome.eval(&script).await? {
            serde_json::Value::Bool(true) => Ok(()),
            _ => Err(format!("{control} does not take {value}").into()),
        }
    }

    /// Presses a button.
    pub async fn click(&self, button: &str) -> Result<()> {
        self.chrome.eval(&format!("document.getElementById(\"{button}\").click()")).await?;
        Ok(())
    }

    /// Waits until the page is in this state: `ready`, `running`, `done`.
    pub async fn until(&self, state: &str) -> Result<()> {
        self.chrome.until(&format!("document.body.dataset.state === \"{state}\"")).await
    }

    /// Starts a run and waits for its end. What the page shows then agrees with the server's log, which comes along.
    pub async fn run(&self) -> Result<(Shown, Vec<Entry>)> {
        self.click("start").await?;
        self.until("done").await?;
        let (shown, log) = self.read().await?;
        agree(&shown, &log);
        Ok((shown, log))
    }

    /// Returns the texts of the page and the log of the latest run.
    pub async fn read(&self) -> Result<(Shown, Vec<Entry>)> {
        let shown = serde_json::from_value(self.chrome.eval(READ).await?)?;
        let log = self.runs.latest().and_then(|run| self.runs.log(run)).ok_or("no run")?;
        Ok((shown, log))
    }

    /// Ends server and browser.
    pub async fn close(self) -> Result<()> {
        self.server.abort();
        self.chrome.close().await
    }
}

impl Shown {
    /// A number.
    ///
    /// # Panics
    ///
    /// If the page does not show it.
    pub fn number(&self, name: &str) -> usize {
        let text = &self.numbers[name];
        text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}"))
    }
}

impl Row {
    /// How each attempt ended, as words.
    pub fn attempts(&self) -> Vec<&str> {
        self.attempts.split(", ").filter(|attempt| *attempt != "no request").collect()
    }

    /// The waits, in milliseconds.
    ///
    /// # Panics
    ///
    /// If the table has something else there.
    pub fn waits(&self) -> Vec<u32> {
        let number = |wait: &str| wait.trim_end_matches(" ms").parse().unwrap_or_else(|_| panic!("wait of {wait:?}"));
        self.waits.split(", ").filter(|wait| *wait != "none").map(number).collect()
    }
}

/// An attempt in the table that the deadline ended before there was an answer.
const TIMED_OUT: &str = "timed out";

/// The page and the server have seen the same: call by call, attempt by attempt, answer by answer, and in sum.
fn agree(shown: &Shown, log: &[Entry]) {
    let mut by_call: BTreeMap<(String, String), Vec<Entry>> = BTreeMap::new();
    for entry in log {
        by_call.entry((entry.attempt.client.to_string(), entry.attempt.call.to_string())).or_default().push(*entry);
    }
    // Successes in the log that came too late for the page.
    let mut unheard = 0;
    for row in &shown.rows {
        let entries = by_call.remove(&(row.client.clone(), row.call.clone())).unwrap_or_default();
        let numbers: Vec<_> = entries.iter().map(|entry| entry.attempt.attempt as usize).collect();
        assert_eq!(numbers, (1..=row.attempts().len()).collect::<Vec<_>>(), "{row:?}");
        let (attempts, mut answers) = (row.attempts(), Vec::new());
        for (attempt, (shown, entry)) in attempts.iter().zip(&entries).enumerate() {
            if *shown == TIMED_OUT {
                // Attempts have no timeout of their own, so only the deadline ends one early, and with it the call.
                assert_eq!((attempt + 1, row.end.as_str()), (attempts.len(), "deadline_exceeded"), "{row:?}");
                unheard += usize::from(entry.status == Some(200));
                answers.push(TIMED_OUT);
            } else {
                answers.push(in_words(entry.status));
            }
        }
        assert_eq!(attempts, answers, "{row:?}");
        let retries = row.attempts().len().saturating_sub(1);
        assert!(row.waits().len() >= retries, "a retry without a wait: {row:?}");
        assert_eq!(row.end == "success", row.attempts().last() == Some(&"success"), "{row:?}");
    }
    assert!(by_call.is_empty(), "the server saw calls that the page does not show: {by_call:?}");

    let succeeded = log.iter().filter(|entry| entry.status == Some(200)).count() - unheard;
    assert_eq!(shown.number("requests"), log.len());
    assert_eq!(shown.number("logged"), log.len());
    assert_eq!(shown.number("succeeded"), succeeded);
    assert_eq!(shown.number("busiest"), busiest(log));
    assert_eq!(shown.number("calls"), shown.rows.len());
    assert_eq!(shown.number("calls"), succeeded + shown.number("gave_up") + shown.number("rejected"));
    assert!(shown.status.contains("The server's log has the same number of requests."), "{}", shown.status);
}

fn in_words(status: Option<u16>) -> &'static str {
    match status {
        Some(200) => "success",
        Some(403) => "permission",
        Some(429) => "rate_limit",
        Some(503) => "server_error",
        None => "transient",
        Some(_) => "an answer that no plan has",
    }
}
