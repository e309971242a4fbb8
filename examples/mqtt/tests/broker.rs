//! The story as the broker's log tells it.
#![cfg(unix)]

use mqtt_uplink::{CLIENT, DEATHS, play};
use redress_std::{Cause, ErrorClass, EventKind, StopReason};

/// The end of a line about a CONNACK with the code for a client that is not authorised.
const REFUSED: &str = " (0, 5)";
/// The end of a line about a CONNACK that establishes a session.
const ACCEPTED: &str = "Sending CONNACK to uplink (0, 0)";
/// The end of a line about a connection that ends without a word.
const CLOSED: &str = "Client uplink closed its connection.";

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_sees_a_session_for_each_that_was_told_and_nothing_after_it_refused() {
    let story = play().await.expect("Mosquitto, and the story");
    let told = |kind| story.events.iter().filter(|event| event.kind == kind).count();

    // What the broker accepted is what was established: a session before each restart, those that died, and the last.
    let client = format!(" as {CLIENT} (");
    let accepted: Vec<_> = story.log.iter().filter(|line| line.contains(&client)).collect();
    assert_eq!(accepted.len(), told(EventKind::SessionEstablished), "{:#?}", story.log);
    assert!(accepted.len() >= 3 + DEATHS);
    assert_eq!(told(EventKind::SessionEstablished), told(EventKind::SessionLost));

    // The wrong credentials end it with the right reason, at the first refusal.
    let refused: Vec<_> = story.log.iter().filter(|line| line.ends_with(REFUSED)).collect();
    assert_eq!(refused.len(), 1, "{:#?}", story.log);
    assert_eq!(story.gave_up.reason, StopReason::NonRetryableClass);
    assert_eq!(story.gave_up.last_class, Some(ErrorClass::Auth));
    assert!(story.gave_up.error.is_some());
    let last_accepted = story.log.iter().rposition(|line| line.contains(&client));

    // Nothing else came to the broker: an attempt that hangs has reached nobody, and after the refusal there is none.
    let connections = story.log.iter().filter(|line| line.contains(": New connection from "));
    assert_eq!(connections.count(), accepted.len() + refused.len(), "{:#?}", story.log);
    let refusal = story.log.iter().position(|line| line.ends_with(REFUSED));
    assert!(last_accepted < refusal);
    assert!(
        !story.log.iter().skip_while(|line| !line.ends_with(REFUSED)).any(|line| line.contains(": New connection"))
    );

    // Each connection that died did so right after its CONNACK, as the broker saw it.
    let closed: Vec<_> = story.log.windows(2).filter(|lines| lines[1].ends_with(CLOSED)).collect();
    assert!(closed.len() >= DEATHS, "{:#?}", story.log);
    assert!(closed.iter().all(|lines| lines[0].ends_with(ACCEPTED)), "{closed:#?}");

    // After a session that lasted the attempts count anew; those that die after their handshake are counted on.
    let lost: Vec<_> = story.events.iter().filter(|event| event.kind == EventKind::SessionLost).collect();
    let retries = |from: usize| story.events[from..].iter().find(|event| event.kind == EventKind::Retry);
    let first = story.events.iter().position(|event| event == lost[0]).expect("it is one of them");
    assert_eq!(retries(first).map(|event| event.attempt), Some(1));
    let dead: Vec<_> = lost[2..2 + DEATHS].iter().map(|event| event.attempt).collect();
    assert!(dead.is_sorted_by(|before, after| before < after), "{dead:?}");
    assert!(story.events.iter().any(|event| event.cause == Some(Cause::Timeout)), "the broker hung");
}
