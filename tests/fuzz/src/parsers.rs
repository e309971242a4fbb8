//! What others wrote: retained memory, header fields, names of errors, configuration.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use redress_core::{
    Backoff, BreakerConfig, BreakerState, Checkpoint, CircuitBreaker, ErrorClass, Millis, Policy, Retry,
    classify::{name, rate_limit, retry_after},
    testing::TestEnv,
};
use redress_std::file::PolicyFile;

use crate::fault;

/// Bytes of a checkpoint, or others: whatever is accepted is written the same again, and what is resumed ends.
pub(crate) fn checkpoint(input: &mut Unstructured<'_>) -> Result<()> {
    let policy = Policy::new(
        Retry::new(Backoff::exponential(Duration::from_millis(10), Duration::from_secs(60)))
            .max_attempts(5)
            .deadline(Duration::from_secs(600)),
    );
    let slept = Millis::new(input.arbitrary()?);
    let bytes = with_checksum(input)?;
    let Ok(checkpoint) = Checkpoint::from_bytes(&bytes) else { return Ok(()) };
    assert_eq!(checkpoint.to_bytes()[..], bytes[..], "it is written as it was read");
    let mut context = policy.context(TestEnv::new());
    let mut attempts = 0_u32;
    if let Ok(resumed) = context.resume(&checkpoint, slept) {
        let error = resumed
            .call(|| {
                attempts += 1;
                Err::<(), _>(ErrorClass::Transient)
            })
            .expect_err("each attempt fails");
        assert!(attempts <= 5, "{attempts} attempts after {error:?}");
    }
    Ok(())
}

/// Bytes of an open, closed or half-open breaker, or others. What is accepted is saved the same again, and waits no longer than
/// the recovery timeout.
pub(crate) fn retained_breaker(input: &mut Unstructured<'_>) -> Result<()> {
    type Breaker = CircuitBreaker<4>;
    const RECOVERY: u32 = 30_000;
    let config = BreakerConfig::new(3)
        .threshold_for(ErrorClass::Auth, 2)
        .probes(3)
        .recovery_timeout(Duration::from_millis(RECOVERY.into()));
    let (breaker, slept) = (Breaker::new(config), Millis::new(input.arbitrary()?));
    let env = TestEnv::new();
    let mut bytes = [0; Breaker::CHECKPOINT_LEN];
    let changes = input.arbitrary::<u8>()? % 8;
    if changes > 0 {
        // Of a breaker with this configuration, so that more than the fingerprint is read.
        for _ in 0..changes {
            breaker.record_failure(ErrorClass::ALL[input.choose_index(8)?], &env);
            env.clock().advance(Duration::from_millis(input.arbitrary::<u16>()?.into()));
        }
        breaker.checkpoint(&env, &mut bytes).expect("the buffer is long enough");
        for _ in 0..input.int_in_range(0..=4)? {
            let place = input.choose_index(Breaker::CHECKPOINT_LEN - 2)?;
            if !(2..4).contains(&place) {
                bytes[place] = input.arbitrary()?;
            }
        }
        let (content, sum) = bytes.split_at_mut(Breaker::CHECKPOINT_LEN - 2);
        sum.copy_from_slice(&crc(content).to_be_bytes());
    } else {
        input.fill_buffer(&mut bytes)?;
    }
    let restored = Breaker::new(config);
    if restored.restore(&bytes, slept, &env).is_err() {
        assert_eq!(restored.state(), BreakerState::Closed, "unchanged");
        return Ok(());
    }
    if let Some(left) = restored.retry_after(&env) {
        assert!(left.get() <= RECOVERY, "open for {left}");
    }
    let mut again = [0; Breaker::CHECKPOINT_LEN];
    restored.checkpoint(&env, &mut again).expect("the buffer is long enough");
    let copy = Breaker::new(config);
    copy.restore(&again, Millis::ZERO, &env).expect("what it wrote itself");
    let mut third = [0; Breaker::CHECKPOINT_LEN];
    copy.checkpoint(&env, &mut third).expect("the buffer is long enough");
    assert_eq!(again, third, "saved and restored");
    // It works, whatever it was.
    for _ in 0..4 {
        if let Ok(permit) = restored.try_acquire(&env) {
            permit.failure(ErrorClass::Transient, &env);
        }
    }
    env.clock().advance(Duration::from_secs(120));
    assert!(restored.try_acquire(&env).is_ok(), "a probe is admitted in the end");
    Ok(())
}

