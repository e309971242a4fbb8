#![no_std]
#![no_main]

images::image!(reliakit::basic);
