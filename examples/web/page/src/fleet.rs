//! A fleet of clients under the policy of the sliders, played on a virtual clock: for a worker beside the page.
#![allow(clippy::float_cmp, reason = "in what `wasm_bindgen` makes of an enum")]

use std::{sync::Arc, time::Duration};

use redress_std::{
    Budget, BudgetConfig, ConfigError, SharedPolicy,
    simulate::{Incident, Peer, Scenario, Shared, picture},
};
use wasm_bindgen::{JsError, prelude::wasm_bindgen};

use crate::Settings;

/// An event that hits the fleet.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Connections are refused.
    Outage,
    /// Requests vanish.
    Blackhole,
    /// The clients have no power, and then boot.
    PowerCut,
    /// There are twice as many calls.
    Surge,
    /// The server takes twice as long.
    Slow,
    /// Half of the requests are answered with an error.
    Errors,
}

/// Everything a person can turn on the page of the fleet, beside the [`Settings`] of a policy.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// The clients.
    pub clients: u32,
    /// A call of each in so many seconds.
    pub every_s: u32,
    /// The capacity of the server, in percent of the calls in a second.
    pub capacity_percent: u32,
    /// The longest time that a request waits for its turn.
    pub queue_s: u32,
    /// How long a client waits for an answer.
    pub client_timeout_s: u32,
    /// The Retry-After of rejections; 0 for none.
    pub retry_after_s: u32,
    /// The kind of the event.
    pub happening: Happening,
    /// How long it lasts.
    pub lasts_s: u32,
    /// The time within which all clients boot after a power cut.
    pub boot_spread_s: u32,
    /// The clients that share breaker and budget; 1 for none.
    pub shared_by: u32,
    /// Tokens of the retry budget at most; 0 for no budget.
    pub tokens: u16,
}

/// A run of the fleet.
#[wasm_bindgen(getter_with_clone)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// The verdict, as a sentence.
    pub verdict: String,
    /// The picture, as SVG.
    pub picture: String,
    /// Events of the virtual clock.
    pub events: u64,
}

#[wasm_bindgen]
impl Fleet {
    /// Twenty thousand devices that call once a minute, and an outage of ten minutes.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self {
            clients: 20_000,
            every_s: 60,
            capacity_percent: 125,
            queue_s: 10,
            client_timeout_s: 5,
            retry_after_s: 0,
            happening: Happening::Outage,
            lasts_s: 600,
            boot_spread_s: 5,
            shared_by: 1,
            tokens: 0,
        }
    }

    /// Plays the fleet under the policy of the sliders, or under the defaults of a [`Peer`].
    ///
    /// # Errors
    ///
    /// The settings contradict each other; the message says how. There is no such peer.
    pub fn play(&self, policy: &Settings, peer: Option<String>) -> Result<Played, JsError> {
        let (name, policy) = match peer {
            None => ("this policy", self.policy(policy)?),
            Some(peer) => {
                let known = Peer::ALL.into_iter().find(|known| known.as_str() == peer);
                let known = known.ok_or_else(|| JsError::new(&format!("no peer {peer}")))?;
                (known.name(), known.policy())
            }
        };
        let report = self.scenario().try_run(name, policy.policy(), &|_| ())?;
        Ok(Played {
            verdict: report.to_string(),
            events: report.runs.iter().map(|run| run.events).sum(),
            picture: picture(&[report]),
        })
    }
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new()
    }
}

impl Fleet {
    fn scenario(&self) -> Scenario {
        let secs = |seconds: u32| Duration::from_secs(seconds.into());
        let lasts = secs(self.lasts_s);
        let event = match self.happening {
            Happening::Outage => Incident::outage(lasts),
            Happening::Blackhole => Incident::blackhole(lasts),
            Happening::PowerCut => Incident::power_cut(lasts, secs(self.boot_spread_s)),
            Happening::Surge => Incident::surge(lasts, 2.0),
            Happening::Slow => Incident::slow(lasts, 2.0),
            Happening::Errors => Incident::errors(lasts, 0.5),
        };
        let calls_per_second = f64::from(self.clients) / f64::from(self.every_s);
        let capacity = calls_per_second * f64::from(self.capacity_percent) / 100.0;
        let mut scenario = Scenario::new(self.clients, secs(self.every_s), capacity).event(event).seeds(1);
        scenario.server.queue = Some(secs(self.queue_s));
        scenario.server.retry_after = Some(secs(self.retry_after_s)).filter(|hint| !hint.is_zero());
        scenario.client_timeout = secs(self.client_timeout_s);
        if self.shared_by > 1 {
            scenario.shared = Shared::Process(self.shared_by);
        }
        scenario
    }

    /// The policy of the sliders, with a budget of tokens.
    fn policy(&self, policy: &Settings) -> Result<SharedPolicy, ConfigError> {
        let shared = Settings { budget: 0, ..*policy }.policy()?.policy;
        if self.tokens == 0 {
            return Ok(shared);
        }
        Ok(shared.budget(Arc::new(Budget::<0>::try_new(BudgetConfig::token_bucket(self.tokens))?)))
    }
}
