#![no_std]
#![no_main]

images::image!(asynch::empty_three);
