//! The page of the fleet: what it shows is what the same code says on the host, and it is played off the page's thread.

mod common;

use common::with_page;
use web_browser::{Page, Result};
use web_page::{Fleet, Happening, Jitter, Played, Settings};

/// The settings with which the page begins.
fn first() -> (Fleet, Settings) {
    let fleet = Fleet { clients: 1_000_000, ..Fleet::new() };
    let mut policy = Settings::new();
    (policy.jitter, policy.base_ms, policy.cap_ms, policy.max_attempts) = (Jitter::Equal, 1_000, 300_000, u32::MAX);
    policy.recovery_ms = 30_000;
    (fleet, policy)
}

fn on_the_host(fleet: &Fleet, policy: &Settings, peer: Option<&str>) -> Played {
    fleet.play(policy, peer.map(str::to_owned)).expect("sound settings")
}

/// Moves a control, and waits until the fleet has been played for it.
async fn turn(page: &Page, control: &str, value: &str) -> Result<()> {
    page.set(control, value).await?;
    page.until("done").await
}

/// The pictures as the page has them, in the words in which a browser writes SVG.
async fn pictures(page: &Page) -> Result<Vec<serde_json::Value>> {
    let shown = "[...document.querySelectorAll('#pictures svg')].map((svg) => svg.outerHTML)";
    Ok(page.chrome.eval(shown).await?.as_array().ok_or("no list")?.clone())
}

/// The same words for pictures of the host.
async fn in_its_words(page: &Page, played: &[Played]) -> Result<Vec<serde_json::Value>> {
    let texts: Vec<&str> = played.iter().map(|played| played.picture.as_str()).collect();
    let texts = serde_json::to_string(&texts)?;
    let words = format!(
        "{texts}.map((text) => {{ const at = document.createElement('div'); at.innerHTML = text; return at.firstElementChild.outerHTML; }})"
    );
    Ok(page.chrome.eval(&words).await?.as_array().ok_or("no list")?.clone())
}

#[tokio::test]
async fn what_it_shows_is_what_the_host_says() {
    with_page(async |page| {
        page.load_fleet().await?;
        let (mut fleet, mut policy) = first();
        let compare = async |fleet: &Fleet, policy: &Settings, peer: Option<&str>| -> Result<()> {
            let mut played = vec![on_the_host(fleet, policy, None)];
            played.extend(peer.map(|peer| on_the_host(fleet, policy, Some(peer))));
            assert_eq!(pictures(page).await?, in_its_words(page, &played).await?);
            let verdicts: String = played.iter().fold(String::new(), |told, played| told + &played.verdict + ". ");
            let status = page.chrome.eval("document.getElementById('status').textContent").await?;
            assert_eq!(status, verdicts.trim_end());
            let events: u64 = played.iter().map(|played| played.events).sum();
            assert_eq!(page.chrome.eval("Number(document.body.dataset.events)").await?, events);
            let took = page.chrome.eval("document.body.dataset.took").await?;
            println!("{events} events, {took} ms in the slower of {} workers: {verdicts}", played.len());
            Ok(())
        };
        compare(&fleet, &policy, Some("default")).await?;

        turn(page, "jitter", "'Decorrelated'").await?;
        policy.jitter = Jitter::Decorrelated;
        compare(&fleet, &policy, Some("default")).await?;

        turn(page, "against", "'polly'").await?;
        turn(page, "happening", "'PowerCut'").await?;
        turn(page, "boot_spread_s", "60").await?;
        (fleet.happening, fleet.boot_spread_s) = (Happening::PowerCut, 60);
        compare(&fleet, &policy, Some("polly")).await?;

        turn(page, "against", "''").await?;
        turn(page, "tokens", "4").await?;
        turn(page, "threshold", "3").await?;
        turn(page, "retry_after_s", "60").await?;
        (fleet.tokens, fleet.retry_after_s, policy.threshold) = (4, 60, 3);
        compare(&fleet, &policy, None).await
    })
    .await;
}

#[tokio::test]
async fn the_thread_of_the_page_never_has_the_wasm() {
    with_page(async |page| {
        page.load_fleet().await?;
        let loaded = "performance.getEntriesByType('resource').map((entry) => entry.name.split('/').pop())";
        let loaded = page.chrome.eval(loaded).await?;
        let loaded = loaded.as_array().ok_or("no list")?;
        assert!(loaded.contains(&"fleet.js".into()), "{loaded:?}");
        assert!(!loaded.iter().any(|name| name.as_str().is_some_and(|name| name.contains(".wasm"))), "{loaded:?}");
        Ok(())
    })
    .await;
}

/// Of many moves at once, the last is what is shown, and most of the others are not even played.
#[tokio::test]
async fn moves_that_come_faster_than_runs_are_left_out() {
    with_page(async |page| {
        page.load_fleet().await?;
        let sweep = r#"(() => {
            const cap = document.getElementById("cap_ms");
            for (let value = 10; value <= 100; value += 1) {
                cap.value = value * 1000;
                cap.dispatchEvent(new Event("input", { bubbles: true }));
            }
            return cap.value;
        })()"#;
        assert_eq!(page.chrome.eval(sweep).await?, "100000");
        page.until("done").await?;
        assert_eq!(page.chrome.eval("document.body.dataset.moves").await?, "92");
        let (fleet, policy) = first();
        let played = on_the_host(&fleet, &Settings { cap_ms: 100_000, ..policy }, None);
        assert_eq!(pictures(page).await?[0], in_its_words(page, &[played]).await?[0]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused_in_the_policys_words() {
    with_page(async |page| {
        page.load_fleet().await?;
        turn(page, "base_ms", "10000").await?;
        turn(page, "cap_ms", "1000").await?;
        let problem = page.chrome.eval("document.getElementById('problem').textContent").await?;
        assert_eq!(problem, "backoff base: must be at most max");
        turn(page, "cap_ms", "20000").await?;
        assert_eq!(page.chrome.eval("document.getElementById('problem').textContent").await?, "");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn every_control_has_a_label_and_a_phone_has_no_scrolling_sideways() {
    with_page(async |page| {
        page.chrome.resize(360, 780).await?;
        page.load_fleet().await?;
        page.chrome.eval("document.querySelectorAll('details').forEach((d) => (d.open = true))").await?;
        let without = r#"[...document.querySelectorAll("input, select")]
            .filter((e) => !e.labels.length || (e.type === "range" && !e.getAttribute("aria-valuetext"))).map((e) => e.id)"#;
        assert_eq!(page.chrome.eval(without).await?, serde_json::json!([]));
        assert_eq!(page.chrome.eval("document.documentElement.scrollWidth").await?, 360);
        page.chrome.shot("fleet-phone.png", 360).await?;
        page.chrome.resize(1600, 1_000).await?;
        page.load_fleet().await?;
        page.chrome.shot("fleet.png", 1600).await
    })
    .await;
}
