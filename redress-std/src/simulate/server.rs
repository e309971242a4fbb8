//! The server: when it answers a request, and how.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use redress_core::Millis;

use super::{
    IncidentKind, Latency, Scenario, Work,
    clockwork::{Nanos, Random, SECOND, scaled},
};

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Served,
    /// There is no connection.
    Refused,
    /// The queue is full.
    Rejected,
    /// The same, with a Retry-After.
    RejectedFor(Millis),
    /// Served with an error.
    Failed,
    /// There is no answer.
    Lost,
}

/// The server. What becomes of a request is known when it comes, so that the server has no events of its own.
pub(super) struct Server {
    kind: IncidentKind,
    /// The event.
    start: Nanos,
    end: Nanos,
    /// The mean time that the server works on a request, as a share of its whole capacity.
    service: f64,
    work: Work,
    latency: Latency,
    queue: Nanos,
    reject_cost: f64,
    retry_after: Option<Nanos>,
    retry_after_jitter: Nanos,
    /// When all that came so far is done.
    idle_at: Nanos,
    /// When the requests that are in a server of growing latency leave it.
    leaving: BinaryHeap<Reverse<Nanos>>,
    pub(super) longest_wait: Nanos,
    /// The waits of all requests that were served.
    pub(super) waited: u128,
}

impl Server {
    /// Creates the server of a scenario, `scale` times as small.
    pub(super) fn new(scenario: &Scenario, scale: f64) -> Self {
        let server = &scenario.server;
        let start = nanos(scenario.event_start());
        let latency = match server.latency {
            Latency::Growing { base, per_request } => {
                let per_request = Duration::from_nanos(scaled(nanos(per_request), scale));
                Latency::Growing { base, per_request }
            }
            latency => latency,
        };
        Self {
            kind: scenario.event.kind,
            start,
            end: start + nanos(scenario.event.lasts),
            service: 1e9 / server.capacity_per_second * scale,
            work: server.work,
            latency,
            queue: server.queue.map_or(Nanos::MAX, nanos),
            reject_cost: server.reject_cost,
            retry_after: server.retry_after.map(nanos),
            retry_after_jitter: nanos(server.retry_after_jitter),
            idle_at: 0,
            leaving: BinaryHeap::new(),
            longest_wait: 0,
            waited: 0,
        }
    }

    /// Takes a request. Returns what becomes of it, and when.
    pub(super) fn take(&mut self, now: Nanos, random: &mut Random) -> (Answer, Nanos) {
        let is_event = (self.start..self.end).contains(&now);
        if is_event && let Some(up) = self.up_again(now) {
            // Nothing survives it.
            self.idle_at = up;
            self.leaving.clear();
            return if self.is_silent() { (Answer::Lost, Nanos::MAX) } else { (Answer::Refused, now) };
        }
        let mut slower = 1.0;
        match self.kind {
            IncidentKind::Slow { factor } if is_event => slower = factor,
            IncidentKind::RollingRestart { instances } if is_event => {
                let instances = f64::from(instances);
                if random.unit() * instances < 1.0 {
                    return (Answer::Refused, now);
                }
                slower = instances / (instances - 1.0);
            }
            _ => {}
        }
        let (answer, at) = match self.latency {
            Latency::Growing { base, per_request } => self.take_growing(now, base, per_request, slower),
            Latency::Constant(latency) => self.take_in_turn(now, random, slower, nanos(latency)),
            Latency::Exponential(mean) => {
                let latency = scaled(nanos(mean), random.exponential());
                self.take_in_turn(now, random, slower, latency)
            }
        };
        let down = self.goes_down(now);
        match (answer, self.kind) {
            _ if at > down => {
                if self.is_silent() {
                    (Answer::Lost, Nanos::MAX)
                } else {
                    (Answer::Refused, down)
                }
            }
            (Answer::Served, IncidentKind::Errors { share }) if is_event && random.unit() < share => {
                (Answer::Failed, at)
            }
            _ => (answer, at),
        }
    }

