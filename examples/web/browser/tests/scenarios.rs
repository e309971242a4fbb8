//! Each scenario, run in the browser: what the page shows is what the server saw, and what the policy promises.

mod common;

use std::collections::BTreeSet;

use common::with_page;
use web_browser::Row;
use web_server::Entry;

fn statuses(log: &[Entry], client: u32) -> Vec<Option<u16>> {
    log.iter().filter(|entry| entry.attempt.client == client).map(|entry| entry.status).collect()
}

fn ends(rows: &[Row]) -> BTreeSet<&str> {
    rows.iter().map(|row| row.end.as_str()).collect()
}

#[tokio::test]
async fn trouble_then_success() {
    with_page(async |page| {
        page.choose("recovers").await?;
        let (shown, log) = page.run().await?;
        assert_eq!((shown.number("calls"), shown.number("succeeded")), (4, 4));
        for client in 1..=4 {
            assert_eq!(statuses(&log, client), [Some(503), Some(503), Some(503), Some(200)]);
        }
        assert_eq!(shown.numbers["load"], "4.00");
        // Decorrelated jitter from 250 ms: each wait is at least that, and clients do not wait alike.
        let waits: Vec<_> = shown.rows.iter().map(Row::waits).collect();
        assert!(waits.iter().flatten().all(|wait| (250..=4_000).contains(wait)), "{waits:?}");
        assert_eq!(waits.iter().collect::<BTreeSet<_>>().len(), 4, "{waits:?}");

        // A page that is loaded again draws other numbers.
        page.load().await?;
        page.choose("recovers").await?;
        let (shown, _) = page.run().await?;
        assert_ne!(shown.rows.iter().map(Row::waits).collect::<Vec<_>>(), waits);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_no_retry_mends_is_asked_once() {
    with_page(async |page| {
        page.choose("forbidden").await?;
        let (shown, log) = page.run().await?;
        assert_eq!((shown.number("gave_up"), log.len()), (3, 3));
        assert_eq!(ends(&shown.rows), ["non_retryable_class"].into());
        assert!(shown.rows.iter().all(|row| row.waits == "none"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn gives_up_after_as_many_attempts_as_allowed_and_says_why() {
    with_page(async |page| {
        page.choose("exhausted").await?;
        page.set("max_attempts", "4").await?;
        let (shown, log) = page.run().await?;
        assert_eq!(ends(&shown.rows), ["max_attempts_global"].into());
        for client in 1..=3 {
            assert_eq!(statuses(&log, client), [None; 4]);
        }
        assert!(shown.status.contains("3 × max_attempts_global"), "{}", shown.status);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn nobody_comes_back_sooner_than_the_server_asked() {
    with_page(async |page| {
        page.choose("retry_after").await?;
        let (shown, log) = page.run().await?;
        assert_eq!((shown.number("succeeded"), log.len()), (5, 15));
        for client in 1..=5 {
            let times: Vec<_> = log.iter().filter(|e| e.attempt.client == client).map(|e| e.at_ms).collect();
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "client {client} came at {times:?}");
        }
        assert!(shown.rows.iter().flat_map(Row::waits).all(|wait| wait >= 1_000));

        // The box decides, not the server: without it, waits are those of the backoff.
        page.set("retry_after", "false").await?;
        let (shown, _) = page.run().await?;
        assert!(shown.rows.iter().all(|row| row.waits()[0] <= 300), "{:?}", shown.rows);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_wait_that_would_reach_the_deadline_is_not_begun() {
    with_page(async |page| {
        page.choose("deadline").await?;
        let (shown, log) = page.run().await?;
        assert_eq!((shown.number("gave_up"), shown.rows.len()), (3, 3));
        for row in &shown.rows {
            assert!(row.end.starts_with("deadline_exceeded (wait of "), "{row:?}");
            let seconds: f64 = row.took.trim_end_matches(" s").parse()?;
            assert!(seconds < 2.0, "the call went on beyond its deadline: {row:?}");
            assert_eq!(row.waits().len() + 1, row.attempts().len(), "{row:?}");
        }
        assert!(log.iter().all(|entry| entry.status == Some(503)));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_request_without_an_answer_ends_with_the_deadline() {
    with_page(async |page| {
        page.choose("deadline").await?;
        // As many requests as the browser opens connections: unless they are taken back, the page never gets the log.
        page.set("clients", "6").await?;
        // An hour. The slider itself does not go that far.
        page.chrome.eval("document.getElementById('latency_ms').max = 3600000").await?;
        page.set("latency_ms", "3600000").await?;
        let (shown, log) = page.run().await?;
        assert_eq!((shown.number("gave_up"), log.len()), (6, 6));
        assert_eq!(ends(&shown.rows), ["deadline_exceeded"].into());
        for row in &shown.rows {
            assert_eq!((row.attempts(), row.waits()), (vec!["timed out"], vec![]), "{row:?}");
        }
        assert!(shown.status.contains("6 × deadline_exceeded"), "{}", shown.status);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_breaker_opens_rejects_probes_and_recovers() {
    with_page(async |page| {
        page.choose("breaker").await?;
        let (shown, log) = page.run().await?;
        let states: Vec<_> = shown.breaker.trim_start_matches("Breaker: ").split(" → ").collect();
        assert_eq!(states[..3], ["closed", "open", "half-open"], "{states:?}");
        assert_eq!(states[states.len() - 2..], ["half-open", "closed"], "{states:?}");
        for pair in states.windows(2) {
            let allowed = [("closed", "open"), ("open", "half-open"), ("half-open", "open"), ("half-open", "closed")];
            assert!(allowed.contains(&(pair[0], pair[1])), "{states:?}");
        }
        let rejected = shown.rows.iter().filter(|row| row.attempts == "no request").count();
        assert_eq!(rejected, shown.number("rejected"));
        assert!(rejected > 0 && shown.number("succeeded") > 0, "{}", shown.status);
        let back = |row: &&Row| row.attempts == "no request" && !row.end.starts_with("circuit_open (back in ");
        assert_eq!(shown.rows.iter().find(back).map(|row| &row.end), None);
        // While it was open, the server had its peace: fewer requests than the calls alone would have been.
        assert!(log.len() < 2 * shown.number("calls"), "{} requests", log.len());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn all_clients_together_retry_no_more_than_the_budget_allows() {
    with_page(async |page| {
        page.choose("budget").await?;
        page.set("budget_ms", "20000").await?;
        let (shown, log) = page.run().await?;
        let calls = shown.number("calls");
        let retries = log.len() - calls;
        assert_eq!((calls, shown.number("budget")), (24, 0));
        assert_eq!(retries, 12);
        assert!(shown.status.contains("× budget_exhausted"), "{}", shown.status);

        page.set("budget", "0").await?;
        page.set("max_attempts", "3").await?;
        let (shown, log) = page.run().await?;
        assert_eq!((log.len(), shown.numbers["budget"].as_str()), (72, "–"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn jitter_spreads_a_herd_that_else_stays_in_step() {
    with_page(async |page| {
        let first_waits =
            |rows: &[Row]| -> Vec<u32> { rows.iter().filter_map(|row| row.waits().first().copied()).collect() };

        page.choose("in_step").await?;
        let (shown, _) = page.run().await?;
        let in_step = first_waits(&shown.rows);
        assert_eq!((in_step.len(), in_step.iter().collect::<BTreeSet<_>>()), (30, [&400].into()));

        page.choose("spread").await?;
        let (shown, _) = page.run().await?;
        let spread = first_waits(&shown.rows);
        assert!(spread.iter().all(|wait| *wait <= 800), "{spread:?}");
        // Thirty draws out of 801 that coincide more than ten times: less likely than a meteorite.
        assert!(spread.iter().collect::<BTreeSet<_>>().len() >= 20, "{spread:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn bad_weather_is_the_same_on_both_sides() {
    with_page(async |page| {
        page.choose("weather").await?;
        let (shown, log) = page.run().await?;
        assert_eq!(shown.number("calls"), 40);
        assert!(log.iter().any(|entry| entry.status.is_none()) && log.iter().any(|entry| entry.status == Some(429)));
        Ok(())
    })
    .await;
}
