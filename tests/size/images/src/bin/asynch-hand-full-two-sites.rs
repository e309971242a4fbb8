#![no_std]
#![no_main]

images::image!(asynch::hand::full_two_sites);
