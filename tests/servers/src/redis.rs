//! Redis.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    process::Command,
};

use crate::{daemon::Daemon, owner::Owner, port, tool};

/// An empty Redis of one's own, on loopback; it keeps nothing on disk.
#[derive(Debug)]
pub struct Redis {
    daemon: Daemon,
    port: u16,
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
        let daemon = Daemon::start(command, &owner, &directory, "Ready to accept connections")?;
        Ok(Self { daemon, port })
    }

    /// Ends the server at once.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn kill(&mut self) -> io::Result<()> {
        self.daemon.kill()
    }

    /// Where it listens, or listened.
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)
    }
}
