//! Helper classifiers: HTTP status, SQLSTATE, names, and without names.

use std::{error::Error, fmt};

use redress_std::{
    Classifier, DefaultClassifier,
    ErrorClass::{Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient, Unknown},
    StrictClassifier,
    classify::{http::status_class, sqlstate::sqlstate_class},
};

/// An error of which nothing is known but its name.
#[derive(Debug)]
struct GatewayTimeout;

impl fmt::Display for GatewayTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the gateway did not answer")
    }
}

impl Error for GatewayTimeout {}

fn main() {
    let statuses =
        [(401, Auth), (403, Permission), (404, Permanent), (408, Transient), (429, RateLimit), (500, ServerError)];
    for (status, class) in statuses {
        assert_eq!(status_class(status), class, "{status}");
    }
    println!("HTTP: {statuses:?}");

    let states =
        [("40001", Concurrency), ("40P01", Concurrency), ("HYT00", Transient), ("08006", Transient), ("28P01", Auth)];
    for (state, class) in states {
        assert_eq!(sqlstate_class(state), class, "{state}");
    }
    println!("SQLSTATE: {states:?}");

    let guessed = DefaultClassifier.classify(&GatewayTimeout).class();
    let strict = StrictClassifier.classify(&GatewayTimeout).class();
    println!("GatewayTimeout: {guessed} by its name, strictly {strict}");
    assert_eq!((guessed, strict), (Transient, Unknown));
}
