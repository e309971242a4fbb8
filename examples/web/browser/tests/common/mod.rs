//! What tests share.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;
use web_browser::{Page, Result};

/// Opens the page for a test. The browser ends with the test, also with one that fails.
///
/// # Panics
///
/// If the test fails, and if there is no browser.
pub(crate) async fn with_page(test: impl AsyncFnOnce(&Page) -> Result<()>) {
    let page = Page::open().await.expect("a browser, and the page that `cargo xtask web build` makes");
    let verdict = AssertUnwindSafe(test(&page)).catch_unwind().await;
    let closed = page.close().await;
    verdict.unwrap_or_else(|panic| resume_unwind(panic)).expect("the test goes through");
    closed.expect("the browser ends");
}
