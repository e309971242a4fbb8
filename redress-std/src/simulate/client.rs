//! The life of a client: calls, or a connection that is kept up.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    task::{Context, Poll},
};

use redress_core::{Classification, Classify, ErrorClass, Millis, Policy, SeededRandom, keeper::Keep};

use super::{
    Arrivals, IncidentKind, Scenario,
    clockwork::{Clockwork, MILLI, Nanos, Random, Sleep, Virtual, scaled},
    server::{Answer, Server, nanos},
    tally::{Fate, Phase, Tally},
};

/// All that the clients of a run have in common.
pub(super) struct World {
    pub(super) clockwork: Clockwork,
    pub(super) state: RefCell<State>,
    /// Whether what is still under way is in flight at the end of the run, and not given up.
    pub(super) is_over: Cell<bool>,
    /// Clients from this one on come with a surge, and go when it is over.
    pub(super) clients: u32,
    /// The clients that come with the event.
    pub(super) visitors: u32,
    event_end: Nanos,
    timeout: Nanos,
    /// The mean time that a request travels.
    network: Nanos,
    every: Nanos,
    jitter: f64,
    next: Arrivals,
    seed: u64,
}

/// The part of a world that changes.
pub(super) struct State {
    pub(super) server: Server,
    pub(super) tally: Tally,
    pub(super) random: Random,
    /// For each client that keeps up a connection, whether it has one.
    pub(super) is_connected: Vec<bool>,
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Refused,
    Rejected,
    RejectedFor(Millis),
    Failed,
    Late,
}

impl Classify for Problem {
    fn classify(&self) -> Classification {
        match self {
            Self::Refused | Self::Late => ErrorClass::Transient.into(),
            Self::Failed => Classification::new(ErrorClass::ServerError).http_status(500),
            Self::Rejected => Classification::new(ErrorClass::ServerError).http_status(503),
            Self::RejectedFor(hint) => Classification::new(ErrorClass::ServerError).http_status(503).retry_after(*hint),
        }
    }
}

impl World {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        let clients = scenario.simulated_clients();
        let scale = f64::from(scenario.clients) / f64::from(clients);
        let state = State {
            server: Server::new(scenario, scale),
            tally: Tally::new(scenario, clients),
            random: Random::new(seed),
            is_connected: if scenario.keep.is_some() { vec![false; clients as usize] } else { Vec::new() },
        };
        Self {
            clockwork: Clockwork::default(),
            state: RefCell::new(state),
            is_over: Cell::new(false),
            clients,
            visitors: visitors(scenario, clients),
            event_end: nanos(scenario.event_start() + scenario.event.lasts),
            timeout: nanos(scenario.client_timeout),
            network: nanos(scenario.server.network),
            every: nanos(scenario.calls.every),
            jitter: scenario.calls.jitter,
            next: scenario.calls.next,
            seed,
        }
    }

    /// Returns the environment of a client. Each boot has other random numbers.
    pub(super) fn environment(&self, client: u32, boots: u32) -> Virtual<'_> {
        let device = Random::new(self.seed ^ u64::from(client) << 32).next();
        Virtual { clockwork: &self.clockwork, task: client, random: SeededRandom::for_boot(device, boots) }
    }

    /// Returns the time from the start of a client to its first call.
    pub(super) fn first_call(&self) -> Nanos {
        let random = &mut self.state.borrow_mut().random;
        match self.next {
            Arrivals::Poisson => scaled(self.every, random.exponential()),
            _ => scaled(self.every, random.unit()),
        }
    }

    /// Returns a random part of a span.
    pub(super) fn part_of(&self, span: Nanos) -> Nanos {
        scaled(span, self.state.borrow_mut().random.unit())
    }

    /// Begins a phase. A client that has a connection when the event is over is back.
    pub(super) fn enter(&self, phase: Phase) {
        let State { tally, is_connected, .. } = &mut *self.state.borrow_mut();
        tally.enter(phase);
        if phase != Phase::Before {
            for (client, _) in (0..).zip(is_connected.iter()).filter(|(_, is_connected)| **is_connected) {
                tally.answer(client, self.clockwork.now());
            }
        }
    }

    /// Returns when the next call of a client begins whose latest was planned for `last`.
    pub(super) fn next_call(&self, last: Nanos) -> Nanos {
        let (now, random) = (self.clockwork.now(), &mut self.state.borrow_mut().random);
        let mut gap = || match self.next {
            Arrivals::Poisson => scaled(self.every, random.exponential()),
            _ => scaled(self.every, 1.0 + self.jitter * (2.0 * random.unit() - 1.0)).max(1),
        };
        match self.next {
            Arrivals::AfterCompletion => now + gap(),
            Arrivals::FixedPhase | Arrivals::Poisson => {
                let mut next = last + gap();
                while next <= now {
                    next += gap();
                }
                next
            }
        }
    }
}

/// The state that a client sends its requests from, one at a time.
///
/// # Design
///
/// A request refers to its client in place of holding world, number and moment, and the client's closure captures nothing but this:
/// with the bytes of the driver's own future, that is what a fleet of a million has room for.
pub(super) struct Sender<'w> {
    world: &'w World,
    client: u32,
    /// When the latest request was sent, in whole milliseconds.
    sent: Cell<u32>,
}

impl<'w> Sender<'w> {
    pub(super) const fn new(world: &'w World, client: u32) -> Self {
        Self { world, client, sent: Cell::new(0) }
    }

    /// Sends a request.
    pub(super) fn send(&self) -> Request<'_> {
        let world = self.world;
        let (now, state) = (world.clockwork.now(), &mut *world.state.borrow_mut());
        state.tally.begin_attempt(now);
        self.sent.set(u32::try_from(now / MILLI).unwrap_or(u32::MAX));
        let mut request = Request { sender: self, at: now, answer: None };
        if world.network == 0 {
            request.arrive(state);
        } else {
            request.at = now + scaled(world.network, state.random.exponential());
        }
        world.clockwork.wake(self.client, request.at);
        request
    }
}

