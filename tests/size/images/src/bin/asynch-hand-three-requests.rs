#![no_std]
#![no_main]

images::image!(asynch::hand::three_requests);
