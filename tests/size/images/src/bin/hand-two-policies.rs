#![no_std]
#![no_main]

images::image!(shapes::hand::two_policies);
