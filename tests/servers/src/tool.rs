//! Programs of the system.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use crate::owner::Owner;

/// Finds a program, in `PATH` or else in the newest of the directories.
pub(crate) fn find(program: &str, directories: impl FnOnce() -> Vec<PathBuf>, package: &str) -> io::Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).chain(directories()).map(|directory| directory.join(program));
    found.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let message = format!("no {program} on this machine: install Debian's package {package} or its like");
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}

/// Directories `/usr/lib/postgresql/*/bin`, the newest release first.
pub(crate) fn postgres_directories() -> Vec<PathBuf> {
    let release = |path: &Path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let mut releases: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    releases.sort_by_key(|path| std::cmp::Reverse(release(path)));
    releases.into_iter().map(|release| release.join("bin")).collect()
}

/// Runs a command to its end; one that fails is an error with what it wrote.
pub(crate) fn run(command: &mut Command, owner: &Owner) -> io::Result<()> {
    owner.take(command);
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{}: {}: {}", command.get_program().display(), output.status, said.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_misses_a_program_is_told_what_to_install() {
        let error = find("initdb-of-nowhere", || vec![PathBuf::from("/nowhere")], "postgresql").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let message = "no initdb-of-nowhere on this machine: install Debian's package postgresql or its like";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn a_program_is_found_in_the_path_or_in_a_directory() {
        assert!(find("sh", Vec::new, "dash").unwrap().is_file());
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("initdb-of-nowhere"), "").unwrap();
        let found = find("initdb-of-nowhere", || vec![directory.path().to_owned()], "postgresql").unwrap();
        assert_eq!(found.parent(), Some(directory.path()));
    }

    #[test]
    fn a_command_that_fails_says_why() {
        let owner = Owner::find("postgres").unwrap();
        let error = run(Command::new("/bin/sh").args(["-c", "echo because >&2; exit 3"]), &owner).unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh: exit status: 3: because");
    }
}
