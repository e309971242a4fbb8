//! The path by which the user's crate refers to redress.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::Span;
use quote::format_ident;
use syn::{Path, parse_quote};

/// The crates that export the items, in order. Core comes first: beside it, an adapter may be a dependency of tests only.
const CRATES: [&str; 3] = ["redress-core", "redress-std", "redress-embassy"];

/// Returns the path that was given, or that of the first of [`CRATES`] among the dependencies, renamed ones included.
pub(crate) fn find(given: Option<&Path>) -> syn::Result<Path> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    CRATES.into_iter().find_map(dependency).ok_or_else(|| {
        let message = "none of redress-std, redress-embassy and redress-core is a dependency; \
                       say where they are re-exported: `crate = path`";
        syn::Error::new(Span::call_site(), message)
    })
}

/// The crate that has the default environments.
pub(crate) fn find_std(given: Option<&Path>) -> Option<Path> {
    given.cloned().or_else(|| dependency("redress-std"))
}

fn dependency(package: &str) -> Option<Path> {
    let name = match crate_name(package).ok()? {
        // Not `crate`: tests, examples and doctests of a package are crates of their own.
        FoundCrate::Itself => format_ident!("{}", package.replace('-', "_")),
        FoundCrate::Name(name) => format_ident!("{name}"),
    };
    Some(parse_quote!(::#name))
}