/// Returns how many clients come with a surge.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 100 times as many")]
fn visitors(scenario: &Scenario, clients: u32) -> u32 {
    match scenario.event.kind {
        IncidentKind::Surge { factor } if scenario.keep.is_none() => (f64::from(clients) * (factor - 1.0) + 0.5) as u32,
        _ => 0,
    }
}

/// A request under way. Dropped before it has an answer, its client has gone.
pub(super) struct Request<'s> {
    sender: &'s Sender<'s>,
    /// When it arrives, and then when its client knows what became of it.
    at: Nanos,
    /// The answer; `None` until it arrives.
    answer: Option<Answer>,
}

impl Request<'_> {
    /// Arrives at the server.
    fn arrive(&mut self, State { server, random, .. }: &mut State) {
        let Sender { world, sent, .. } = self.sender;
        let (answer, mut at) = server.take(world.clockwork.now(), random);
        if world.network != 0 && at != Nanos::MAX {
            at += scaled(world.network, random.exponential());
        }
        let gone = (Nanos::from(sent.get()) * MILLI + world.timeout).max(world.clockwork.now());
        (self.answer, self.at) = if at > gone { (Some(Answer::Lost), gone) } else { (Some(answer), at) };
    }
}

impl Future for Request<'_> {
    type Output = Result<(), Problem>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let (world, now) = (self.sender.world, self.sender.world.clockwork.now());
        if now >= self.at && self.answer.is_none() {
            self.arrive(&mut world.state.borrow_mut());
            world.clockwork.wake(self.sender.client, self.at);
        }
        Poll::Ready(match self.answer {
            _ if now < self.at => return Poll::Pending,
            None => return Poll::Pending,
            Some(Answer::Served) => Ok(()),
            Some(Answer::Refused) => Err(Problem::Refused),
            Some(Answer::Rejected) => Err(Problem::Rejected),
            Some(Answer::RejectedFor(hint)) => Err(Problem::RejectedFor(hint)),
            Some(Answer::Failed) => Err(Problem::Failed),
            Some(Answer::Lost) => Err(Problem::Late),
        })
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let Sender { world, client, sent } = self.sender;
        let (now, tally) = (world.clockwork.now(), &mut world.state.borrow_mut().tally);
        let fate = match self.answer {
            _ if world.is_over.get() => Fate::InFlight,
            None | Some(Answer::Lost) => Fate::Late,
            _ if now < self.at => Fate::Late,
            Some(Answer::Served) => Fate::Answered,
            Some(Answer::Refused | Answer::Failed) => Fate::Refused,
            Some(Answer::Rejected | Answer::RejectedFor(_)) => Fate::Rejected,
        };
        tally.end_attempt(sent.get() / 1_000, fate);
        if fate == Fate::Answered {
            tally.answer(*client, now);
        }
    }
}

/// Makes calls. Polled for the first time at the moment of the first one.
///
/// Not an `async fn`, because the future of one keeps its arguments twice.
pub(super) fn calls<'w>(world: &'w World, policy: &'w Policy<'w>, client: u32, boots: u32) -> impl Future<Output = ()> {
    let (mut context, sender) = (policy.context(world.environment(client, boots)), Sender::new(world, client));
    async move {
        let mut at = sender.world.clockwork.now();
        while sender.client < sender.world.clients || at < sender.world.event_end {
            sender.world.state.borrow_mut().tally.begin_call(at);
            if context.call(|| sender.send()).await.is_err() {
                sender.world.state.borrow_mut().tally.lose_call();
            }
            at = sender.world.next_call(at);
            sender.world.clockwork.sleep_until(sender.client, at).await;
        }
    }
}

/// Keeps up a connection. Polled for the first time when it is to be made.
pub(super) async fn connection(world: &World, keep: &Keep<'_>, client: u32, boots: u32) {
    world.state.borrow_mut().tally.begin_call(world.clockwork.now());
    let (mut context, sender) = (keep.context(world.environment(client, boots)), Sender::new(world, client));
    let _gave_up = context
        .keep()
        .run(async |session| {
            sender.send().await?;
            session.established();
            world.session(client).await;
            world.state.borrow_mut().tally.begin_call(world.clockwork.now());
            Err::<(), _>(Problem::Refused)
        })
        .await;
    world.state.borrow_mut().tally.lose_call();
}

impl World {
    /// Waits until the connection that was just made breaks.
    fn session(&self, client: u32) -> Session<'_> {
        let (now, state) = (self.clockwork.now(), &mut *self.state.borrow_mut());
        let breaks = state.server.breaks(now, &mut state.random);
        if let Some(is_connected) = state.is_connected.get_mut(client as usize) {
            *is_connected = true;
        }
        Session { world: self, client, sleep: self.clockwork.sleep_until(client, breaks) }
    }
}

/// A connection.
struct Session<'w> {
    world: &'w World,
    client: u32,
    sleep: Sleep,
}

impl Future for Session<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.sleep).poll(context)
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let Some(is_connected) = self.world.state.borrow_mut().is_connected.get_mut(self.client as usize) {
            *is_connected = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million of them is what a machine of a developer has to hold.
    #[test]
    fn a_client_takes_few_bytes() {
        let world = World::new(&Scenario::new(1, std::time::Duration::from_secs(60), 1.0), 0);
        let policy = Policy::new(redress_core::Retry::new(redress_core::Backoff::none()));
        let size = size_of_val(&calls(&world, &policy, 0, 0));
        assert!(size <= 232, "{size}");
    }
}
