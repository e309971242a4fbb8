//! `MariaDB`.

use std::{fs, io, process::Command};

use crate::{daemon::Daemon, owner::Owner, port, tool};

/// An empty `MariaDB` of one's own, on loopback.
///
/// Its superuser is [`USER`](Self::USER), who logs in with [`PASSWORD`](Self::PASSWORD).
#[derive(Debug)]
pub struct MariaDb {
    daemon: Daemon,
    port: u16,
}

impl MariaDb {
    /// The superuser.
    pub const USER: &str = "clerk";
    /// The superuser's password.
    pub const PASSWORD: &str = "on-loopback-only";

    /// Starts a server with these options added, and waits until it takes connections. Takes some seconds.
    ///
    /// # Errors
    ///
    /// `MariaDB`'s server is not installed: the error names the package. Or it did not start: the error has its log.
    pub fn start(options: &[&str]) -> io::Result<Self> {
        let find = |program| tool::find(program, || vec!["/usr/sbin".into()], "mariadb-server");
        let (install, program) = (find("mariadb-install-db")?, find("mariadbd")?);
        let owner = Owner::find("mysql")?;
        let port = port::free()?;
        let directory = owner.directory()?;
        let mut command = Command::new(install);
        command.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]);
        tool::run(
            command.arg(format!("--datadir={}", directory.join("data").display())).current_dir(&directory),
            &owner,
        )?;

        let users = directory.join("users.sql");
        let (user, password) = (Self::USER, Self::PASSWORD);
        let sql =
            format!("CREATE USER {user} IDENTIFIED BY '{password}'; GRANT ALL ON *.* TO {user} WITH GRANT OPTION;\n");
        fs::write(&users, sql.replace("; ", ";\n"))?;
        owner.own(&users)?;
        let mut command = Command::new(program);
        command.args(["--no-defaults", "--bind-address=127.0.0.1", &format!("--port={port}")]);
        command.args(["--skip-name-resolve", "--skip-log-bin"]);
        for (option, file) in
            [("--datadir", "data"), ("--pid-file", "pid"), ("--socket", "socket"), ("--init-file", "users.sql")]
        {
            command.arg(format!("{option}={}", directory.join(file).display()));
        }
        command.arg("--innodb-flush-log-at-trx-commit=0").args(options);
        let daemon = Daemon::start(command, &owner, &directory, "ready for connections")?;
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

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }
}
