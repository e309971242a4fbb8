//! The names of the error classes.

use proc_macro2::Ident;
use quote::format_ident;

const CLASSES: [(&str, &str); 8] = [
    ("auth", "Auth"),
    ("permission", "Permission"),
    ("permanent", "Permanent"),
    ("concurrency", "Concurrency"),
    ("rate_limit", "RateLimit"),
    ("server_error", "ServerError"),
    ("transient", "Transient"),
    ("unknown", "Unknown"),
];

/// The names, to be shown where another was written.
pub(crate) const NAMES: &str =
    "`auth`, `permission`, `permanent`, `concurrency`, `rate_limit`, `server_error`, `transient`, `unknown`";

/// The variant of `ErrorClass` that goes by this name, at the place of the name.
pub(crate) fn variant(name: &Ident) -> Option<Ident> {
    let (_, variant) = CLASSES.iter().find(|(snake, _)| name == snake)?;
    Some(format_ident!("{variant}", span = name.span()))
}

/// Whether failures of this class are retried by default.
pub(crate) fn is_retryable(variant: &Ident) -> bool {
    !["Auth", "Permission", "Permanent"].iter().any(|never| variant == never)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_are_shown() {
        let shown: Vec<_> = CLASSES.iter().map(|(snake, _)| format!("`{snake}`")).collect();
        assert_eq!(NAMES, shown.join(", "));
    }
}
