//! One attempt: a request to the server, and what came of it.

use js_sys::global;
use redress_std::{Classification, Classify, ErrorClass, classify::http};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Request, RequestCache, RequestInit, Response, WorkerGlobalScope};

/// The failure of an attempt.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The server answered with a status which is a failure.
    Status(Classification),
    /// There was no answer, or it broke off. Browsers do not say why.
    Broken,
}

impl Classify for Trouble {
    fn classify(&self) -> Classification {
        match self {
            Self::Status(classification) => *classification,
            Self::Broken => ErrorClass::Transient.into(),
        }
    }
}

/// An exception of `fetch` carries no cause that a page may read.
impl From<JsValue> for Trouble {
    fn from(_exception: JsValue) -> Self {
        Self::Broken
    }
}

/// Gets the whole answer. Dropping the future takes the request back.
pub(crate) async fn get(url: &str) -> Result<(), Trouble> {
    let taken_back = TakenBack(AbortController::new()?);
    let options = RequestInit::new();
    options.set_cache(RequestCache::NoStore);
    options.set_signal(Some(&taken_back.0.signal()));
    let request = Request::new_with_str_and_init(url, &options)?;
    // Pages and workers have it under the same name.
    let scope: WorkerGlobalScope = global().unchecked_into();
    let response: Response = JsFuture::from(scope.fetch_with_request(&request)).await?.dyn_into()?;
    JsFuture::from(response.text()?).await?;
    let retry_after = response.headers().get("Retry-After")?;
    match http::status_with_retry_after(response.status(), retry_after.as_deref().map(str::as_bytes), None) {
        None => Ok(()),
        Some(failure) => Err(Trouble::Status(failure)),
    }
}

/// Aborts the request when dropped, which does nothing once there is an answer.
struct TakenBack(AbortController);

impl Drop for TakenBack {
    fn drop(&mut self) {
        self.0.abort();
    }
}
