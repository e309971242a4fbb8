//! Errors of sqlx 0.8, whose type is that of sqlx-core. Feature `sqlx-v0.8`.
//!
//! | error | class |
//! |---|---|
//! | `Database` with a SQLSTATE | that of the state, see [`sqlstate`]; the state, packed, is the code |
//! | `Database`, a violated check or not-null constraint | [`Permanent`](ErrorClass::Permanent) |
//! | `PoolTimedOut`, `WorkerCrashed` | [`Transient`](ErrorClass::Transient) |
//! | `Configuration`, `TypeNotFound`, `ColumnIndexOutOfBounds`, `ColumnNotFound`, `Encode`, `PoolClosed` | [`Permanent`](ErrorClass::Permanent) |
//! | every other | by its [source](crate::chain), as for connections that are refused or reset |
//!
//! `RowNotFound` has no class: rows that are not there yet may come.

crate::sqlx::classifier!(::sqlx_core_v0_8);
