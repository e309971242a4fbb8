//! Names of operations, to tell call sites apart. Run by `cargo run -p redress-std --example operations`.

use std::{cell::RefCell, collections::BTreeMap};

use redress_std::{Backoff, ErrorClass, Event, Policy, Retry, Threads};

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

fn main() {
    let events = RefCell::new(BTreeMap::<_, Vec<_>>::new());
    let count = |event: &Event| events.borrow_mut().entry(event.operation).or_default().push(event.kind.as_str());

    let mut failures = vec![ErrorClass::Transient];
    let mut profile = POLICY.context(Threads).operation("fetch_profile").observe(count);
    assert!(profile.call(|| failures.pop().map_or(Ok(()), Err)).is_ok());
    let mut orders = POLICY.context(Threads).operation("fetch_orders").observe(count);
    assert!(orders.call(|| Err::<(), _>(ErrorClass::Permanent)).is_err());

    for (operation, events) in &*events.borrow() {
        println!("operation={operation} {}", events.join(" "));
    }
    assert_eq!(
        events.into_inner().into_iter().collect::<Vec<_>>(),
        [("fetch_orders", vec!["permanent_fail"]), ("fetch_profile", vec!["retry", "success"])]
    );
}
