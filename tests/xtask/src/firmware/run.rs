//! Images on emulated cores. The exit code of an image is its verdict.

use std::{
    env, fmt,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};

use super::{IMAGES, emulator};
use crate::{
    bare::Bare,
    cmd::{Process, cmd, root, target},
};

/// An image that is started with some words as its arguments, and stopped after a limit.
#[derive(Debug)]
struct Start<'a> {
    name: &'a str,
    package: &'a str,
    seconds: u64,
    words: &'a [&'a str],
}

/// Devices and a modem, joined by sockets.
#[derive(Debug)]
struct Session<'a> {
    /// The name of its logs.
    name: &'a str,
    package: &'a str,
    /// What the modem plays: the file, and words.
    script: &'a str,
    modem: &'a [&'a str],
    /// Words of each device beside its number.
    words: &'a [&'a str],
    seconds: u64,
    devices: &'a [&'a str],
}

impl<'a> Session<'a> {
    /// A session of `uplink`, in real time.
    const fn uplink(name: &'a str, script: &'a str, seconds: u64, devices: &'a [&'a str]) -> Self {
        Self { name, package: "uplink", script, modem: &[], words: &[], seconds, devices }
    }
}

#[derive(Debug)]
struct Runs<'a> {
    bare: &'a Bare,
    logs: PathBuf,
    passed: usize,
    failed: usize,
}

/// Runs every image through all of its stories.
pub(super) fn all(bare: &Bare) -> Result<()> {
    let logs = env::var_os("FIRMWARE_LOGS").map_or_else(|| root().join("target/firmware-logs"), PathBuf::from);
    if logs.exists() {
        fs::remove_dir_all(&logs)?;
    }
    fs::create_dir_all(&logs)?;
    let mut runs = Runs { bare, logs, passed: 0, failed: 0 };

    runs.image("sensor", "sensor", 20, 0, &["device=7"])?;
    // The counter wraps six seconds after the start, in the middle of the outage.
    runs.image("sensor-late", "sensor", 20, 0, &["device=8", "first=4294961296"])?;
    runs.image("sensor-wrap", "sensor", 20, 0, &["device=9", "wrap"])?;
    runs.image("sensor-without-id", "sensor", 20, 2, &[])?;
    runs.image("rtic", "rtic-tasks", 20, 0, &[])?;
    runs.image("interrupts", "interrupts", 60, 0, &[])?;
    runs.image("night-reset", "night", 20, 0, &["device=7"])?;
    runs.image("night-without-id", "night", 20, 2, &[])?;
    runs.night_without_power()?;
    runs.night_with_garbage("night-noise", 73)?;
    runs.night_with_garbage("night-short", 7)?;
    runs.image("riscv", "riscv-blocking", 20, 0, &["device=7"])?;
    runs.image("riscv-without-id", "riscv-blocking", 20, 2, &[])?;
    runs.image("uplink-without-id", "uplink", 10, 2, &[])?;
    let healthy = Session::uplink("healthy", "scripts/healthy.toml", 20, &["7"]);
    runs.session(&Session { words: &["requests=5"], ..healthy })?;
    let faults = Session::uplink("faults", "scripts/faults.toml", 60, &["7", "1007"]);
    runs.session(&Session { words: &["requests=14"], ..faults })?;
    // The minute of outage takes fifteen seconds.
    let outage = Session::uplink("outage", "scripts/outage.toml", 90, &["7", "1007"]);
    runs.session(&Session { words: &["requests=8", "scale=4"], modem: &["--scale", "4"], ..outage })?;
    runs.events("outage-7", "uplink", &OUTAGE)?;
    runs.image("week-without-id", "week", 10, 2, &[])?;
    // In simulated time, so it takes seconds and repeats exactly.
    let week = Session::uplink("week", "plans/week.toml", 90, &["7", "1007"]);
    runs.session(&Session { package: "week", modem: &["--simulated"], ..week })?;
    runs.events("week-7", "uplink", &WEEK)?;

    let Runs { logs, passed, failed, .. } = runs;
    eprintln!("{passed} passed, {failed} failed; logs in {}", logs.strip_prefix(root()).unwrap_or(&logs).display());
    if failed == 0 { Ok(()) } else { bail!("{failed} runs failed") }
}

