//! The async driver, with the parts for embassy.
#![no_std]
#![no_main]

no_panic::image!(no_panic::asynch::run; except "`async fn` resumed after completion");
