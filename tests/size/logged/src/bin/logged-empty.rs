#![no_std]
#![no_main]

board::image!({ logged::number() });
board::panic_handler!();
