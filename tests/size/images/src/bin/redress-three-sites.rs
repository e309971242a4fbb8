#![no_std]
#![no_main]

images::image!(redress::three_sites);
