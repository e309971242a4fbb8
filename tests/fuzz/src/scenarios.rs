//! Scenarios of a fleet in TOML, and what comes of those that are accepted.

use std::{fmt::Write, time::Duration};

use arbitrary::{Result, Unstructured};
use redress_std::{
    SharedPolicy,
    file::PolicyFile,
    simulate::{Scenario, picture},
};

/// What a key takes.
#[derive(Clone, Copy)]
enum Kind {
    Span,
    Count,
    Number,
    Word(&'static [&'static str]),
}

use Kind::{Count, Number, Span, Word};

/// Keys without which there is no scenario.
const NEEDED: [(&str, Kind); 3] = [("clients", Count), ("calls.every", Span), ("server.capacity_per_second", Number)];

const KEYS: [(&str, Kind); 33] = [
    ("policy", Word(&["a", "b"])),
    ("client_timeout", Span),
    ("watch", Span),
    ("shared", Word(&["client", "fleet"])),
    ("shared.process", Count),
    ("seed", Count),
    ("seeds", Count),
    ("exact", Word(&["true"])),
    ("max_events", Count),
    ("calls.jitter", Number),
    ("calls.next", Word(&["after", "fixed", "poisson"])),
    ("keep.stable_after", Span),
    ("keep.spread", Span),
    ("keep.wake_interval", Span),
    ("server.work", Word(&["constant", "exponential"])),
    ("server.latency", Span),
    ("server.latency.exponential", Span),
    ("server.latency.base", Span),
    ("server.latency.per_request", Span),
    ("server.network", Span),
    ("server.queue", Span),
    ("server.reject_cost", Number),
    ("server.retry_after", Span),
    ("server.retry_after_jitter", Span),
    ("event.start", Span),
    ("event.lasts", Span),
    ("event.factor", Number),
    ("event.share", Number),
    ("event.boot_spread", Span),
    ("event.period", Span),
    ("event.instances", Count),
    ("expect.back", Number),
    ("expect.within", Span),
];

/// The kinds of events, each with the key that it needs.
const EVENTS: [(&str, Option<(&str, Kind)>); 9] = [
    ("nothing", None),
    ("outage", None),
    ("blackhole", None),
    ("slow", Some(("event.factor", Number))),
    ("errors", Some(("event.share", Number))),
    ("power_cut", Some(("event.boot_spread", Span))),
    ("surge", Some(("event.factor", Number))),
    ("flapping", Some(("event.period", Span))),
    ("rolling_restart", Some(("event.instances", Count))),
];

/// Policies with a breaker and a budget, and without.
const POLICIES: &str = "[policy.a]
retry.backoff = { delay.full_jitter = { base = \"1s\", max = \"60s\" }, retry_after = true }
retry.attempt_timeout = \"2s\"
breaker.failure_threshold = 3
[policy.b.retry]
max_attempts = \"unlimited\"
deadline = \"none\"
backoff.delay = \"none\"
[scenario.s]
";

fn value(kind: Kind, input: &mut Unstructured<'_>) -> Result<String> {
    let kind = match input.arbitrary::<u8>()? {
        // Now and then, one of another type.
        0..8 => *input.choose(&[Span, Count, Number, Word(&["none"])])?,
        _ => kind,
    };
    Ok(match kind {
        Span => format!("\"{}{}\"", input.arbitrary::<u8>()?, input.choose(&["ms", "s", "s", "s", "m", "h"])?),
        Count => match input.arbitrary::<u8>()? {
            0..8 => input.arbitrary::<i64>()?.to_string(),
            small => small.to_string(),
        },
        Number => match input.arbitrary::<u8>()? {
            0..8 => (*input.choose(&["nan", "inf", "-0.5", "1e300", "1e-300", "7"])?).to_owned(),
            8..128 => format!("{:.3}", f64::from(input.arbitrary::<u16>()?) / 1_000.0),
            _ => format!("{:.3}", f64::from(input.arbitrary::<u8>()?) / 255.0),
        },
        Word(&["true"]) => "true".to_owned(),
        Word(words) => format!("\"{}\"", input.choose(words)?),
    })
}

fn file(input: &mut Unstructured<'_>) -> Result<String> {
    let mut text = POLICIES.to_owned();
    let mut line = |key: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key} = {value}");
    };
    for (key, kind) in NEEDED {
        line(key, value(kind, input)?);
    }
    let (event, needed) = *input.choose(&EVENTS)?;
    line("event.kind", format!("\"{event}\""));
    let mut keys = KEYS.to_vec();
    if let Some((needed, kind)) = needed
        && !input.ratio(1, 16)?
    {
        keys.retain(|(key, _)| *key != needed);
        line(needed, value(kind, input)?);
    }
    for _ in 0..input.int_in_range(0..=9)? {
        let (key, kind) = keys.swap_remove(input.choose_index(keys.len())?);
        line(key, value(kind, input)?);
    }
    Ok(text)
}

/// Scenarios: what is refused has a place in the file, and what is accepted is played, twice with the same result.
pub(crate) fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let text = file(input)?;
    let file = match PolicyFile::parse(&text) {
        Ok(file) => file,
        Err(error) => {
            let place = error.position().unwrap_or_else(|| panic!("{error} has no place in\n{text}"));
            let line = text.lines().nth(place.line - 1).unwrap_or_else(|| panic!("{error} is outside of\n{text}"));
            assert!((1..=line.chars().count() + 1).contains(&place.column), "{error}\n{text}");
            return Ok(());
        }
    };
    for entry in file.scenarios() {
        assert_eq!(entry.scenario.validate(), Ok(()), "{text}");
        let policy = file.get(entry.policy.as_deref().unwrap_or("b")).expect("it is in the file");
        let policy = SharedPolicy::try_from(policy).expect("it is sound");
        play(&entry.scenario, &policy, &text);
    }
    Ok(())
}

fn play(scenario: &Scenario, policy: &SharedPolicy, text: &str) {
    let length = scenario.event_start() + scenario.event.lasts + scenario.watch;
    if scenario.simulated_clients() > 300 || length > Duration::from_secs(7_200) {
        return;
    }
    let scenario = scenario.clone().seeds(1).max_events(2_000);
    let report = match scenario.try_run("a", policy.policy(), &|_| ()) {
        Ok(report) => report,
        // A policy that cannot keep up a connection.
        Err(error) => return assert_eq!(error.field(), "keep", "{error}\n{text}"),
    };
    assert_eq!(report.runs, scenario.run("a", policy.policy()).runs, "twice the same\n{text}");
    let run = &report.runs[0];
    assert!(run.attempts.is_conserved() && run.back.len() <= run.clients as usize, "{:?}\n{text}", run.attempts);
    let image = picture(&[report]);
    assert!(image.ends_with("</svg>\n") && !image.contains("NaN") && !image.contains("inf"), "{image}\n{text}");
}
