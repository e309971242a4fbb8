//! Documentation without warnings, as docs.rs builds it: items that need a feature have its badge.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    cmd::{cargo, read, run, target},
    provision::{C_COMPILERS, ensure},
};

/// Set for this program where it stands in for rustdoc.
pub(crate) const AS_RUSTDOC: &str = "XTASK_AS_RUSTDOC";

/// Crates whose documentation has badges.
const CRATES: [&str; 3] = ["redress-core", "redress-std", "redress-embassy"];

/// Features without a badge: macros lose theirs where they are exported again, a program has no page, locks are not public.
const WITHOUT: [(&str, &str); 4] =
    [("redress-core", "std"), ("redress-std", "macros"), ("redress-embassy", "macros"), ("redress-std", "cli")];

/// Pages of redress-std that must have the badge of a feature.
const PAGES: [(&str, &str); 6] = [
    ("struct.Tokio", "tokio"),
    ("struct.TokioLocal", "tokio"),
    ("http/index", "http"),
    ("testing/index", "testing"),
    ("tower_v0_5/struct.PolicyLayer", "tower-v0.5"),
    ("observe/struct.LogObserver", "log"),
];

/// Builds the documentation and looks for the badges.
pub(crate) fn verb(this_program: &Path) -> Result<()> {
    ensure(&[C_COMPILERS])?;
    let mut docs = cargo("doc --workspace --all-features --no-deps");
    docs.env("RUSTDOC", this_program).env(AS_RUSTDOC, "1");
    run(docs.env("RUSTDOCFLAGS", "--cfg docsrs -D warnings"))?;
    let metadata = read(&mut cargo("metadata --no-deps --format-version 1"))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let docs = target().join("doc");
    for name in CRATES {
        for feature in features(&metadata, name)? {
            if feature != "default" && !WITHOUT.contains(&(name, feature)) {
                badge(&docs.join(name.replace('-', "_")), feature)?;
            }
        }
    }
    for (page, feature) in PAGES {
        badge(&docs.join(format!("redress_std/{page}.html")), feature)?;
    }
    Ok(())
}

/// Runs rustdoc in place of this program. Badges are a nightly feature, so the environment names the crates that may use it on
/// stable. Only rustdoc has this environment: with it for the compiler, many build scripts would run again.
pub(crate) fn as_rustdoc() -> Result<()> {
    let mut rustdoc = Command::new("rustdoc");
    rustdoc.args(env::args_os().skip(1)).env("RUSTC_BOOTSTRAP", CRATES.map(|name| name.replace('-', "_")).join(","));
    // Its errors are in the output already.
    let status = rustdoc.env_remove("RUSTDOC").status()?;
    if status.success() { Ok(()) } else { bail!("rustdoc: {status}") }
}

/// Returns the features of a package.
fn features<'a>(metadata: &'a Value, package: &str) -> Result<Vec<&'a str>> {
    let packages = metadata["packages"].as_array().context("no packages")?;
    let package = packages.iter().find(|candidate| candidate["name"] == package).context("no such package")?;
    Ok(package["features"].as_object().context("no features")?.keys().map(String::as_str).collect())
}

/// Checks that a page, or one of a directory's, says that this feature is needed.
fn badge(pages: &Path, feature: &str) -> Result<()> {
    let found = html(pages)?.iter().any(|page| fs::read_to_string(page).is_ok_and(|text| has_badge(&text, feature)));
    if found { Ok(()) } else { bail!("no badge of feature {feature} in {}", pages.display()) }
}

fn html(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut all = Vec::new();
    for entry in fs::read_dir(path)? {
        all.extend(html(&entry?.path())?);
    }
    all.retain(|page| page.extension().is_some_and(|extension| extension == "html"));
    Ok(all)
}

fn has_badge(text: &str, feature: &str) -> bool {
    text.split("Available on <strong>crate feature").skip(1).any(|rest| {
        let names = rest.split_once("</strong>").map_or(rest, |(names, _)| names);
        names.contains(&format!("<code>{feature}</code>"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_of_a_package_are_its_own() {
        let metadata = serde_json::json!({"packages": [
            {"name": "a", "features": {"x": []}},
            {"name": "b", "features": {"y-v0.5": ["dep:y"], "default": []}},
        ]});
        let mut features = features(&metadata, "b").unwrap();
        features.sort_unstable();
        assert_eq!(features, ["default", "y-v0.5"]);
        assert!(super::features(&metadata, "c").is_err());
    }

    #[test]
    fn a_badge_names_the_whole_feature() {
        let one = "<span>Available on <strong>crate feature <code>tower-v0.5</code></strong> only.</span>";
        assert!(has_badge(one, "tower-v0.5"));
        assert!(!has_badge(one, "tower"));
        let two = "Available on <strong>crate features <code>http</code> and <code>log</code></strong> only.";
        assert!(has_badge(two, "log") && has_badge(two, "http"));
        assert!(!has_badge("Available on <strong>crate feature <code>a</code></strong> <code>log</code>", "log"));
    }
}
