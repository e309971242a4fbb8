#![no_std]
#![no_main]

images::image!(asynch::redress::full_three_sites);
