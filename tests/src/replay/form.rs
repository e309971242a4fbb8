//! The forms of a call.

use redress_core::Cause;
use serde_json::Value;

use crate::trace::cause_name;

/// A form in which a call can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The bare machine.
    Machine,
    /// `execute` of the blocking driver.
    Blocking,
    /// `execute` of the async driver, with an `AsyncFnMut`.
    Local,
    /// `execute` of the async driver, with an `FnMut() -> Future`, whole and `Send`.
    Spawned,
    /// The loop form, blocking.
    Loop,
    /// The loop form, async.
    AsyncLoop,
    /// `call` of the blocking driver.
    Call,
    /// `call` of the async driver, with an `AsyncFnMut`.
    LocalCall,
    /// `call` of the async driver, with an `FnMut() -> Future`.
    SpawnedCall,
    /// `execute` with nobody observing, so that no event is made.
    Quiet,
    /// `call`, with nobody observing.
    QuietCall,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Machine,
        Self::Blocking,
        Self::Local,
        Self::Spawned,
        Self::Loop,
        Self::AsyncLoop,
        Self::Call,
        Self::LocalCall,
        Self::SpawnedCall,
        Self::Quiet,
        Self::QuietCall,
    ];

    /// When its world begins: at zero, at an odd moment, and shortly before some counter overflows, for a clock starts
    /// anywhere.
    pub(super) const fn epoch(self) -> u64 {
        match self {
            Self::Machine => 0,
            Self::Blocking => 977,
            Self::Local => (1 << 28) - 1_500,
            Self::Spawned => (1 << 32) - 2_500,
            Self::Loop => (1 << 32) - 1,
            Self::AsyncLoop => (1 << 60) + 3,
            Self::Call => 1,
            Self::LocalCall => (3 << 28) - 5,
            Self::SpawnedCall => (5 << 32) - 777,
            Self::Quiet => (1 << 29) - 350,
            Self::QuietCall => (7 << 28) - 60,
        }
    }

    /// The fields in which this form cannot express a call like this one.
    fn cannot_tell(self, call: &Value) -> Vec<&'static str> {
        let is = |key, value: Value| call.get(key) == Some(&value);
        let mut fields = Vec::new();
        if matches!(self, Self::Quiet | Self::QuietCall) {
            fields.extend(["events", "attempt_starts_us", "attempt_ends"]);
        }
        if !matches!(self, Self::Machine | Self::Blocking | Self::Local | Self::Spawned | Self::Quiet) {
            fields.extend(["elapsed_us", "last_failure_attempt"]);
            // A success comes back as the plain value, without a report.
            if is("ok", true.into()) {
                fields.push("attempts");
            }
        }
        // The machine names its verdict; the delay which it refused is told by the drivers.
        if self == Self::Machine && is("stop_reason", "DEADLINE_EXCEEDED".into()) {
            fields.push("next_sleep_us");
        }
        fields
    }

    /// Takes out of both traces of a call what this form cannot express.
    pub(super) fn mute(self, expected: &mut Value, actual: &mut Value) {
        let muted = self.cannot_tell(actual);
        for call in [expected, actual] {
            if let Some(fields) = call.as_object_mut() {
                fields.retain(|key, _| !muted.contains(&key.as_str()));
            }
            // In a loop of one's own, a value that is a failure is reported like an error.
            if matches!(self, Self::Loop | Self::AsyncLoop) {
                rename_causes(call);
            }
        }
    }
}

fn rename_causes(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                if key == "cause" {
                    *field = cause_name(Cause::Error).into();
                }
                rename_causes(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rename_causes),
        _ => {}
    }
}
