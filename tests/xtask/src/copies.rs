//! Copies of the sources, in which something is changed.
//!
//! `tests/mutants` compiles this file as well, so it needs nothing of this program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// Lists the files of a repository that git knows, those of a change among them, relative to it.
pub(crate) fn files(repository: &Path) -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(repository);
    let output = git.output().context("cannot start git")?;
    if !output.status.success() {
        bail!("git does not list its files: {}", String::from_utf8_lossy(&output.stderr));
    }
    let list = String::from_utf8(output.stdout)?;
    Ok(list.lines().map(PathBuf::from).filter(|file| repository.join(file).is_file()).collect())
}

/// Writes a file of a copy and the directories that it is in. What is as it should be is left as it is, so that cargo sees only what
/// has changed.
pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    let bytes = bytes.as_ref();
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().context("no directory")?)?;
    fs::write(path, bytes).with_context(|| path.display().to_string())
}
