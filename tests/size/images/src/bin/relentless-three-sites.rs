#![no_std]
#![no_main]

images::image!(relentless::three_sites);
