//! Servers that stay in the foreground and log to their output.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::{janitor::Janitor, owner::Owner};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    server: Child,
    pidfile: PathBuf,
    log: Log,
    _janitor: Janitor,
}

/// What a server has logged, line by line.
type Log = Arc<Mutex<Vec<String>>>;

impl Daemon {
    /// Starts a server in its directory and waits until it logs that it is ready. It writes its number to the file `pid`.
    pub(crate) fn start(command: Command, owner: &Owner, directory: &PathBuf, ready: &str) -> io::Result<Self> {
        let log = Log::default();
        let server = Self::spawn(command, owner, directory, ready, &log)?;
        let janitor = Janitor::hire(owner, directory, "test -f pid && kill -9 \"$(cat pid)\"")?;
        Ok(Self { server, pidfile: directory.join("pid"), log, _janitor: janitor })
    }

    /// Ends the server, if it runs, and starts it again in the same directory. Its log goes on.
    pub(crate) fn restart(
        &mut self,
        command: Command,
        owner: &Owner,
        directory: &PathBuf,
        ready: &str,
    ) -> io::Result<()> {
        self.kill()?;
        self.server = Self::spawn(command, owner, directory, ready, &self.log)?;
        Ok(())
    }

    /// Returns what the server has logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn spawn(mut command: Command, owner: &Owner, directory: &PathBuf, ready: &str, lines: &Log) -> io::Result<Child> {
        let name = command.get_program().to_string_lossy().into_owned();
        let (log, writer) = io::pipe()?;
        command.current_dir(directory).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        owner.take(&mut command);
        let server = command.spawn()?;
        // It holds what the server writes to, and the server's must be the last.
        drop(command);

        let mut log = BufReader::new(log).lines();
        let mut said = String::new();
        loop {
            let Some(line) = log.next().transpose()? else {
                return Err(io::Error::other(format!("{name} does not start: {}", said.trim())));
            };
            if line.contains(ready) {
                break;
            }
            said += &line;
            said.push('\n');
        }
        // It goes on writing, and would stop at a full pipe.
        let lines = Arc::clone(lines);
        thread::spawn(move || {
            for line in log.map_while(Result::ok) {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Ok(server)
    }

    /// Ends the server at once.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.server.kill()?;
        self.server.wait()?;
        // The number may soon be somebody else's.
        match fs::remove_file(&self.pidfile) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The janitor would kill it too, but this process has to take leave of its child.
        let _ = self.kill();
    }
}
