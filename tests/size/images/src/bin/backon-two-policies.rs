#![no_std]
#![no_main]

images::image!(shapes::peers::backon::two_policies);
