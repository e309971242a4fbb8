//! Errors and responses of reqwest 0.13. Feature `reqwest-v0.13`.
//!
//! | error | class |
//! |---|---|
//! | `is_status`, from `error_for_status` | that of the status, see [`http`] |
//! | `is_builder`: bad URLs and header values; `is_redirect`: too many, or refused by the policy | [`Permanent`](ErrorClass::Permanent) |
//! | `is_timeout` | [`Transient`](ErrorClass::Transient) |
//! | `is_connect` | [`Permanent`](ErrorClass::Permanent) for certificates, missing TLS and URLs without a host; else by its [source](crate::chain); [`Transient`](ErrorClass::Transient) if that is silent |
//! | every other: requests, bodies, decoding | by its [source](crate::chain), as [`hyper_v1`](crate::hyper_v1) has it |
//!
//! `error_for_status` drops the headers, and `Retry-After` with them; [`response`] keeps the hint:
//!
//! ```
//! use redress_std::{Backoff, Policy, Retry, Tokio, reqwest_v0_13};
//!
//! static POLICY: Policy = Policy::new(Retry::new(Backoff::none().or_retry_after()).max_attempts(2));
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let url = "http://127.0.0.1:1/";
//! let client = reqwest::Client::new();
//! let mut orders = POLICY.context(Tokio).retry_result(reqwest_v0_13::response);
//! let outcome = orders.execute(|| client.get(url).send()).await;
//! # assert_eq!(outcome.attempts, 2);
//! # }
//! ```

crate::reqwest::classifier!(::reqwest);
