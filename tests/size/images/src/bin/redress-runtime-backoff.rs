#![no_std]
#![no_main]

images::image!(shapes::redress::runtime_backoff);
