#![no_std]
#![no_main]

board::image!({ logged::debug() });
board::panic_handler!();
