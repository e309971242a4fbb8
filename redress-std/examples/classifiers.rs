//! Classifiers of HTTP statuses, of SQLSTATE, of names, and without names. Run by `cargo run -p redress-std --example classifiers`.

use std::{error::Error, fmt};

use redress_std::{
    Classifier, DefaultClassifier,
    ErrorClass::{Auth, Concurrency, Permanent, RateLimit, ServerError, Transient, Unknown},
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
    for (status, class) in [(401, Auth), (404, Permanent), (408, Transient), (429, RateLimit), (500, ServerError)] {
        println!("HTTP {status}: {class}");
        assert_eq!(status_class(status), class);
    }
    for (state, class) in [("40001", Concurrency), ("HYT00", Transient), ("08006", Transient), ("28P01", Auth)] {
        println!("SQLSTATE {state}: {class}");
        assert_eq!(sqlstate_class(state), class);
    }
    let guessed = DefaultClassifier.classify(&GatewayTimeout).class();
    let strict = StrictClassifier.classify(&GatewayTimeout).class();
    println!("GatewayTimeout: {guessed} by its name, strictly {strict}");
    assert_eq!((guessed, strict), (Transient, Unknown));
}
