//! Programs and targets that a fresh machine lacks.
//!
//! Packages come from the distribution, where it has apt and the caller is root or has sudo. Elsewhere the error says what
//! to install. Nothing is ever removed, and the machine's list of sources stays as it is.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::cmd::{cmd, find, read, run, tools};

/// A program, what needs it, and Debian's packages that have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// All of these must be there.
    pub(crate) programs: &'static [&'static str],
    pub(crate) of: &'static str,
    pub(crate) packages: &'static [&'static str],
}

pub(crate) const C_COMPILERS: Need =
    Need { programs: &["cc", "c++", "make"], of: "a C and C++ toolchain", packages: &["build-essential"] };
pub(crate) const VALGRIND: Need = Need { programs: &["valgrind"], of: "Valgrind", packages: &["valgrind"] };
pub(crate) const QEMU_ARM: Need =
    Need { programs: &["qemu-system-arm"], of: "QEMU for Arm", packages: &["qemu-system-arm"] };
pub(crate) const QEMU_RISCV: Need =
    Need { programs: &["qemu-system-riscv32"], of: "QEMU for RISC-V", packages: &["qemu-system-misc"] };
/// Newer releases have it in a package of its own.
const QEMU_RISCV_NEWER: Need = Need { packages: &["qemu-system-riscv"], ..QEMU_RISCV };
pub(crate) const BROWSER: Need =
    Need { programs: &["chromium", "chromedriver"], of: "Chromium", packages: &["chromium", "chromium-driver"] };
/// Servers that tests start on loopback.
pub(crate) const SERVERS: [Need; 4] = [
    Need { programs: &["initdb"], of: "PostgreSQL's server", packages: &["postgresql"] },
    Need { programs: &["redis-server"], of: "Redis' server", packages: &["redis-server"] },
    Need { programs: &["mariadbd"], of: "MariaDB's server", packages: &["mariadb-server"] },
    Need { programs: &["mosquitto"], of: "Mosquitto", packages: &["mosquitto"] },
];

impl Need {
    fn missing(&self) -> Vec<&'static str> {
        self.programs.iter().copied().filter(|program| !present(program)).collect()
    }

    /// Returns what to do by hand.
    fn advice(&self) -> String {
        format!(
            "missing: {} ({}); Debian and Ubuntu: apt install {}",
            self.of,
            self.missing().join(", "),
            self.packages.join(" ")
        )
    }
}

fn present(program: &str) -> bool {
    find(program).is_some() || (program == "initdb" && postgres_directory().is_some())
}

/// Debian keeps the programs of each release of PostgreSQL out of the search path.
fn postgres_directory() -> Option<PathBuf> {
    let releases = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    releases.map(|release| release.path().join("bin")).find(|bin| bin.join("initdb").is_file())
}

/// Installs what is missing; an error lists all that is still missing afterwards.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing = |needs: &[Need]| needs.iter().copied().filter(|need| !need.missing().is_empty()).collect::<Vec<_>>();
    let wanted = missing(needs);
    if wanted.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = wanted.iter().flat_map(|need| need.packages).copied().collect();
    let mut reason = apt(&packages).err();
    // One package that the distribution does not have must not keep the others away.
    if reason.is_some() && wanted.len() > 1 {
        reason = None;
        for need in missing(&wanted) {
            reason = apt(need.packages).err().or(reason);
        }
    }
    if wanted.iter().any(|need| need.of == QEMU_RISCV.of) && !present(QEMU_RISCV.programs[0]) {
        reason = apt(QEMU_RISCV_NEWER.packages).err().or(reason);
    }
    let still: Vec<_> = missing(&wanted).iter().map(Need::advice).collect();
    if still.is_empty() {
        return Ok(());
    }
    let reason = reason.map_or_else(String::new, |reason| format!("\n({reason:#})"));
    bail!("{}{reason}", still.join("\n"))
}

/// Builds a command that runs as root; an error if neither the caller is root nor sudo is there.
fn as_root(words: &[&str]) -> Result<Command> {
    if read(&mut cmd("id", ["-u"]))? == "0" {
        return Ok(cmd(words[0], &words[1..]));
    }
    if find("sudo").is_none() {
        bail!("cannot install packages: not root, and no sudo");
    }
    Ok(cmd("sudo", words))
}

fn run_as_root(words: &[&str]) -> Result<()> {
    run(&mut as_root(words)?)
}

const APT_GET: [&str; 3] = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
const APT_INSTALL: [&str; 5] = ["install", "-y", "-q", "--no-install-recommends", "--no-remove"];

/// Installs packages of the distribution.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    if find("apt-get").is_none() {
        bail!("cannot install packages: no apt-get");
    }
    if run_as_root(&[&APT_GET[..], &["update", "-q"]].concat()).is_err() {
        eprintln!("package lists are not up to date");
    }
    let first = run_as_root(&[&APT_GET[..], &APT_INSTALL, packages].concat());
    if first.is_ok() {
        return first;
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    match codename(&release) {
        Some(codename) => apt_backports(codename, packages),
        None => first,
    }
}

/// Returns the name of this release of Debian, and nothing for another distribution.
fn codename(release: &str) -> Option<&str> {
    let field = |name: &str| {
        release.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.trim_matches(['"', '\''])))
    };
    (field("ID") == Some("debian")).then(|| field("VERSION_CODENAME")).flatten()
}