    /// Takes a request into the queue.
    fn take_in_turn(&mut self, now: Nanos, random: &mut Random, slower: f64, latency: Nanos) -> (Answer, Nanos) {
        let service = self.service * slower;
        let wait = self.idle_at.saturating_sub(now);
        self.longest_wait = self.longest_wait.max(wait);
        let latency = scaled(latency, slower);
        if wait > self.queue {
            self.idle_at += whole(service * self.reject_cost);
            return (self.reject(random), now + latency);
        }
        let work = match self.work {
            Work::Constant => service,
            Work::Exponential => service * random.exponential(),
        };
        self.idle_at = now + wait + whole(work);
        self.waited += u128::from(wait);
        (Answer::Served, self.idle_at + latency)
    }

    /// Takes a request that is worked on at once.
    fn take_growing(&mut self, now: Nanos, base: Duration, each: Duration, slower: f64) -> (Answer, Nanos) {
        while self.leaving.peek().is_some_and(|Reverse(at)| *at <= now) {
            self.leaving.pop();
        }
        let inside = self.leaving.len() as u64 + 1;
        let wait = nanos(each).saturating_mul(inside);
        self.longest_wait = self.longest_wait.max(wait);
        let at = now + scaled(nanos(base).saturating_add(wait), slower);
        self.leaving.push(Reverse(at));
        (Answer::Served, at)
    }

    fn reject(&self, random: &mut Random) -> Answer {
        let jitter = scaled(self.retry_after_jitter, random.unit());
        match self.retry_after {
            Some(hint) => Answer::RejectedFor(Millis::from_duration(Duration::from_nanos(hint + jitter))),
            None => Answer::Rejected,
        }
    }

    /// Returns whether clients of a server that is down learn nothing.
    const fn is_silent(&self) -> bool {
        matches!(self.kind, IncidentKind::Blackhole)
    }

    /// During the event: if the server is down, returns when it is up again.
    fn up_again(&self, now: Nanos) -> Option<Nanos> {
        match self.kind {
            IncidentKind::Outage | IncidentKind::Blackhole | IncidentKind::RollingRestart { instances: 1 } => {
                Some(self.end)
            }
            IncidentKind::Flapping { period } => {
                let (period, passed) = (nanos(period), now - self.start);
                let half = period / 2;
                (passed % period < half).then(|| (now - passed % period + half).min(self.end))
            }
            _ => None,
        }
    }

    /// Returns when a server that is up goes down next.
    pub(super) fn goes_down(&self, now: Nanos) -> Nanos {
        let is_down = matches!(
            self.kind,
            IncidentKind::Outage
                | IncidentKind::Blackhole
                | IncidentKind::Flapping { .. }
                | IncidentKind::RollingRestart { instances: 1 }
        );
        match self.kind {
            _ if is_down && now < self.start => self.start,
            IncidentKind::Flapping { period } if now < self.end => {
                let next = now - (now - self.start) % nanos(period) + nanos(period);
                if next < self.end { next } else { Nanos::MAX }
            }
            _ => Nanos::MAX,
        }
    }

    /// Returns when a connection that is made now breaks, and its client knows; `Nanos::MAX` if it lasts.
    pub(super) fn breaks(&self, now: Nanos, random: &mut Random) -> Nanos {
        match self.kind {
            IncidentKind::RollingRestart { instances } if now < self.start => {
                // That of the instance which it is made to, when this restarts.
                self.start
                    + scaled(
                        self.end - self.start,
                        (random.unit() * f64::from(instances)).floor() / f64::from(instances),
                    )
            }
            _ => self.goes_down(now),
        }
    }
}

pub(super) fn nanos(span: Duration) -> Nanos {
    span.as_secs().saturating_mul(SECOND).saturating_add(span.subsec_nanos().into())
}

/// Rounds to whole nanoseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn whole(nanos: f64) -> Nanos {
    (nanos + 0.5) as Nanos
}
