//! Mosquitto, an MQTT broker.

use std::{fs, io, process::Command};

use crate::{daemon::Daemon, owner::Owner, port, tool};

/// A Mosquitto of one's own, on loopback. [`USER`](Self::USER) logs in with [`PASSWORD`](Self::PASSWORD), and nobody else.
#[derive(Debug)]
pub struct Mosquitto {
    daemon: Daemon,
    port: u16,
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
        let settings = directory.join("mosquitto.conf");
        let users = directory.join("users");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\npid_file {}\n",
            users.display(),
            directory.join("pid").display()
        );
        fs::write(&settings, text)?;
        owner.own(&settings)?;
        let mut command = Command::new(program);
        command.arg("-v").arg("-c").arg(&settings);
        let daemon = Daemon::start(command, &owner, &directory, "running")?;
        Ok(Self { daemon, port })
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
