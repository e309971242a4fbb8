//! SQLSTATE as `PostgreSQL` uses it: the table of [`redress_core::classify::postgres`]. Features `tokio-postgres-v0.7`, `sqlx-v0.8`
//! and `sqlx-v0.9`.

use redress_core::{Classification, ErrorClass, classify::postgres};

/// Returns the class of a state, by [the table](redress_core::classify::postgres).
///
/// ```
/// use redress_std::{ErrorClass, sqlstate};
///
/// assert_eq!(sqlstate::class("57P03"), ErrorClass::Transient);
/// assert_eq!(sqlstate::class("40001"), ErrorClass::Concurrency);
/// ```
pub const fn class(state: &str) -> ErrorClass {
    postgres::state_class(state)
}

/// Classifies a state, with the state itself,
/// [packed](redress_core::classify::sqlstate::pack), as the numeric code.
pub const fn classify(state: &str) -> Classification {
    postgres::classify_state(state)
}
