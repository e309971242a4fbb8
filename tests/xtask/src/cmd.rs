//! Commands and the places that they run in.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Returns the repository's directory.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// Returns the target directory of the repository's workspace.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |directory| root().join(directory))
}

/// Returns the directory of tools that cargo builds once.
pub(crate) fn tools() -> PathBuf {
    root().join("target/tools")
}

/// Builds a command in the repository's directory. Programs in [`tools`] are found before those of the system.
///
/// Removes what cargo sets for the program that it runs, so that commands see the caller's environment.
/// Artifacts are made once and seldom debugged, so they have neither debug information nor incremental state.
pub(crate) fn cmd<A>(program: &str, args: A) -> Command
where
    A: IntoIterator,
    A::Item: AsRef<OsStr>,
{
    // The search path of this process decides, so tools are looked up here.
    let tool = tools().join("bin").join(program);
    let mut command = if tool.is_file() { Command::new(tool) } else { Command::new(program) };
    command
        .args(args)
        .current_dir(root())
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("PATH", search_path());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(set_by_cargo_run) {
            command.env_remove(name);
        }
    }
    match library_path() {
        Some(path) => command.env("LD_LIBRARY_PATH", path),
        None => command.env_remove("LD_LIBRARY_PATH"),
    };
    command
}

/// Builds a command from a line of shell.
pub(crate) fn shell(line: &str) -> Command {
    cmd("sh", ["-c", line])
}

/// Builds a cargo command from words separated by spaces.
pub(crate) fn cargo(words: &str) -> Command {
    cmd("cargo", words.split_whitespace())
}

/// Prints a line of shell, then runs it in a directory.
pub(crate) fn run_line(line: &str, directory: &Path) -> Result<()> {
    println!("+ {line}");
    let status = shell(line).current_dir(directory).stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { bail!("`{line}` failed: {status}") }
}

/// Runs a command; a failure names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", line(command)))?;
    if status.success() { Ok(()) } else { bail!("`{}` failed: {status}", line(command)) }
}

/// Runs a command and returns what it writes to its standard output, without space at the ends.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", line(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns a command as it would be typed.
fn line(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A process that is killed when the value is dropped before its end.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        command.spawn().map(Self).with_context(|| format!("cannot start `{}`", line(command)))
    }

    /// Waits for the end, at most until the limit. Returns the exit code: 124 after the limit, 125 after a signal.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<i32> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status.code().unwrap_or(125));
            }
            if Instant::now() >= end {
                return Ok(124);
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Neither has an effect, nor is an error of importance, after the end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the path of a program, from the search path or, as a user's has them not, from the system's directories.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&search_path())
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let all = [tools().join("bin")].into_iter().chain(env::split_paths(&path));
    env::join_paths(all).unwrap_or(path)
}

/// Says whether `cargo run` sets this variable for its program.
fn set_by_cargo_run(name: &str) -> bool {
    name == "CARGO" || name == "CARGO_MANIFEST_DIR" || name == "CARGO_MANIFEST_PATH" || name.starts_with("CARGO_PKG_")
}

/// Returns the library path without what cargo put before it: directories of this workspace and of the toolchain.
fn library_path() -> Option<&'static OsString> {
    static PATH: OnceLock<Option<OsString>> = OnceLock::new();
    PATH.get_or_init(|| {
        let all = env::var_os("LD_LIBRARY_PATH")?;
        let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().map(|output| output.stdout);
        let sysroot = String::from_utf8_lossy(&sysroot.unwrap_or_default()).into_owned();
        let rest: Vec<_> = env::split_paths(&all)
            .filter(|path| !path.starts_with(target()) && !path.starts_with(sysroot.trim()))
            .collect();
        if rest.is_empty() { None } else { env::join_paths(rest).ok() }
    })
    .as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("redress-core/Cargo.toml").is_file());
    }

    #[test]
    fn only_what_describes_this_package_is_removed() {
        assert!(set_by_cargo_run("CARGO_PKG_NAME") && set_by_cargo_run("CARGO"));
        assert!(!set_by_cargo_run("CARGO_HOME") && !set_by_cargo_run("CARGO_TARGET_DIR"));
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run_line("exit 3", root()).unwrap_err().to_string();
        assert_eq!(error, "`exit 3` failed: exit status: 3");
        assert_eq!(run(&mut shell("exit 4")).unwrap_err().to_string(), "`sh -c exit 4` failed: exit status: 4");
        assert!(run_line("true", root()).is_ok());
    }

    #[test]
    fn commands_do_not_see_this_package() {
        assert_eq!(read(&mut shell("echo \"$CARGO_PKG_NAME$CARGO_MANIFEST_DIR\"")).unwrap(), "");
        assert_eq!(read(&mut shell("echo \"$CARGO_INCREMENTAL\"")).unwrap(), "0");
    }

    #[test]
    fn a_process_without_an_end_is_killed_at_the_limit() {
        let endless = Process::start(&mut shell("exec sleep 600")).unwrap();
        assert_eq!(endless.wait(Duration::ZERO).unwrap(), 124);
        let short = Process::start(&mut shell("exit 7")).unwrap();
        assert_eq!(short.wait(Duration::from_secs(600)).unwrap(), 7);
    }

    #[test]
    fn programs_are_found_or_not() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-of-anyone"), None);
    }
}
