//! `PostgreSQL`.

use std::{
    fs, io,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{janitor::Janitor, owner::Owner, port, tool};

/// What a private server is told. Nobody's data is at stake, so it does not wait for the disk.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 20
shared_buffers = 16MB
fsync = off
full_page_writes = off
deadlock_timeout = 50ms
autovacuum = off
";

/// A cluster of one's own, on loopback.
///
/// Its superuser is [`USER`](Self::USER), who logs in with [`PASSWORD`](Self::PASSWORD).
#[derive(Debug)]
pub struct Postgres {
    pg_ctl: PathBuf,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    owner: Owner,
    _janitor: Janitor,
}

impl Postgres {
    /// The superuser.
    pub const USER: &str = "postgres";
    /// The superuser's password.
    pub const PASSWORD: &str = "on loopback only";

    /// A new cluster, not yet started. Takes a second or two.
    ///
    /// # Errors
    ///
    /// `PostgreSQL`'s server is not installed: the error names the package. Or its programs failed.
    pub fn create() -> io::Result<Self> {
        let find = |program| tool::find(program, tool::postgres_directories, "postgresql");
        let (initdb, pg_ctl) = (find("initdb")?, find("pg_ctl")?);
        let owner = Owner::find("postgres")?;
        let port = port::free()?;
        let directory = owner.directory()?;
        let data = directory.join("data");
        let stop = format!("'{}' stop --silent --mode immediate --pgdata data", pg_ctl.display());
        let janitor = Janitor::hire(&owner, &directory, &stop)?;

        let password = directory.join("password");
        fs::write(&password, Self::PASSWORD)?;
        owner.own(&password)?;
        let mut command = Command::new(initdb);
        command.args(["--username", Self::USER, "--auth", "scram-sha-256", "--pwfile"]).arg(password);
        command.args(["--no-sync", "--no-instructions", "--no-locale", "--encoding", "UTF8", "--pgdata"]).arg(&data);
        tool::run(command.current_dir(&directory), &owner)?;

        let settings = data.join("postgresql.conf");
        fs::write(&settings, format!("{}{SETTINGS}port = {port}\n", fs::read_to_string(&settings)?))?;
        Ok(Self { pg_ctl, data, log: directory.join("log"), port, owner, _janitor: janitor })
    }

    /// A new cluster, started.
    ///
    /// # Errors
    ///
    /// As those of [`create`](Self::create).
    pub fn start() -> io::Result<Self> {
        let server = Self::create()?;
        server.up()?;
        Ok(server)
    }

    /// Starts the server and waits until it takes connections, after its crash recovery if there is one.
    ///
    /// # Errors
    ///
    /// It runs already, or cannot.
    pub fn up(&self) -> io::Result<()> {
        let mut command = self.pg_ctl("start");
        command.args(["--wait", "--timeout", "60", "--log"]).arg(&self.log);
        // The server inherits them: a pipe would stay open for as long as it runs.
        self.owner.take(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
        if command.status()?.success() {
            return Ok(());
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        Err(io::Error::other(format!("PostgreSQL does not start: {}", log.trim())))
    }

    /// Stops the server at once, as a power cut would: what was not committed is lost, and the next start recovers.
    ///
    /// # Errors
    ///
    /// It does not run.
    pub fn kill(&self) -> io::Result<()> {
        tool::run(self.pg_ctl("stop").args(["--mode", "immediate"]), &self.owner)
    }

    fn pg_ctl(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.pg_ctl);
        command.args([verb, "--silent", "--pgdata"]).arg(&self.data).current_dir(&self.data);
        command
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }
}
