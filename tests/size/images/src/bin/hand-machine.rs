#![no_std]
#![no_main]

images::image!(hand::machine);
