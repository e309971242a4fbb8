//! Links of all Markdown files: each leads to a file of the repository, and to a heading in it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::{
    cmd::root,
    markdown::{self, Page},
};

/// Links that begin with this lead to the repository's own files, too: pages of crates.io and docs.rs need them whole.
const OWN: [&str; 2] =
    ["https://github.com/redress-rs/redress/blob/main/", "https://github.com/redress-rs/redress/tree/main/"];

/// Directories of texts that programs put into pages of another directory, from which their links lead.
const PARTS: [(&str, &str); 1] = [("tests/size/table/src", "tests")];

/// A link's destination.
#[derive(Debug, PartialEq, Eq)]
enum Destination<'a> {
    Elsewhere,
    /// A path, absolute or relative to the page, and the heading after `#`.
    Here(PathBuf, Option<&'a str>),
}

/// Checks all links.
pub(crate) fn verb() -> Result<()> {
    let mut pages = BTreeMap::new();
    for file in markdown::files()? {
        let page = markdown::read(&fs::read_to_string(&file)?);
        pages.insert(file, page);
    }
    let (mut checked, mut elsewhere, mut broken) = (0, 0, Vec::new());
    for (file, page) in &pages {
        let name = file.strip_prefix(root()).unwrap_or(file).display();
        for reference in &page.undefined {
            broken.push(format!("{name}:{}: [{}] has no definition", reference.line, reference.text));
        }
        for link in &page.links {
            match destination(&link.text) {
                Destination::Elsewhere => elsewhere += 1,
                Destination::Here(path, anchor) => {
                    checked += 1;
                    if let Err(reason) = check(&pages, file, &path, anchor) {
                        broken.push(format!("{name}:{}: {}: {reason}", link.line, link.text));
                    }
                }
            }
        }
    }
    println!("{} pages: {checked} links lead here; {elsewhere} lead elsewhere and are NOT CHECKED", pages.len());
    if broken.is_empty() { Ok(()) } else { bail!("{} broken links:\n{}", broken.len(), broken.join("\n")) }
}

fn destination(link: &str) -> Destination<'_> {
    let own = OWN.iter().find_map(|own| link.strip_prefix(own));
    if own.is_none() && (link.contains("://") || link.starts_with("mailto:")) {
        return Destination::Elsewhere;
    }
    let local = own.unwrap_or(link);
    let (path, anchor) = local.split_once('#').map_or((local, None), |(path, anchor)| (path, Some(anchor)));
    let path = if own.is_some() { root().join(path) } else { PathBuf::from(path) };
    Destination::Here(path, anchor)
}

fn check(pages: &BTreeMap<PathBuf, Page>, from: &Path, path: &Path, anchor: Option<&str>) -> Result<(), String> {
    let to = if path.as_os_str().is_empty() { from.to_owned() } else { plain(&base(from).join(path)) };
    if !to.starts_with(root()) {
        return Err("outside of the repository".to_owned());
    }
    if !to.exists() {
        return Err("no such file".to_owned());
    }
    match (anchor, pages.get(&to)) {
        (None, _) => Ok(()),
        (Some(anchor), Some(page)) if page.anchors.iter().any(|known| known == anchor) => Ok(()),
        // A line of a source file.
        (Some(anchor), None) if anchor.starts_with('L') => Ok(()),
        (Some(anchor), _) => Err(format!("no heading #{anchor}")),
    }
}

/// Returns the directory from which a page's links lead.
fn base(page: &Path) -> PathBuf {
    let directory = page.parent().unwrap_or(root());
    let part = PARTS.iter().find(|(part, _)| directory == root().join(part));
    part.map_or_else(|| directory.to_owned(), |(_, whole)| root().join(whole))
}

/// Returns a path without `.` and `..`, whether or not its directories exist.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_lead_here() {
        assert_eq!(destination("https://example.com/#a"), Destination::Elsewhere);
        assert_eq!(destination("mailto:a@example.com"), Destination::Elsewhere);
        assert_eq!(destination("../a.md#b"), Destination::Here("../a.md".into(), Some("b")));
        let own = destination("https://github.com/redress-rs/redress/blob/main/README.md#install");
        assert_eq!(own, Destination::Here(root().join("README.md"), Some("install")));
    }

    #[test]
    fn links_of_a_part_lead_from_the_whole_page() {
        assert_eq!(base(&root().join("tests/size/table/src/head.md")), root().join("tests"));
        assert_eq!(base(&root().join("README.md")), root());
    }

    #[test]
    fn a_link_leads_to_a_file_and_a_heading() {
        let (a, b) = (root().join("README.md"), root().join("CONTRIBUTING.md"));
        let pages = BTreeMap::from([(a.clone(), markdown::read("# One\n")), (b, markdown::read("# Two\n"))]);
        let check = |path: &str, anchor| check(&pages, &a, Path::new(path), anchor);
        assert_eq!(check("", Some("one")), Ok(()));
        assert_eq!(check("./tests/../CONTRIBUTING.md", Some("two")), Ok(()));
        assert_eq!(check("redress-core", None), Ok(()));
        assert_eq!(check("redress-core/src/lib.rs", Some("L3")), Ok(()));
        assert_eq!(check("CONTRIBUTING.md", Some("one")), Err("no heading #one".to_owned()));
        assert_eq!(check("no-such.md", None), Err("no such file".to_owned()));
        assert_eq!(check("..", None), Err("outside of the repository".to_owned()));
    }
}
