//! Who cleans up.

use std::{
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::owner::Owner;

/// A shell that waits for the end of this value or of the process, then stops a server and removes its directory.
#[derive(Debug)]
pub(crate) struct Janitor(Child);

impl Janitor {
    /// `stop`: what to run in the server's directory.
    pub(crate) fn hire(owner: &Owner, directory: &Path, stop: &str) -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh");
        // Nobody writes to its input: it ends when all who could are gone.
        shell.args(["-c", &format!("read -r _; {stop}; cd /; rm -rf \"$0\"")]).arg(directory);
        shell.current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Out of the terminal's group: an interrupt from the keyboard is for the program.
        shell.process_group(0);
        owner.take(&mut shell);
        shell.spawn().map(Self)
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // There is nobody to tell.
        let _ = self.0.wait();
    }
}
