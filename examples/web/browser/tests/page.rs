//! The page as such: for small windows, for keyboards, for settings that make no sense; and what it looks like.

mod common;

use common::with_page;

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const RIGHT: char = '\u{e014}';

/// All that can be reached by the keyboard, in the order of the document.
const REACHABLE: &str = r#"[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex]")]
    .filter((e) => !e.disabled && !e.closest("details:not([open]) > :not(summary)")).map((e) => e.id || e.textContent.trim() || e.className)"#;
const FOCUSED: &str = "(({ activeElement: e }) => e.id || e.textContent.trim() || e.className)(document)";

#[tokio::test]
async fn every_control_is_reached_by_tab_and_a_run_needs_no_mouse() {
    with_page(async |page| {
        let chrome = &page.chrome;
        let wanted = chrome.eval(REACHABLE).await?;
        let wanted: Vec<_> = wanted.as_array().ok_or("no list")?.iter().filter_map(|id| id.as_str()).collect();
        assert!(wanted.len() > 25, "{wanted:?}");
        for id in &wanted {
            chrome.press(TAB).await?;
            assert_eq!(chrome.eval(FOCUSED).await?, **id, "in {wanted:?}");
            let outline = chrome.eval("getComputedStyle(document.activeElement).outlineStyle").await?;
            assert_eq!(outline, "solid", "no focus to be seen on {id}");
        }

        page.load().await?;
        for id in wanted.iter().take_while(|id| **id != "max_attempts") {
            chrome.press(TAB).await?;
            assert_eq!(chrome.eval(FOCUSED).await?, **id);
        }
        chrome.press(TAB).await?;
        chrome.press(RIGHT).await?;
        assert_eq!(chrome.eval("document.querySelector('output[for=max_attempts]').textContent.trim()").await?, "7");
        chrome.press(ENTER).await?;
        page.until("done").await?;
        let (shown, log) = page.read().await?;
        assert_eq!((shown.number("succeeded"), log.len()), (4, 16));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn every_control_has_a_label_and_every_slider_says_its_value() {
    with_page(async |page| {
        let without = page
            .chrome
            .eval(
                r#"[...document.querySelectorAll("input, select")]
                    .filter((e) => !e.labels.length || (e.type === "range" && !e.getAttribute("aria-valuetext")))
                    .map((e) => e.id)"#,
            )
            .await?;
        assert_eq!(without, serde_json::json!([]));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused_in_the_policys_words() {
    with_page(async |page| {
        page.set("base_ms", "2000").await?;
        page.set("cap_ms", "100").await?;
        page.click("start").await?;
        page.chrome.until("document.getElementById('problem').textContent !== ''").await?;
        let problem = page.chrome.eval("document.getElementById('problem').textContent").await?;
        assert_eq!(problem, "backoff base: must be at most max");
        let (_, log) = page.read().await?;
        assert_eq!(log, []);

        // And the next one that makes sense runs.
        page.set("cap_ms", "4000").await?;
        page.set("base_ms", "50").await?;
        assert_eq!(page.run().await?.0.number("succeeded"), 4);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn stop_aborts_waits() {
    with_page(async |page| {
        page.choose("exhausted").await?;
        page.set("jitter", "'Constant'").await?;
        page.set("base_ms", "2000").await?;
        page.set("max_attempts", "12").await?;
        page.click("start").await?;
        page.until("running").await?;
        page.chrome.until("Number(document.querySelector('[data-number=requests]').textContent) >= 3").await?;
        page.click("stop").await?;
        page.until("done").await?;
        let (shown, log) = page.read().await?;
        assert!(shown.rows.iter().all(|row| row.end == "aborted"), "{:?}", shown.rows);
        assert!(log.len() < 36);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_phone_has_no_scrolling_sideways() {
    with_page(async |page| {
        for width in [360, 390] {
            page.chrome.resize(width, 780).await?;
            page.load().await?;
            page.choose("weather").await?;
            page.run().await?;
            page.chrome.eval("document.querySelectorAll('details').forEach((d) => (d.open = true))").await?;
            let wide = page.chrome.eval("document.documentElement.scrollWidth").await?;
            assert_eq!(wide, width, "the page is wider than the window");
            let out = r#"[...document.querySelectorAll("body *")].filter((e) => !e.closest(".scroll, #tip, #legend svg")
                && e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 0.5)
                .map((e) => e.id || e.className || e.tagName)"#;
            assert_eq!(page.chrome.eval(out).await?, serde_json::json!([]), "out of sight at {width}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn pictures() {
    with_page(async |page| {
        for scenario in ["breaker", "in_step", "spread", "deadline", "weather"] {
            page.choose(scenario).await?;
            page.run().await?;
            page.chrome.shot(&format!("desktop-{scenario}.png"), 1280).await?;
        }
        page.chrome.prefer(&[("prefers-color-scheme", "dark")]).await?;
        page.chrome.shot("desktop-dark.png", 1280).await?;
        page.chrome.resize(390, 780).await?;
        page.load().await?;
        page.choose("spread").await?;
        page.run().await?;
        page.chrome.shot("phone-dark.png", 390).await?;
        page.chrome.prefer(&[("prefers-color-scheme", "light")]).await?;
        page.choose("breaker").await?;
        page.run().await?;
        page.chrome.shot("phone.png", 390).await?;
        // A picture which shows nothing has one colour.
        let colours = page
            .chrome
            .eval(
                r#"(() => {
                    const canvas = document.getElementById("chart");
                    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                    return new Set(new Uint32Array(data.buffer)).size;
                })()"#,
            )
            .await?;
        assert!(colours.as_u64() > Some(20), "{colours} colours");
        Ok(())
    })
    .await;
}
