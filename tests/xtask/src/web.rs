//! The browser: redress-std and redress-embassy as WASM, the example page, and all of them in a headless Chromium.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

use crate::{
    bare::Bare,
    cmd::{cargo, cmd, find, read, root, run, tools},
    provision::{BROWSER, component, ensure},
};

const TARGET: &str = "wasm32-unknown-unknown";

/// A part of `cargo xtask web`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Part {
    /// Install the WASM target, wasm-bindgen, Chromium and its driver; nothing changes where they are there
    Setup,
    /// Run clippy, on the host and for WASM
    Lint,
    /// Build the page, in release, and print the size of its WASM
    Build,
    /// Test what `Web` and `Embassy` promise in a browser, the server, and the page against the server's log
    Test,
    /// Build the page and serve it on <http://127.0.0.1:8080>
    Serve {
        /// Words for the server, such as `--port 8081`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

fn directory() -> PathBuf {
    root().join("examples/web")
}

/// Runs one part, or the first four in their order.
pub(crate) fn verb(part: Option<Part>) -> Result<()> {
    match part {
        None => {
            let bare = setup()?;
            lint(&bare)?;
            build(&bare)?;
            test(&bare)
        }
        Some(Part::Setup) => setup().map(drop),
        Some(Part::Lint) => lint(&setup_build()?),
        Some(Part::Build) => build(&setup_build()?),
        Some(Part::Test) => test(&setup()?),
        Some(Part::Serve { words }) => serve(&words),
    }
}

/// Installs what building the page needs.
fn setup_build() -> Result<Bare> {
    let bare = Bare::setup(&directory(), &[TARGET])?;
    let version = bindgen_version(&bare)?;
    let installed = read(&mut cmd("wasm-bindgen", ["--version"])).unwrap_or_default();
    if installed != format!("wasm-bindgen {version}") {
        // It talks to a driver on loopback: no TLS.
        let install = format!(
            "install -q --debug --no-default-features --force --bin wasm-bindgen --bin wasm-bindgen-test-runner \
             wasm-bindgen-cli@{version}"
        );
        let install = |locked: &str| {
            let mut command = cargo(&format!("{install} {locked}"));
            run(command.arg("--root").arg(tools()).arg("--target-dir").arg(tools().join("build")))
        };
        // Its own lock file may name what a mirror of the registry does not have yet.
        install("--locked").or_else(|_| install(""))?;
    }
    Ok(bare)
}

/// Installs what building the page and testing it in a browser need.
fn setup() -> Result<Bare> {
    let bare = setup_build()?;
    ensure(&[BROWSER])?;
    let versions = ["wasm-bindgen", "chromium"].map(|program| read(&mut cmd(program, ["--version"])));
    let [bindgen, chromium] = versions;
    eprintln!("compiler: {}; {}; {}", bare.name(), bindgen?, chromium?);
    Ok(bare)
}

/// Returns the version of the library: the tool that makes the JavaScript side has to be of the same.
fn bindgen_version(bare: &Bare) -> Result<String> {
    let id = read(&mut bare.host("pkgid --locked wasm-bindgen"))?;
    version_of(&id).map(str::to_owned).with_context(|| format!("no version in {id}"))
}

/// Returns the version in a package's id: `registry+https://…#name@version`.
fn version_of(id: &str) -> Option<&str> {
    id.rsplit_once('@').map(|(_, version)| version)
}

fn site(bare: &Bare) -> PathBuf {
    bare.host_artifacts().join("site")
}

fn shots() -> PathBuf {
    env::var_os("WEB_SHOTS").map_or_else(|| root().join("target/web"), PathBuf::from)
}

fn build(bare: &Bare) -> Result<()> {
    bare.run("build", TARGET, "--release -p web-page")?;
    let wasm = bare.artifacts().join(TARGET).join("release/web_page.wasm");
    let site = site(bare);
    run(cmd("wasm-bindgen", ["--target", "web", "--no-typescript", "--out-dir"]).arg(&site).arg(wasm))?;
    let mut sizes = Vec::new();
    for file in ["web_page_bg.wasm", "web_page.js"] {
        let path = site.join(file);
        let gzipped = cmd("gzip", ["-9", "-c"]).arg(&path).output()?.stdout.len();
        sizes.push(format!("{file}: {} B, gzipped {gzipped} B", path.metadata()?.len()));
    }
    eprintln!("{}", sizes.join("; "));
    Ok(())
}

fn lint(bare: &Bare) -> Result<()> {
    component("clippy")?;
    bare.run_host("clippy --locked --workspace --all-targets -- -D warnings")?;
    if bare.without_clippy() {
        eprintln!("LEFT OUT: clippy for WASM, which needs rustup's target");
        return Ok(());
    }
    bare.run("clippy", TARGET, "-p web-page --all-targets -- -D warnings")?;
    let libraries = bare.of(root());
    let lint = |words: &str| libraries.run("clippy", TARGET, &format!("--no-deps --lib {words} -- -D warnings"));
    // Without the feature as well: what is not there must not be missed.
    lint("-p redress-std")?;
    lint("-p redress-std --features web,http,log,tracing,metrics,serde,macros,simulate")?;
    lint("-p redress-embassy --test browser")
}

fn test(bare: &Bare) -> Result<()> {
    let driver = find("chromedriver").context("no chromedriver")?;
    let in_browser = |words: &str| {
        let mut command = bare.cargo("test", TARGET, words);
        command
            .env("WASM_BINDGEN_TEST_TIMEOUT", "60")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
            .env("CHROMEDRIVER", &driver);
        command
    };
    eprintln!("what Web promises, in a page and in a worker");
    run(&mut in_browser("-p web-page --tests"))?;
    eprintln!("what Embassy does, in a page");
    let mut embassy = in_browser("--test browser");
    embassy.arg("--manifest-path").arg(root().join("redress-embassy/Cargo.toml"));
    run(embassy.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", directory().join("page/webdriver.json")))?;
    eprintln!("the server, and the page against the server's log");
    let shots = shots();
    std::fs::create_dir_all(&shots)?;
    // Together, so that what both need is built once.
    let mut page = bare.host("test --locked -p web-server -p web-browser -- --nocapture --test-threads=1");
    run(page.env("WEB_SITE", site(bare)).env("WEB_SHOTS", &shots))?;
    eprintln!("screenshots in {}", shots.strip_prefix(root()).unwrap_or(&shots).display());
    Ok(())
}

fn serve(words: &[String]) -> Result<()> {
    let bare = setup_build()?;
    build(&bare)?;
    run(bare.host("run -q --locked -p web-server -- --wasm").arg(site(&bare)).args(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_package_id() {
        let id = "registry+https://github.com/rust-lang/crates.io-index#wasm-bindgen@0.2.130";
        assert_eq!(version_of(id), Some("0.2.130"));
        assert_eq!(version_of("path+file:///somewhere"), None);
    }
}
