//! Mosquitto, an MQTT broker.

use std::{fs, io, path::PathBuf, process::Command};

use crate::{daemon::Daemon, owner::Owner, port, tool};

const SETTINGS: &str = "mosquitto.conf";
/// What the broker logs when it takes connections.
const READY: &str = "running";

/// A Mosquitto of one's own, on loopback. [`USER`](Self::USER) logs in with [`PASSWORD`](Self::PASSWORD), and nobody else.
#[derive(Debug)]
pub struct Mosquitto {
    daemon: Daemon,
    port: u16,
    program: PathBuf,
    owner: Owner,
    directory: PathBuf,
}

impl Mosquitto {
    /// Who may log in.
    pub const USER: &str = "sensor";
    /// With this password.
    pub const PASSWORD: &str = "on-loopback-only";

    /// Starts a broker, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// Mosquitto is not installed: the error names the package. Or it did not start: the error has its log.
    pub fn start() -> io::Result<Self> {
        let find = |program| tool::find(program, || vec!["/usr/sbin".into()], "mosquitto");
        let (program, passwords) = (find("mosquitto")?, find("mosquitto_passwd")?);
        let owner = Owner::find("mosquitto")?;
        let port = port::free()?;
        let directory = owner.directory()?;
        let mut command = Command::new(passwords);
        command.args(["-c", "-b", "users", Self::USER, Self::PASSWORD]).current_dir(&directory);
        tool::run(&mut command, &owner)?;
        let settings = directory.join(SETTINGS);
        let users = directory.join("users");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\npid_file {}\n",
            users.display(),
            directory.join("pid").display()
        );
        fs::write(&settings, text)?;
        owner.own(&settings)?;
        let daemon = Daemon::start(Self::command(&program), &owner, &directory, READY)?;
        Ok(Self { daemon, port, program, owner, directory })
    }

    /// Ends the broker, if it runs, and starts it again on the same port. Its log goes on.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn restart(&mut self) -> io::Result<()> {
        self.daemon.restart(Self::command(&self.program), &self.owner, &self.directory, READY)
    }

    /// Returns what the broker has logged since it was ready, line by line.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.daemon.log()
    }

    /// Returns the command that runs the broker in its directory.
    fn command(program: &PathBuf) -> Command {
        let mut command = Command::new(program);
        command.args(["-v", "-c", SETTINGS]);
        command
    }

    /// Ends the broker at once.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn kill(&mut self) -> io::Result<()> {
        self.daemon.kill()
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }
}
