//! Redis.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

use crate::{janitor::Janitor, owner::Owner, port, tool};

/// An empty Redis of one's own, on loopback; it keeps nothing on disk.
#[derive(Debug)]
pub struct Redis {
    server: Child,
    pidfile: PathBuf,
    port: u16,
    _janitor: Janitor,
}

impl Redis {
    /// What everybody has to log in with.
    pub const PASSWORD: &str = "on-loopback-only";

    /// Starts a server with these options added, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// Redis's server is not installed: the error names the package. Or it did not start: the error has its log.
    pub fn start(options: &[&str]) -> io::Result<Self> {
        let program = tool::find("redis-server", Vec::new, "redis-server")?;
        let owner = Owner::find("redis")?;
        let port = port::free()?;
        let directory = owner.directory()?;
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--requirepass", Self::PASSWORD]);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--pidfile", "pid"]).args(options);
        let (log, writer) = io::pipe()?;
        command.current_dir(&directory).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        owner.take(&mut command);
        let server = command.spawn()?;
        // It holds what the server writes to, and the server's must be the last.
        drop(command);
        let janitor = Janitor::hire(&owner, &directory, "test -f pid && kill -9 \"$(cat pid)\"")?;

        let mut log = BufReader::new(log).lines();
        let mut said = String::new();
        loop {
            let Some(line) = log.next().transpose()? else {
                return Err(io::Error::other(format!("Redis does not start: {}", said.trim())));
            };
            if line.contains("Ready to accept connections") {
                break;
            }
            said += &line;
            said.push('\n');
        }
        // It goes on writing, and would stop at a full pipe.
        thread::spawn(move || log.for_each(drop));
        Ok(Self { server, pidfile: directory.join("pid"), port, _janitor: janitor })
    }

    /// Ends the server at once.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn kill(&mut self) -> io::Result<()> {
        self.server.kill()?;
        self.server.wait()?;
        // The number may soon be somebody else's.
        fs::remove_file(&self.pidfile)
    }

    /// Where it listens, or listened.
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // The janitor would kill it too, but this process has to take leave of its child.
        let _ = self.kill();
    }
}
