//! The page in a real browser, for tests.
//!
//! Not among the default members of the workspace, because it needs Chromium and a page that has been built: `cargo xtask web`
//! brings both.

mod chrome;
mod page;

pub use self::{
    chrome::{Chrome, Result},
    page::{Page, Row, Shown},
};
