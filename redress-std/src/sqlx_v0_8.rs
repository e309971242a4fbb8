//! Errors of sqlx 0.8, whose type is that of sqlx-core. Feature `sqlx-v0.8`.
//!
//! | error | class |
//! |---|---|
//! | `Database` of `PostgreSQL` | that of the SQLSTATE, and for `0A000` that of the routine, see [`postgres`]; the state, packed, is the code |
//! | `Database` of `MySQL` and `MariaDB` | that of the error number, see [`mysql`], which is the code |
//! | `Database` of `SQLite` | that of the extended result code, see [`sqlite`], which is the code |
//! | `Database` of another driver | that of the SQLSTATE if its code is one |
//! | `PoolTimedOut`, `WorkerCrashed` | [`Transient`](ErrorClass::Transient) |
//! | `RowNotFound`, `Configuration`, `TypeNotFound`, `ColumnIndexOutOfBounds`, `ColumnNotFound`, `ColumnDecode`, `Decode`, `Encode`, `PoolClosed` | [`Permanent`](ErrorClass::Permanent) |
//! | `Tls` | by its [source](crate::chain), as for connections that broke; [`Permanent`](ErrorClass::Permanent) if that is silent: certificates, servers without TLS |
//! | every other | by its [source](crate::chain), as for connections that are refused or reset |
//!
//! `RowNotFound` is an answer: the same query finds the same rows. Where a row may appear later,
//! `.classifier(|error: &sqlx::Error| match error { RowNotFound => ErrorClass::Transient.into(), _ => classify(error) })` says so.
//!
//! [`mysql`]: redress_core::classify::mysql
//! [`postgres`]: redress_core::classify::postgres
//! [`sqlite`]: redress_core::classify::sqlite

crate::sqlx::classifier!(::sqlx_core_v0_8);
