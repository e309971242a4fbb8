#![no_std]
#![no_main]

images::image!(asynch::redress::basic);
