//! Values by key: made once, shared while they are in use, bounded in number.
#![expect(clippy::items_after_statements, reason = "an item stands where its test uses it")]

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use redress_std::{
    Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, ByKey, CircuitBreaker, ErrorClass, Policy, Retry,
    SelfClassifier, SharedPolicy, StdClock, StopReason, Threads,
};

static ONCE: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1));
const CONFIG: BreakerConfig = BreakerConfig::new(1).recovery_timeout(Duration::from_secs(3_600));

/// Values that tell which of them they are.
fn numbered(capacity: usize) -> ByKey<String, u32> {
    let made = AtomicU32::new(0);
    ByKey::new(capacity, move |_| made.fetch_add(1, Relaxed))
}

#[test]
fn a_value_is_made_once_for_each_key() {
    let map = numbered(8);
    assert!(map.is_empty());
    assert_eq!((*map.get("a"), *map.get("b"), *map.get("a")), (0, 1, 0));
    assert_eq!((map.len(), map.peek("c")), (2, None));
    let mut entries = map.entries();
    entries.sort();
    assert_eq!(entries, [("a".to_owned(), Arc::new(0)), ("b".to_owned(), Arc::new(1))]);
    assert_eq!(format!("{map:?}"), "ByKey { len: 2, .. }");
    // Forgotten, it is made anew.
    assert_eq!(map.remove("a").as_deref(), Some(&0));
    assert_eq!((map.remove("a"), *map.get("a")), (None, 2));
}

#[test]
fn a_full_map_evicts_one_that_was_not_asked_for() {
    let map = numbered(3);
    for key in ["a", "b", "c", "d"] {
        map.get(key);
    }
    // All had just been asked for; "a" was the first that the search came by.
    assert_eq!((map.len(), map.peek("a")), (3, None));
    map.get("b");
    map.get("e");
    assert_eq!((map.peek("b").as_deref(), map.peek("c")), (Some(&1), None));
}

#[test]
fn a_value_in_use_is_never_evicted() {
    let map = numbered(2);
    let held = map.get("held");
    for other in 0..1_000 {
        map.get(&format!("other {other}"));
        assert!(map.len() <= 2);
    }
    assert!(Arc::ptr_eq(&held, &map.get("held")));
    // Once all are in use, a further one serves its caller and is not kept.
    let other = map.get("other");
    let further = map.get("further");
    assert_eq!((map.len(), map.peek("further")), (2, None));
    assert_ne!(further, map.get("further"));
    drop(held);
    map.get("further");
    assert!(map.peek("further").is_some() && map.peek("held").is_none());
    assert!(Arc::ptr_eq(&other, &map.get("other")));
}

#[test]
fn the_number_of_keys_is_bounded_at_any_capacity() {
    for capacity in [0, 1, 2, 63, 64, 127, 128, 1_000, 4_096] {
        let map: ByKey<u64, ()> = ByKey::new(capacity, |_| ());
        for key in 0..20_000 {
            map.get(&key);
        }
        let most = capacity.max(1).next_multiple_of(16);
        assert!(map.len() <= most && map.len() >= capacity, "{} of {capacity}", map.len());
        assert!(capacity >= 128 || map.len() == capacity.max(1));
    }
}

#[test]
fn threads_that_ask_for_one_key_get_one_value() {
    let map = numbered(4);
    for round in 0..50 {
        let (key, barrier) = (format!("key {round}"), Barrier::new(4));
        let values: Vec<_> = thread::scope(|scope| {
            let ask = || {
                barrier.wait();
                map.get(key.as_str())
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(values.iter().all(|value| Arc::ptr_eq(value, &values[0])), "round {round}");
    }
}

#[test]
fn the_function_may_use_the_map() {
    let map: Arc<std::sync::OnceLock<ByKey<u32, u32>>> = Arc::default();
    let inner = map.clone();
    let sum = move |key: &u32| if *key == 0 { 0 } else { *inner.get().unwrap().get(&(key - 1)) + key };
    assert_eq!(*map.get_or_init(|| ByKey::new(8, sum)).get(&7), 28);
}

#[test]
fn a_circuit_opens_for_its_key_alone() {
    let shards = ByKey::new(8, |_: &u32| CircuitBreaker::<1>::new(CONFIG));
    let call = |shard: u32, result: Result<(), ErrorClass>| {
        let breaker = shards.get(&shard);
        let mut context = ONCE.context(Threads).circuit_breaker(&breaker).classifier(SelfClassifier);
        context.execute(|| result).stop_reason
    };
    assert_eq!(call(1, Err(ErrorClass::Transient)), Some(StopReason::MaxAttemptsGlobal));
    assert_eq!(call(1, Ok(())), Some(StopReason::CircuitOpen));
    assert_eq!(call(2, Ok(())), None);
    let state = |shard| shards.peek(&shard).map(|breaker| breaker.state());
    assert_eq!((state(1), state(2), state(3)), (Some(BreakerState::Open), Some(BreakerState::Closed), None));
}

#[test]
fn a_budget_is_spent_by_its_key_alone() {
    let tenants = ByKey::new(8, |_: &String| Budget::<0>::new(BudgetConfig::token_bucket(1)));
    static TWICE: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));
    let attempts = |tenant: &str| {
        let budget = tenants.get(tenant);
        let mut context = TWICE.context(Threads).budget(&budget).classifier(SelfClassifier);
        context.execute(|| Err::<(), _>(ErrorClass::Transient)).attempts
    };
    assert_eq!((attempts("a"), attempts("a"), attempts("b"), attempts("b")), (2, 1, 2, 1));
}

#[test]
fn a_policy_by_key_has_the_default_budget() {
    let hosts: ByKey<String, SharedPolicy> = ByKey::new(8, |_| SharedPolicy::new(Retry::new(Backoff::none())));
    let left = |host: &str| hosts.get(host).retry_budget().map(|budget| budget.remaining(&StdClock));
    assert_eq!(left("a"), Some(10));
    let host = hosts.get("a");
    let policy = host.policy();
    policy.context(Threads).classifier(SelfClassifier).execute(|| Err::<(), _>(ErrorClass::Transient));
    assert_eq!((left("a"), left("b")), (Some(5), Some(10)));
}
