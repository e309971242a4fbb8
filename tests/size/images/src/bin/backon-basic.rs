#![no_std]
#![no_main]

images::image!(backon::basic);
