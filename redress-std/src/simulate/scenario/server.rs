//! The server of a scenario.

use std::time::Duration;

use super::{DAY, HOUR, ScenarioError, number, span};

/// The server that all clients call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Server {
    /// The requests that it can serve in a second, above 0. With [`Latency::Growing`] it is only the unit of load.
    pub capacity_per_second: f64,
    /// How much a request takes of the capacity.
    pub work: Work,
    /// The time that an answer takes beside waiting and work.
    pub latency: Latency,
    /// The mean of the exponentially distributed time that a request travels, and again its answer, at most 1 hour.
    pub network: Duration,
    /// The longest time that a request waits for its turn; those that would wait longer are rejected. `None` for no limit. The server
    /// also works for clients that have gone.
    pub queue: Option<Duration>,
    /// The part of the capacity of a request that a rejection takes, 0 to 1.
    pub reject_cost: f64,
    /// The Retry-After of a rejection, at most 24 hours; `None` for none.
    pub retry_after: Option<Duration>,
    /// The random part of the Retry-After, which the server adds, at most 24 hours.
    pub retry_after_jitter: Duration,
}

/// How much a request takes of the server's capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// Each the same.
    Constant,
    /// Exponentially distributed, with the same mean.
    Exponential,
}

/// The time that an answer takes beside waiting and work, each at most 1 hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latency {
    /// Each the same.
    Constant(Duration),
    /// Exponentially distributed, with this mean.
    Exponential(Duration),
    /// Growing with the requests in the server, which has no queue and works on all at once.
    Growing {
        /// The time in an empty server.
        base: Duration,
        /// The time that each request adds which is in the server when another comes.
        per_request: Duration,
    },
}

impl Server {
    /// Creates a server with the defaults of a [`Scenario`](super::Scenario) and this capacity.
    pub const fn new(capacity_per_second: f64) -> Self {
        Self {
            capacity_per_second,
            work: Work::Constant,
            latency: Latency::Constant(Duration::from_millis(20)),
            network: Duration::ZERO,
            queue: Some(Duration::from_secs(10)),
            reject_cost: 0.1,
            retry_after: None,
            retry_after_jitter: Duration::ZERO,
        }
    }

    /// Sets how much a request takes of the capacity.
    pub const fn work(mut self, work: Work) -> Self {
        self.work = work;
        self
    }

    /// Sets the time that an answer takes beside waiting and work.
    pub const fn latency(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// Sets the mean of the time that a request travels, and again its answer.
    pub const fn network(mut self, mean: Duration) -> Self {
        self.network = mean;
        self
    }

    /// Sets the longest time that a request waits for its turn.
    pub const fn queue(mut self, longest: Option<Duration>) -> Self {
        self.queue = longest;
        self
    }

    /// Sets what a rejection takes of the capacity, as a part of what a request takes.
    pub const fn reject_cost(mut self, cost: f64) -> Self {
        self.reject_cost = cost;
        self
    }

    /// Sets the Retry-After of rejections, and its random part.
    pub const fn retry_after(mut self, hint: Duration, jitter: Duration) -> Self {
        self.retry_after = Some(hint);
        self.retry_after_jitter = jitter;
        self
    }

    pub(super) fn validate(&self) -> Result<(), ScenarioError> {
        number(
            "server.capacity_per_second",
            self.capacity_per_second,
            0.001..=1_000_000_000.0,
            "from 0.001 to 1,000,000,000",
        )?;
        let up_to_an_hour = |field, latency| span(field, latency, Duration::ZERO..=HOUR, "at most 1 h");
        match self.latency {
            Latency::Constant(latency) | Latency::Exponential(latency) => up_to_an_hour("server.latency", latency)?,
            Latency::Growing { base, per_request } => {
                up_to_an_hour("server.latency.base", base)?;
                up_to_an_hour("server.latency.per_request", per_request)?;
            }
        }
        up_to_an_hour("server.network", self.network)?;
        if let Some(queue) = self.queue {
            span("server.queue", queue, Duration::ZERO..=DAY, "at most 24 h")?;
        }
        number("server.reject_cost", self.reject_cost, 0.0..=1.0, "from 0 to 1")?;
        if let Some(hint) = self.retry_after {
            span("server.retry_after", hint, Duration::ZERO..=DAY, "at most 24 h")?;
        }
        span("server.retry_after_jitter", self.retry_after_jitter, Duration::ZERO..=DAY, "at most 24 h")
    }
}
