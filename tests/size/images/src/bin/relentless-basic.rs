#![no_std]
#![no_main]

images::image!(relentless::basic);
