#![no_std]
#![no_main]

images::image!(hand::jitter_by_division);
