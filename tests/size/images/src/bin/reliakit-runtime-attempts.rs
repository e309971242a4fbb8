#![no_std]
#![no_main]

images::image!(shapes::peers::reliakit::runtime_attempts);
