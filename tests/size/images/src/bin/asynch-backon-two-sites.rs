#![no_std]
#![no_main]

images::image!(asynch::peers::backon::two_sites);
