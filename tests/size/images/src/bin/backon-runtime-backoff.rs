#![no_std]
#![no_main]

images::image!(shapes::peers::backon::runtime_backoff);
