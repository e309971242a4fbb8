#![no_std]
#![no_main]

images::image!(shapes::redress::execute);
