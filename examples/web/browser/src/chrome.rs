//! A headless Chromium with its driver, on loopback, as long as a test needs it.

use std::{env, error::Error, fs, path::PathBuf, process::Stdio, time::Duration};

use fantoccini::{
    Client, ClientBuilder,
    actions::{InputSource, KeyAction, KeyActions},
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time,
};
use url::Url;

/// The result of a step of the browser test; its errors end the test.
pub type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Chromium's flags. They keep the browser's own requests off the network, since the page under test is on loopback.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
];

/// How long anything may take; a browser on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(40);

/// A browser with one page.
#[derive(Debug)]
pub struct Chrome {
    client: Client,
    // Both end when they are dropped.
    driver: Child,
    _profile: TempDir,
}

impl Chrome {
    /// Starts Debian's `chromium` by `chromedriver`, or fails: a test without a browser proves nothing.
    pub async fn start() -> Result<Self> {
        let profile = TempDir::new()?;
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("chromedriver is not there (`cargo xtask web setup` installs it): {error}"))?;
        let port = time::timeout(PATIENCE, port(&mut driver)).await??;

        let mut args: Vec<_> = FLAGS.map(str::to_owned).into();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let mut wanted = Capabilities::new();
        wanted.insert("goog:chromeOptions".to_owned(), json!({ "args": args }));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await?;
        Ok(Self { client, driver, _profile: profile })
    }

    /// Loads a page.
    pub async fn open(&self, address: &str) -> Result<()> {
        Ok(self.client.goto(address).await?)
    }

    /// The value of a JavaScript expression.
    pub async fn eval(&self, expression: &str) -> Result<Value> {
        Ok(self.client.execute(&format!("return {expression}"), Vec::new()).await?)
    }

    /// Waits until a JavaScript expression is true.
    pub async fn until(&self, condition: &str) -> Result<()> {
        let wait = async {
            while self.eval(condition).await? != Value::Bool(true) {
                time::sleep(Duration::from_millis(30)).await;
            }
            Ok(())
        };
        time::timeout(PATIENCE, wait).await.map_err(|_| format!("never true: {condition}"))?
    }

    /// Presses and releases a key: a character, or one of the code points which the driver has for the others.
    pub async fn press(&self, key: char) -> Result<()> {
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: key })
            .then(KeyAction::Up { value: key });
        Ok(self.client.perform_actions(keys).await?)
    }

    /// Makes the window's inside so large.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await
    }

    /// Gives media features the values a person may have chosen.
    pub async fn prefer(&self, features: &[(&str, &str)]) -> Result<()> {
        let features: Vec<_> = features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await
    }

    /// Keeps a picture of the whole page, `width` wide, in `WEB_SHOTS` (default `target/web` of this workspace).
    pub async fn shot(&self, name: &str, width: u32) -> Result<()> {
        let directory = env::var_os("WEB_SHOTS")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/web"), PathBuf::from);
        fs::create_dir_all(&directory)?;
        let height = self.eval("document.documentElement.scrollHeight").await?;
        self.resize(width, height.as_u64().and_then(|height| height.try_into().ok()).unwrap_or(1_000)).await?;
        // The chart is drawn anew when its size changes, which the browser tells it with the next frame.
        let frames = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))";
        self.client.execute_async(frames, Vec::new()).await?;
        fs::write(directory.join(name), self.client.screenshot().await?)?;
        Ok(())
    }

    /// Ends the browser and its driver.
    pub async fn close(mut self) -> Result<()> {
        self.client.close().await?;
        Ok(self.driver.kill().await?)
    }

    async fn devtools(&self, method: &'static str, params: Value) -> Result<()> {
        self.client.issue_cmd(DevTools { method, params }).await?;
        Ok(())
    }
}

/// The driver says on which port it listens.
async fn port(driver: &mut Child) -> Result<u16> {
    let output = driver.stdout.take().ok_or("chromedriver has no output")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, port)) = line.split_once("successfully on port ") {
            return Ok(port.trim_end_matches('.').parse()?);
        }
    }
    Err("chromedriver ended before it listened".into())
}

/// A command of Chromium's own protocol, for what the standard protocol of its driver lacks.
#[derive(Debug)]
struct DevTools {
    method: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _request: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.method, "params": self.params }).to_string()))
    }
}
