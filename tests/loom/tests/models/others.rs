//! The keeper's wake, and the clock that extends a counter.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use loom::thread::spawn;
use redress_core::{
    Backoff, Blocking, Clock,
    ErrorClass::{self, Auth, Transient},
    Millis, Policy, Retry, SeededRandom,
    embedded::WrappingClock,
    keeper::{Keep, KeepConfig, LinkUp},
};

use super::{Time, holds, leak, models};

models! {
    /// News of the link is heard once it is there: by one that looked meanwhile, or by the next.
    wake, 3;
    /// A wake cuts the wait of a keeper short, or came too late and is kept for the next wait.
    wake_of_a_keeper, 3;
    /// A clock out of a counter goes on by what the counter does, also if two threads see it wrap.
    counter, 3, needs NoLock;
}

fn wake() {
    let link_up = leak(LinkUp::new());
    let raised = spawn(|| link_up.raise());
    let heard = link_up.take();
    raised.join().unwrap();
    holds!(heard != link_up.take(), "heard {heard}, and then the same again");
}

fn wake_of_a_keeper() {
    let link_up: &'static LinkUp = leak(LinkUp::new());
    let time = Time::at(1_000);
    static DELAYS: [Millis; 1] = [Millis::new(300)];
    let backoff = Backoff::fixed(&DELAYS);
    let keep = Keep::new(Policy::new(Retry::new(backoff)), KeepConfig::new(Duration::from_secs(60)));
    let sleeping = time.clone();
    let sleeper = move |ticks: u64| sleeping.set(sleeping.now.load(Relaxed) + ticks);
    let mut context = keep
        .context(Blocking::new(time.clone(), sleeper, SeededRandom::new(1)))
        .slice(Duration::from_millis(100), || {});
    let (begun, raising) = ([const { Cell::new(0_u64) }; 2], Cell::new(None));
    let mut attempts = 0;
    context.keep().wake_if(|| link_up.take()).run(|_session| {
        begun[attempts].set(time.now.load(Relaxed));
        attempts += 1;
        if attempts == 2 {
            return Err::<(), ErrorClass>(Auth);
        }
        raising.set(Some(spawn(|| link_up.raise())));
        Err(Transient)
    });
    raising.take().unwrap().join().unwrap();
    let waited = begun[1].get() - begun[0].get();
    let is_left = link_up.take();
    holds!(waited <= 300, "waited for {waited} ms");
    holds!((waited < 300) != is_left, "waited for {waited} of 300 ms, and the wake is left: {is_left}");
}

fn counter() {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    COUNT.store(u32::MAX - 1, Relaxed);
    let clock = leak(WrappingClock::<fn() -> u32, 1_000>::new(|| COUNT.fetch_add(1, Relaxed)));
    // A counter that stands in its upper half at first starts at zero.
    let start = clock.now().ticks();
    let other = spawn(|| [clock.now().ticks(), clock.now().ticks()]);
    let own = [clock.now().ticks(), clock.now().ticks()];
    let mut all = [&own[..], &other.join().unwrap()].concat();
    holds!(own[0] < own[1], "{own:?}");
    all.sort_unstable();
    let all: Vec<_> = all.into_iter().map(|ticks| ticks - start).collect();
    holds!(all == [1, 2, 3, 4], "{all:?} after the first reading");
}
