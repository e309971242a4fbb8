//! The rules by name.

use redress_core::lint::{Lint, Severity};

/// A rule a policy in a file is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The name, which does not change between versions.
    pub name: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// A sentence that names the problem and its remedy.
    pub message: &'static str,
}

macro_rules! rules {
    ($($rule:ident, $name:literal, $severity:ident, $message:literal;)*) => {
        $(pub(super) const $rule: Rule = Rule { name: $name, severity: Severity::$severity, message: $message };)*
        /// The rules that core cannot check: they are about files, or about several policies.
        const OF_FILES: &[Rule] = &[$($rule),*];
    };
}

rules! {
    CONTRADICTION, "contradiction", Error,
        "values which exclude each other or are out of bounds";
    NO_SUCH_NUMBER, "no_such_number", Error,
        "the largest number stands for no limit; must be below it, or \"unlimited\"";
    UNKNOWN_POLICY, "unknown_policy", Error,
        "calls names a policy which is not in this file";
    CALL_CYCLE, "call_cycle", Error,
        "the policy calls itself, directly or through others";
    UNKNOWN_RULE, "unknown_rule", Error,
        "allow names no rule that can be allowed";
    NESTED_AMPLIFICATION, "nested_amplification", Warning,
        "retries within retries multiply; retry in one layer, or give all layers but one a budget";
    CALLEE_OUTLIVES_CALLER, "callee_outlives_caller", Warning,
        "the call inside may use up all the time of the call outside, which is then not retried; give it a shorter deadline";
    CLASS_NEVER_RETRIED, "class_never_retried", Warning,
        "auth, permission and permanent have no backoff of their own: they are never retried, unless a limit allows it, and then wait \
         as unknown does";
    JITTER_WITHOUT_RETRY_AFTER, "jitter_without_retry_after", Warning,
        "retry_after_jitter_ms has no effect without retry_after = true";
    SECONDS_AS_MILLIS, "seconds_as_millis", Warning,
        "so few milliseconds look like seconds; give the unit, with a key without _ms: \"30s\", or \"30ms\" if that is meant";
    WATCHED_CALLS, "watched_calls", Note,
        "counts only calls in a watched context: Context::watched";
    UNUSED_ALLOW, "unused_allow", Note,
        "nothing is found that this would allow";
}

/// All rules: those of files first, then those of [`lint`](redress_core::lint).
pub fn rules() -> impl Iterator<Item = Rule> {
    OF_FILES.iter().copied().chain(Lint::ALL.iter().copied().map(Rule::from))
}

impl From<Lint> for Rule {
    fn from(lint: Lint) -> Self {
        Self { name: lint.name(), severity: lint.severity(), message: lint.message() }
    }
}
