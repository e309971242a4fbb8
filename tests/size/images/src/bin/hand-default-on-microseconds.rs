#![no_std]
#![no_main]

images::image!(shapes::hand::default_on_microseconds);
