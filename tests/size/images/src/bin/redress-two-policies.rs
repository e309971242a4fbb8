#![no_std]
#![no_main]

images::image!(shapes::redress::two_policies);
