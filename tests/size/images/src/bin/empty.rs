#![no_std]
#![no_main]

board::image!({});
board::panic_handler!();
