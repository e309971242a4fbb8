#![no_std]
#![no_main]

images::image!(asynch::peers::reliakit::two_sites);
