//! The WASM half of the page: clients that call a faulty server under one policy, and tell what happens.
//!
//! The page gives [`Settings`] and a listener to a [`Run`] and draws what it hears. Every decision is made here, by
//! redress, in the environment [`Web`]. A [`Fleet`] is played in a worker, on a virtual clock.

mod fetch;
mod fleet;
mod settings;
mod teller;

use std::{cell::Cell, rc::Rc};

use js_sys::{Array, Function, Promise};
use redress_std::{AsyncSleeper, AttemptInfo, SelfClassifier, Web, WebClock, WebSleeper};
use wasm_bindgen::{JsError, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;

pub use self::{
    fleet::{Fleet, Happening, Played},
    settings::{Jitter, Settings},
};
use self::{
    settings::Shared,
    teller::{Page, Teller},
};

/// Clients that call a server under one policy.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Run {
    shared: Rc<Shared>,
    settings: Settings,
    url: String,
    stopped: Rc<Cell<bool>>,
}

#[wasm_bindgen]
impl Run {
    /// A run with these settings, against this address.
    ///
    /// # Errors
    ///
    /// The settings contradict each other; the message says how.
    #[wasm_bindgen(constructor)]
    pub fn new(settings: &Settings, url: String) -> Result<Self, JsError> {
        let shared = Rc::new(settings.policy()?);
        Ok(Self { shared, settings: *settings, url, stopped: Rc::default() })
    }

    /// Starts all clients. The promise is kept when all their calls have ended.
    pub fn start(&self, listener: Function) -> Promise {
        let page = Page::new(listener);
        let clients: Array = (1..=self.settings.clients)
            .map(|client| {
                let client = Client {
                    number: client,
                    settings: self.settings,
                    shared: Rc::clone(&self.shared),
                    url: self.url.clone(),
                    stopped: Rc::clone(&self.stopped),
                    page: page.clone(),
                };
                JsValue::from(future_to_promise(client.calls()))
            })
            .collect();
        Promise::all(&clients)
    }

    /// Aborts all calls.
    pub fn stop(&self) {
        self.stopped.set(true);
    }

    /// Returns the tokens left in the budget; `undefined` if there is no budget.
    #[wasm_bindgen(js_name = budgetLeft)]
    pub fn budget_left(&self) -> Option<u16> {
        self.shared.budget.as_ref().map(|budget| budget.remaining(&WebClock))
    }
}

struct Client {
    number: u32,
    settings: Settings,
    shared: Rc<Shared>,
    url: String,
    stopped: Rc<Cell<bool>>,
    page: Page,
}

impl Client {
    async fn calls(self) -> Result<JsValue, JsValue> {
        for call in 1..=self.settings.calls {
            if call > 1 {
                WebSleeper.sleep(u64::from(self.settings.pause_ms) * 1_000).await;
            }
            if self.stopped.get() {
                break;
            }
            self.call(call).await;
        }
        Ok(JsValue::UNDEFINED)
    }

    async fn call(&self, call: u32) {
        let policy = self.shared.policy.policy();
        let teller = Teller { page: self.page.clone(), client: self.number, call };
        let address = format!("{}?client={}&call={call}&attempt=", self.url, self.number);
        let outcome = policy
            .context(Web)
            .operation("work")
            .classifier(SelfClassifier)
            .abort_if(|| self.stopped.get())
            .observe(teller.clone())
            .execute(async |attempt: AttemptInfo| fetch::get(&format!("{address}{}", attempt.number)).await)
            .await;
        teller.end(&outcome);
    }
}
