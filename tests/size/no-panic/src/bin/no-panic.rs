//! All of the public surface except the async driver.
#![no_std]
#![no_main]

use no_panic::{blocking, classifiers, configuration, embedded, keeper, machine, shared};

no_panic::image!(
    machine::run,
    configuration::run,
    classifiers::run,
    shared::run,
    blocking::run,
    embedded::run,
    keeper::run
);
