//! `--show`.

use std::fs;

use crate::cli::{EXAMPLE, Ran, file, redress};
use serde_json::Value;

use crate::json;

#[test]
fn the_documented_example_is_clean() {
    let Ran { code, out, err } = redress(["doctor", EXAMPLE, "--deny", "notes"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.ends_with("policy.toml: 3 policies, nothing to report\n"), "{out}");
}

#[test]
fn what_is_shown_reads_as_the_same_policies() {
    let Ran { code, out, .. } = redress(["doctor", EXAMPLE, "--show"]);
    assert_eq!(code, Some(0));
    let shown = out.rsplit_once("\n\n").expect("the report follows").0;
    for line in ["max_unknown = 1", "retry_after_cap_ms = \"auto\"", "retry_after = false", "probe_lease_ms = 60000"] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
    let again = file("shown.toml", shown);
    let Ran { out: twice, .. } = redress(["doctor", &again, "--show"]);
    assert_eq!(twice.rsplit_once("\n\n").expect("the report follows").0, shown);

    let text = fs::read_to_string(EXAMPLE).expect("the example");
    let (_, report) = json("show.toml", &text);
    assert_eq!(report.get("policies"), None);
    let Ran { out, .. } = redress(["doctor", EXAMPLE, "--show", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["policies"]["database"]["retry"]["retry_after_cap_ms"], "auto");
    assert_eq!(report["policies"]["payments"]["breaker"]["probe_lease_ms"], 60_000);
}

#[test]
fn the_default_backoff_and_the_default_budget_are_shown() {
    let path = file("defaults.toml", "[policy.a]\n");
    let Ran { out, .. } = redress(["doctor", path.as_str(), "--show"]);
    for shown in [
        "[policy.a.retry.backoff.delay.equal_jitter]\nbase_ms = 250\nmax_ms = 30000\n",
        "[policy.a.budget.token_bucket]\ncapacity = 10\nrefill_per_success_millitokens = 100\nrefill_per_second_millitokens = 1\n",
    ] {
        assert!(out.contains(shown), "{shown} in {out}");
    }
}
