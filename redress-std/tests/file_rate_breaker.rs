//! Breakers of files that count rates, as a service uses them.

use std::{io, io::ErrorKind, time::Duration};

use redress_std::{
    BreakerState, CircuitBreakerView, ConfigError, SharedPolicy, StdClock, StopReason, Threads,
    file::{PolicyConfig, PolicyFile, RateBreakerSettings},
};

fn reset() -> io::Result<()> {
    Err(ErrorKind::ConnectionReset.into())
}

fn config(text: &str) -> PolicyConfig {
    PolicyFile::parse(text).expect("a policy file").get("a").expect("named a").clone()
}

const ONE_ATTEMPT: &str = "[policy.a.retry]\nmax_attempts = 1\nbackoff.delay = \"none\"\n";

fn opened(shared: &SharedPolicy) -> bool {
    shared.breaker().map(CircuitBreakerView::state) == Some(BreakerState::Open)
}

#[test]
fn the_circuit_opens_at_the_rate_and_not_before_the_minimum() {
    let text = format!("{ONE_ATTEMPT}[policy.a.rate_breaker]\nfailure_rate = 50\nminimum_calls = 4\nwindow = \"1h\"\n");
    let shared = SharedPolicy::try_from(&config(&text)).expect("sound");
    for (call, is_success) in [true, false, true, false].into_iter().enumerate() {
        assert!(!opened(&shared), "before call {call}");
        let mut context = shared.policy().context(Threads);
        let result = if is_success { context.call(|| Ok::<_, io::Error>(())) } else { context.call(reset) };
        assert_eq!(result.is_ok(), is_success);
    }
    assert!(opened(&shared), "two of four have failed");
    let outcome = shared.policy().context(Threads).execute(reset);
    assert_eq!((outcome.attempts, outcome.stop_reason), (0, Some(StopReason::CircuitOpen)));
}

/// Seven failures in a row, a number of buckets that no array of the crate has.
#[test]
fn consecutive_failures_in_as_many_buckets() {
    let text = format!(
        "{ONE_ATTEMPT}[policy.a.rate_breaker]\nfailure_rate = 100\nwindow_of_calls = 7\nbuckets = 7\nminimum_calls = 7\n"
    );
    let shared = SharedPolicy::try_from(&config(&text)).expect("sound");
    let mut context = shared.policy().context(Threads);
    for is_success in [false, false, false, true, false, false, false, false, false, false, false] {
        assert!(!opened(&shared));
        let result = if is_success { context.call(|| Ok::<_, io::Error>(())) } else { context.call(reset) };
        assert_eq!(result.is_ok(), is_success);
    }
    assert!(opened(&shared), "seven in a row, after three and a success");
}

#[test]
fn slow_calls_of_a_watched_context_open_the_circuit() {
    let text = format!(
        "{ONE_ATTEMPT}[policy.a.rate_breaker]\nfailure_rate = 100\nminimum_calls = 1\nslow_calls = {{ after = \"1ms\", rate = 50 }}\n"
    );
    let shared = SharedPolicy::try_from(&config(&text)).expect("sound");
    let slow = || {
        std::thread::sleep(Duration::from_millis(2));
        Ok::<_, io::Error>(())
    };
    assert!(shared.policy().context(Threads).call(slow).is_ok());
    assert!(!opened(&shared), "a context that is not watched takes no times");
    assert!(shared.policy().context(Threads).watched().call(slow).is_ok());
    assert!(opened(&shared));
}

/// Ten breakers of one file, which open together, do not probe together.
#[test]
fn breakers_of_one_file_draw_their_own_jitter() {
    let text =
        format!("{ONE_ATTEMPT}[policy.a.rate_breaker]\nfailure_rate = 50\nrecovery_timeout = \"20h\"\njitter = 100\n");
    let config = config(&text);
    let mut left: Vec<u32> = (0..10)
        .map(|_| {
            let shared = SharedPolicy::try_from(&config).expect("sound");
            let breaker = shared.breaker().expect("there");
            breaker.open(&StdClock);
            breaker.retry_after(&StdClock).expect("open").get() / 1_000_000
        })
        .collect();
    left.sort_unstable();
    left.dedup();
    assert!(left.len() > 5, "{left:?}");
}

#[test]
fn what_is_read_is_written_again_with_each_default() {
    let text =
        "[policy.a.rate_breaker]\nfailure_rate = 30\ngrowing_timeout = { longest = \"10m\", healthy_after = \"2m\" }\n";
    let file = PolicyFile::parse(text).expect("a policy file");
    let written = file.to_toml();
    let again = PolicyFile::parse(&written).expect("its own text");
    assert!(file.iter().eq(again.iter()), "{written}");
    for line in [
        "[policy.a.rate_breaker]",
        "failure_rate = 30",
        "minimum_calls = 20",
        "probe_rate = 100",
        "longest_ms = 600000",
    ] {
        assert!(written.contains(line), "{line} in {written}");
    }
}

/// A reload that leaves the breaker as it is keeps its state; one that changes it does not.
#[test]
fn a_policy_that_is_replaced_keeps_its_breaker() {
    let before = config("[policy.a]\nrate_breaker.failure_rate = 30\n");
    let old = SharedPolicy::try_from(&before).expect("sound");
    let same = config("[policy.a]\nrate_breaker.failure_rate = 30\nretry.max_attempts = 2\n");
    let other = config("[policy.a]\nrate_breaker.failure_rate = 31\n");
    for (after, is_kept) in [(same, true), (other, false)] {
        let new = after.replace(&before, &old).expect("sound");
        let breakers = [&old, &new].map(|policy| policy.breaker().expect("there"));
        assert_eq!(std::ptr::addr_eq(breakers[0], breakers[1]), is_kept);
    }
}

#[test]
fn contradictions_make_no_policy() {
    let both = "[policy.a]\nbreaker.failure_threshold = 3\nrate_breaker.failure_rate = 30\n";
    assert_eq!(SharedPolicy::try_from(&config(both)).map(drop), Err(ConfigError::TwoBreakers));
    let rates = PolicyConfig { rate_breaker: Some(RateBreakerSettings::new(0)), ..PolicyConfig::default() };
    assert_eq!(SharedPolicy::try_from(&rates).map(drop), Err(ConfigError::RateOutOfRange));
}