/// Events that the log of a device which lives through an outage has, each with its operation.
const OUTAGE: [&str; 8] = [
    "retry",
    "max_attempts_exceeded",
    "budget_exhausted",
    "circuit_opened",
    "circuit_rejected",
    "circuit_half_open",
    "circuit_closed",
    "success",
];

/// Events that the log of a device which keeps a session for a week has. The first session lasts for six hours, a few seconds less, and
/// the next one is established after ten hours offline, a few seconds more.
const WEEK: [&str; 8] = [
    "session_lost … elapsed=215",
    "session_established … elapsed=360",
    "retry",
    "scheduled",
    "circuit_opened",
    "circuit_rejected",
    "circuit_half_open",
    "circuit_closed",
];

impl Runs<'_> {
    fn verdict(&mut self, name: &str, code: i32, wanted: i32) {
        if code == wanted {
            self.passed += 1;
            eprintln!("pass {name}");
            return;
        }
        self.failed += 1;
        eprintln!("FAIL {name}: {code} instead of {wanted} (exit codes; 124 is the time limit); its log:");
        for kind in ["out", "err", "log"] {
            eprint!("{}", self.read(name, kind));
        }
    }

    fn log(&self, name: &str, kind: impl fmt::Display) -> PathBuf {
        self.logs.join(format!("{name}.{kind}"))
    }

    fn read(&self, name: &str, kind: &str) -> String {
        fs::read(self.log(name, kind)).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    fn elf(&self, package: &str) -> Result<PathBuf> {
        let image = IMAGES.iter().find(|image| image.package == package).context("no such image")?;
        Ok(self.bare.artifacts().join(image.target).join("release").join(package))
    }

    /// Starts an image. What it prints goes to NAME.out, what the emulator prints of a panic to NAME.err.
    fn start(&self, start: &Start<'_>, serial: Option<&Path>) -> Result<Process> {
        let elf = self.elf(start.package)?;
        let image = IMAGES.iter().find(|image| image.package == start.package).context("no such image")?;
        let mut command = emulator(image.target, &elf, start.package, start.words);
        // Where nothing but the image takes part, time is counted in instructions and idle time skipped: such a run
        // repeats exactly, however busy the host is. An instruction takes 64 ns, nearly the cycle of the board's 16 MHz.
        if ["sensor", "interrupts", "riscv-blocking", "rtic-tasks"].contains(&start.package) {
            command.args(["-icount", "shift=6,sleep=off"]);
        }
        match serial {
            None => command.args(["-serial", "none"]),
            Some(path) => command
                .arg("-chardev")
                .arg(format!("socket,id=line,path={},server=on,wait=on", path.display()))
                .args(["-serial", "chardev:line"]),
        };
        command.stdout(File::create(self.log(start.name, "out"))?).stderr(File::create(self.log(start.name, "err"))?);
        Process::start(&mut command)
    }

    /// Waits for an image and returns its exit code. A binary log is decoded to NAME.log.
    fn finish(&self, start: &Start<'_>, emulator: Process) -> Result<i32> {
        let code = emulator.wait(Duration::from_secs(start.seconds))?;
        if ["uplink", "week"].contains(&start.package) {
            let out = self.log(start.name, "out");
            let status = cmd("defmt-print", ["-e"])
                .arg(self.elf(start.package)?)
                .stdin(File::open(&out)?)
                .stdout(File::create(self.log(start.name, "log"))?)
                .status()?;
            if !status.success() {
                return Ok(125);
            }
            fs::remove_file(out)?;
        }
        Ok(code)
    }

    fn image(&mut self, name: &str, package: &str, seconds: u64, wanted: i32, words: &[&str]) -> Result<()> {
        let start = Start { name, package, seconds, words };
        let code = self.finish(&start, self.start(&start, None)?)?;
        self.verdict(name, code, wanted);
        Ok(())
    }

    /// The modem's verdict counts, and so does each device's.
    fn session(&mut self, session: &Session<'_>) -> Result<()> {
        let &Session { name, package, script, modem: modem_words, words, seconds, devices } = session;
        // Not under the log directory: a socket's path may have 107 bytes.
        let sockets = env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
        fs::create_dir_all(&sockets)?;
        let mut running = Vec::new();
        let mut modem = cmd(&target().join("debug/modem").display().to_string(), ["--script"]);
        modem.arg(root().join("tests/modem").join(script));
        modem.args(["--limit", &seconds.to_string()]).args(modem_words);
        for device in devices {
            let number = format!("device={device}");
            let words: Vec<&str> = words.iter().copied().chain([number.as_str()]).collect();
            let name = format!("{name}-{device}");
            let socket = sockets.join(device);
            modem.arg("--connect").arg(format!("unix:{}", socket.display()));
            let start = Start { name: &name, package, seconds, words: &words };
            let emulator = self.start(&start, Some(&socket))?;
            running.push((name, emulator));
        }
        let log = File::create(self.log(&format!("{name}-modem"), "log"))?;
        let modem = Process::start(modem.stdout(log.try_clone()?).stderr(log))?;
        // The limit is the modem's own; this one is for a modem that does not keep it.
        let code = modem.wait(Duration::from_secs(seconds + 30))?;
        self.verdict(&format!("{name}-modem"), code, 0);
        for (name, emulator) in running {
            let start = Start { name: &name, package, seconds, words: &[] };
            let code = self.finish(&start, emulator)?;
            self.verdict(&name, code, 0);
        }
        fs::remove_dir_all(sockets)?;
        Ok(())
    }

    /// The decoded log of a device has each of these events, of this operation. `…` stands for any text.
    fn events(&mut self, name: &str, operation: &str, events: &[&str]) -> Result<()> {
        let log = fs::read(self.log(name, "log")).with_context(|| format!("no log of {name}"))?;
        let log = String::from_utf8_lossy(&log);
        let is_there = |event: &str| {
            let event = format!("{operation}: {event}");
            log.lines().any(|line| event.split(" … ").all(|part| line.contains(part)))
        };
        let missing = events.iter().find(|event| !is_there(event));
        if let Some(event) = missing {
            eprintln!("no event {event}");
        }
        self.verdict(&format!("{name}-events"), i32::from(missing.is_some()), 0);
        Ok(())
    }

    /// A device that loses its RAM is started again with what it printed last, for as long as it asks to be. Its clock has
    /// a battery.
    fn night_without_power(&mut self) -> Result<()> {
        let (mut name, mut code) = (String::new(), 10);
        let mut checkpoint = None;
        for start in 1..=10 {
            name = format!("night-power-{start}");
            let rtc = format!("rtc={}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis());
            let words: Vec<&str> =
                ["device=7", "power=off"].into_iter().chain(checkpoint.as_deref()).chain([rtc.as_str()]).collect();
            let start = Start { name: &name, package: "night", seconds: 20, words: &words };
            code = self.finish(&start, self.start(&start, None)?)?;
            if code != 10 {
                break;
            }
            checkpoint = last_checkpoint(&self.read(&name, "out")).map(str::to_owned);
        }
        self.verdict(&name, code, 0);
        Ok(())
    }

    /// A record of random bytes is refused, and the night begins from the start.
    fn night_with_garbage(&mut self, name: &str, bytes: usize) -> Result<()> {
        let checkpoint = format!("checkpoint={}", noise(bytes)?);
        let words = ["device=7", "power=off", &checkpoint];
        let start = Start { name, package: "night", seconds: 20, words: &words };
        let mut code = self.finish(&start, self.start(&start, None)?)?;
        let out = self.read(name, "out");
        let has = |begin: &str| out.lines().any(|line| line.starts_with(begin));
        if !has("refused: ") || !has("cold start") {
            code = 1;
        }
        self.verdict(name, code, 10);
        Ok(())
    }
}

/// Returns the record that a device printed, as the word which it is started with.
fn last_checkpoint(out: &str) -> Option<&str> {
    let is_record = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    out.lines().map(str::trim_end).rfind(|line| line.strip_prefix("checkpoint=").is_some_and(is_record))
}

/// Returns random bytes in hexadecimal digits.
fn noise(bytes: usize) -> Result<String> {
    use std::{fmt::Write, io::Read};
    let mut noise = vec![0; bytes];
    File::open("/dev/urandom")?.read_exact(&mut noise)?;
    Ok(noise.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_record_is_taken() {
        let out = "cold start\ncheckpoint=00\ncheckpoint=12ab\r\ncheckpoint=xy\n";
        assert_eq!(last_checkpoint(out), Some("checkpoint=12ab"));
        assert_eq!(last_checkpoint("refused: short\n"), None);
    }

    #[test]
    fn noise_has_two_digits_for_each_byte() {
        assert_eq!(noise(7).unwrap().len(), 14);
    }
}
