#![no_std]
#![no_main]

board::image!({ logged::policy() });
board::panic_handler!();
