//! Devices with a generator of `rand_core`: their waits are those which the generator's numbers make.
#![cfg(not(target_family = "wasm"))]

mod mock_time;

use core::time::Duration;

use chacha20::ChaCha8Rng;
use embassy_time::Instant;
use mock_time::{alone, run};
use redress_embassy::{
    Backoff, Embassy, ErrorClass, Policy, RandCoreV0_6, RandCoreV0_9, RandCoreV0_10, RandomSource, Retry,
    SleepDecision, StopReason,
};

const BASE: u32 = 40;
const MAX: u32 = 280;
const RETRIES: u32 = 5;

const fn retrying(backoff: Backoff<'static>) -> Policy<'static> {
    Policy::new(Retry::new(backoff).max_attempts(RETRIES + 1).no_deadline())
}

const fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis as u64)
}

static FULL: Policy = retrying(Backoff::full_jitter(millis(BASE), millis(MAX)));
static EQUAL: Policy = retrying(Backoff::equal_jitter(millis(BASE), millis(MAX)));
static DECORRELATED: Policy = retrying(Backoff::decorrelated_jitter(millis(BASE), millis(MAX)));
static STEADY: Policy = retrying(Backoff::constant(millis(BASE)));

/// Least and longest of a jitter's delays, after so many failures and such a delay.
type Bounds = fn(failures: u32, previous: u32) -> (u32, u32);

/// The formulas that draw, and what their documentation says of them.
const JITTERS: [(&Policy, Bounds); 3] = [
    (&FULL, |failures, _| (0, ceiling(failures))),
    (&EQUAL, |failures, _| (ceiling(failures) / 2, ceiling(failures))),
    (&DECORRELATED, |_, previous| (BASE, MAX.min(BASE.max(3 * previous)))),
];

fn ceiling(failures: u32) -> u32 {
    MAX.min(BASE << failures)
}

/// Delays of a call that never succeeds, in milliseconds; each attempt came that much after the one before.
fn delays(policy: &Policy, random: impl RandomSource) -> Vec<u32> {
    let (mut decided, mut attempts) = (Vec::new(), Vec::new());
    let mut context = policy.context(Embassy::with(random)).sleep_handler(|_, delay| {
        decided.push(delay.get());
        SleepDecision::Sleep
    });
    let error = run(context.call(async || {
        attempts.push(Instant::now());
        Err::<(), _>(ErrorClass::Transient)
    }))
    .unwrap_err();
    assert_eq!(error.reason, StopReason::MaxAttemptsGlobal);
    assert_eq!(decided.len(), RETRIES as usize);
    for (&delay, pair) in decided.iter().zip(attempts.windows(2)) {
        let waited = (pair[1] - pair[0]).as_millis();
        // Time comes in steps of a millisecond here, and each wait has a tick more than was asked.
        assert!((u64::from(delay)..=u64::from(delay) + 2).contains(&waited), "{waited} ms in place of {delay}");
    }
    decided
}

fn are_within(bounds: Bounds, delays: &[u32]) {
    // Before the first delay, decorrelated jitter takes the base for it.
    let mut previous = BASE;
    for (failures, &delay) in (1..).zip(delays) {
        let (least, most) = bounds(failures, previous);
        assert!((least..=most).contains(&delay), "delay {failures} of {delays:?} is not within {least}..={most}");
        previous = delay;
    }
}

/// What holds for every generator: `seeded` makes it, `source` makes a source of it, `next` is what it draws by itself.
fn the_waits_follow<G, R: RandomSource>(seeded: fn(u8) -> G, source: fn(G) -> R, next: fn(&mut G) -> u32) {
    let _turn = alone();
    let numbers = |seed| {
        let mut generator = seeded(seed);
        move || next(&mut generator)
    };
    let seeded = |seed| source(seeded(seed));
    for (policy, bounds) in JITTERS {
        let device = delays(policy, seeded(1));
        are_within(bounds, &device);
        assert_eq!(device, delays(policy, seeded(1)), "the same seed, the same waits");
        assert_eq!(device, delays(policy, numbers(1)), "the generator's numbers and no others, in their order");
        for seed in 2..8 {
            let other = delays(policy, seeded(seed));
            are_within(bounds, &other);
            assert_ne!(device, other, "seed {seed} retries in step with seed 1");
        }
    }
}

const fn key(seed: u8) -> [u8; 32] {
    [seed; 32]
}

fn of_0_6(seed: u8) -> rand_chacha_03::ChaCha8Rng {
    rand_chacha_03::rand_core::SeedableRng::from_seed(key(seed))
}

fn of_0_9(seed: u8) -> rand_chacha_09::ChaCha8Rng {
    rand_chacha_09::rand_core::SeedableRng::from_seed(key(seed))
}

fn of_0_10(seed: u8) -> ChaCha8Rng {
    chacha20::rand_core::SeedableRng::from_seed(key(seed))
}

#[test]
fn of_rand_core_0_6() {
    the_waits_follow(of_0_6, RandCoreV0_6, rand_chacha_03::rand_core::RngCore::next_u32);
}

#[test]
fn of_rand_core_0_9() {
    the_waits_follow(of_0_9, RandCoreV0_9, rand_chacha_09::rand_core::RngCore::next_u32);
}

#[test]
fn of_rand_core_0_10() {
    the_waits_follow(of_0_10, RandCoreV0_10, chacha20::rand_core::Rng::next_u32);
}

/// One algorithm in three majors: which of them a device has makes no difference.
#[test]
fn of_every_major_alike() {
    let _turn = alone();
    for (policy, _) in JITTERS {
        let of_first = delays(policy, RandCoreV0_6(of_0_6(7)));
        assert_eq!(of_first, delays(policy, RandCoreV0_9(of_0_9(7))));
        assert_eq!(of_first, delays(policy, RandCoreV0_10(of_0_10(7))));
    }
}

/// A generator that is lent, as the hardware's is, goes on where the call left it.
#[test]
fn of_a_lent_generator_one_number_a_wait() {
    let _turn = alone();
    for (policy, drawn) in [(&FULL, RETRIES), (&STEADY, 0)] {
        let (mut v0_6, mut v0_9, mut v0_10) = (of_0_6(7), of_0_9(7), of_0_10(7));
        let lent = [
            delays(policy, RandCoreV0_6(&mut v0_6)),
            delays(policy, RandCoreV0_9(&mut v0_9)),
            delays(policy, RandCoreV0_10(&mut v0_10)),
        ];
        let mut untouched = of_0_10(7);
        let next = {
            use chacha20::rand_core::Rng;
            (0..drawn).for_each(|_| _ = untouched.next_u32());
            untouched.next_u32()
        };
        assert_eq!(rand_chacha_03::rand_core::RngCore::next_u32(&mut v0_6), next);
        assert_eq!(rand_chacha_09::rand_core::RngCore::next_u32(&mut v0_9), next);
        assert_eq!(chacha20::rand_core::Rng::next_u32(&mut v0_10), next);
        assert_eq!(lent[0], lent[1]);
        assert_eq!(lent[0], lent[2]);
    }
}
