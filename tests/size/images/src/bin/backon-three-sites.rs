#![no_std]
#![no_main]

images::image!(backon::three_sites);