/// Installs from the backports. A package that is there already in a backported version may forbid the release's own.
fn apt_backports(codename: &str, packages: &[&str]) -> Result<()> {
    eprintln!("trying {codename}-backports");
    // The mirror which this machine uses already.
    let sites = read(&mut cmd("apt-get", ["indextargets", "--format", "$(SITE)", "Created-By: Packages"]))?;
    let site = sites.lines().find(|site| !site.contains("security")).context("apt has no mirror")?;
    let lists = env::temp_dir().join(format!("xtask-apt-{}", std::process::id()));
    let result = backports_in(&lists, site, codename, packages);
    // apt's own files in it belong to root.
    run_as_root(&["rm", "-rf", &lists.display().to_string()])?;
    result
}

fn backports_in(lists: &Path, site: &str, codename: &str, packages: &[&str]) -> Result<()> {
    // While it downloads, apt is another user, which can enter a directory with the usual mode.
    fs::create_dir_all(lists.join("state/partial"))?;
    fs::create_dir_all(lists.join("parts"))?;
    let sources: Vec<_> =
        ["", "-updates", "-backports"].iter().map(|part| format!("deb {site} {codename}{part} main\n")).collect();
    fs::write(lists.join("sources.list"), sources.concat())?;
    let lists = lists.display();
    let options = [
        format!("Dir::Etc::sourcelist={lists}/sources.list"),
        format!("Dir::Etc::sourceparts={lists}/parts"),
        format!("Dir::State::lists={lists}/state"),
    ];
    let options: Vec<&str> = options.iter().flat_map(|option| ["-o", option]).collect();
    let backports = format!("{codename}-backports");
    run_as_root(&[&APT_GET[..], &options, &["update", "-q"]].concat())?;
    run_as_root(&[&APT_GET[..], &options, &APT_INSTALL, &["-t", &backports], packages].concat())
}

/// Says whether the first compiler in the search path has the library of a target.
pub(crate) fn has_target(target: &str) -> bool {
    let print = cmd("rustc", ["--print", "target-libdir", "--target", target]).stderr(Stdio::null()).output();
    print.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

/// Asks rustup for a target that is missing.
pub(crate) fn add_target(target: &str) {
    if !has_target(target) && run(&mut cmd("rustup", ["target", "add", target])).is_err() {
        eprintln!("no {target} from rustup");
    }
}

/// Asks rustup for a component, such as `clippy`, that a minimal installation lacks.
pub(crate) fn component(name: &str) -> Result<()> {
    let program = format!("cargo-{}", name.trim_start_matches("rust"));
    let is_there = cmd(&program, ["--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if is_there.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    run(&mut cmd("rustup", ["component", "add", name])).with_context(|| {
        format!("missing: {program}; with rustup: rustup component add {name}; Debian: apt install rust-{name}")
    })
}

/// Builds a tool of cargo's into [`tools`], if it is not there in this version.
pub(crate) fn cargo_tool(program: &str, package: &str, version: &str) -> Result<()> {
    // What the machine has in another version stays where it is: ours are found first.
    let output = cmd(program, ["--version"]).stderr(Stdio::null()).output();
    if output.is_ok_and(|output| is_version(&String::from_utf8_lossy(&output.stdout), version)) {
        return Ok(());
    }
    let root = tools().display().to_string();
    let install = ["install", "--quiet", "--debug", "--locked", "--root", &root, &format!("{package}@{version}")];
    run(&mut cmd("cargo", install))
}

/// Says whether the first line that a program prints ends with its version.
fn is_version(said: &str, version: &str) -> bool {
    said.lines().next().and_then(|line| line.split_whitespace().last()) == Some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debian_has_its_backports() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_CODENAME=bookworm\n";
        assert_eq!(codename(debian), Some("bookworm"));
        assert_eq!(codename("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n"), None);
        assert_eq!(codename(""), None);
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let need = Need { programs: &["sh", "no-such-server"], of: "a server", packages: &["server-package"] };
        assert_eq!(need.missing(), ["no-such-server"]);
        assert_eq!(need.advice(), "missing: a server (no-such-server); Debian and Ubuntu: apt install server-package");
    }

    #[test]
    fn another_version_of_a_tool_is_not_taken() {
        assert!(is_version("cargo-hack 0.6.46\n", "0.6.46"));
        assert!(is_version("defmt-print 1.2.0\nsupported defmt versions: 3, 4\n", "1.2.0"));
        for other in ["cargo-hack 0.6.4", "cargo-hack 10.6.46", "", "\n0.6.46"] {
            assert!(!is_version(other, "0.6.46"), "{other}");
        }
    }

    #[test]
    fn a_component_that_is_there_is_found_and_another_is_named() {
        assert!(component("clippy").is_ok() && component("rustfmt").is_ok());
        let error = format!("{:#}", component("no-such-component").unwrap_err());
        assert!(error.starts_with("missing: cargo-no-such-component; "), "{error}");
    }

    #[test]
    fn what_is_there_needs_no_installation() {
        assert!(ensure(&[Need { programs: &["sh"], of: "a shell", packages: &["no-such-package"] }]).is_ok());
    }
}
