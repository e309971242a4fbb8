#![no_std]
#![no_main]

images::image!(redress::keeper);
