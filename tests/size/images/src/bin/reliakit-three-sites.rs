#![no_std]
#![no_main]

images::image!(reliakit::three_sites);