/// Bytes, of which most have a sound checksum and the version and policy of this build, so that more than these are read.
fn with_checksum(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut bytes = input.arbitrary::<[u8; 32]>()?.to_vec();
    if input.ratio(7, 8)? {
        let policy = Policy::new(
            Retry::new(Backoff::exponential(Duration::from_millis(10), Duration::from_secs(60)))
                .max_attempts(5)
                .deadline(Duration::from_secs(600)),
        );
        let mut context = policy.context(TestEnv::new());
        let sound = context.start().expect("nothing is against it").suspend().to_bytes();
        // Version and fingerprint are in the first word.
        bytes[..4].copy_from_slice(&sound[..4]);
        let (content, sum) = bytes.split_at_mut(30);
        sum.copy_from_slice(&crc(content).to_be_bytes());
    }
    bytes.truncate(input.int_in_range(0..=32)?.max(30));
    Ok(bytes)
}

/// CRC-16/CCITT-FALSE, bit by bit.
fn crc(bytes: &[u8]) -> u16 {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    bits.fold(0xFFFF, |crc, bit| if (crc & 0x8000 != 0) == bit { crc << 1 } else { crc << 1 ^ 0x1021 })
}

/// Values of `Retry-After` and its kin, and of rate limits.
pub(crate) fn headers(input: &mut Unstructured<'_>) -> Result<()> {
    let now = input.arbitrary::<Option<u32>>()?.map(|now| retry_after::UnixSeconds::new(now.into()));
    let date_length = input.int_in_range(0..=40)?;
    let date = input.bytes(date_length.min(input.len()))?;
    let value = input.bytes(input.len())?;
    let spaced = [b" ", value, b"\t"].concat();
    let hint = retry_after::parse(value, now);
    assert_eq!(hint, retry_after::parse(&spaced, now), "whitespace around it is ignored");
    if let (true, Ok(seconds)) =
        (value.iter().all(u8::is_ascii_digit), str::from_utf8(value).unwrap_or_default().parse::<u64>())
    {
        let millis = u32::try_from(seconds.saturating_mul(1_000).saturating_add(fault())).unwrap_or(u32::MAX);
        assert_eq!(hint, Some(Millis::new(millis)), "whole seconds");
        assert_eq!(retry_after::parse_millis(value), Some(Millis::new(u32::try_from(seconds).unwrap_or(u32::MAX))));
    }
    if retry_after::parse(value, None).is_some() {
        assert_eq!(hint, retry_after::parse(value, None), "no clock is needed for a span");
        assert_eq!(hint, retry_after::parse_dated(value, Some(date), now), "nor a date");
    }
    retry_after::parse_dated(value, Some(date), now);
    let quota = rate_limit::parse(value);
    assert_eq!(quota, rate_limit::parse(&spaced));
    if let Some(quota) = quota {
        assert!(quota.remaining.is_some() || quota.reset.is_some(), "it tells something");
        assert_eq!(quota.or_tighter(quota), quota);
    }
    rate_limit::remaining(value);
    rate_limit::reset(value, Some(date), now);
    Ok(())
}

/// Names of errors, as `Debug` writes them: any text has a class, and case and separators around it do not matter.
pub(crate) fn names(input: &mut Unstructured<'_>) -> Result<()> {
    struct Said<'a>(&'a str);

    impl std::fmt::Debug for Said<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            // In parts, as derived implementations write.
            for part in self.0.split_inclusive(' ') {
                f.write_str(part)?;
            }
            Ok(())
        }
    }

    let text = String::from_utf8_lossy(input.bytes(input.len())?).into_owned();
    name::class_of_name(&text);
    let mut buffer = name::NameBuffer::new();
    let leading = name::leading_identifier(&Said(&text), &mut buffer).to_owned();
    assert!(text.contains(&leading), "{leading:?} is part of what was said");
    name::class_of_name(&leading);
    Ok(())
}

/// Policies in TOML: whatever is accepted is written as TOML that is read as the same policies.
pub(crate) fn toml(input: &mut Unstructured<'_>) -> Result<()> {
    let Ok(text) = str::from_utf8(input.bytes(input.len())?) else { return Ok(()) };
    match PolicyFile::parse(text) {
        Ok(file) => {
            for finding in file.findings() {
                assert!(!finding.to_string().is_empty());
            }
            let written = file.to_toml();
            let again = PolicyFile::parse(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert!(again.iter().eq(file.iter()), "the same policies:\n{written}");
        }
        Err(error) => assert!(!error.to_string().contains(|char: char| char.is_control() && char != '\n'), "{error:?}"),
    }
    Ok(())
}
