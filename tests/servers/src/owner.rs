//! Whose processes and files a server's are.

use std::{
    io,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::{User, geteuid};

/// The user a server runs as: this one, or, if this is root, another.
#[derive(Debug)]
pub(crate) struct Owner(Option<User>);

impl Owner {
    /// `name`: who it is by choice, if this is root.
    pub(crate) fn find(name: &str) -> io::Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self(None));
        }
        let user = User::from_name(name)?.or(User::from_name("nobody")?);
        user.map(|user| Self(Some(user))).ok_or_else(|| io::Error::other(format!("no user {name}, and no nobody")))
    }

    /// Runs a command as this user.
    pub(crate) fn take(&self, command: &mut Command) {
        if let Some(user) = &self.0 {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
    }

    /// A new, empty directory of this user.
    pub(crate) fn directory(&self) -> io::Result<PathBuf> {
        let directory = tempfile::Builder::new().prefix("redress-").tempdir()?;
        self.own(directory.path())?;
        Ok(directory.keep())
    }

    /// Gives a file to this user.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |user| chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())))
    }
}
