#![no_std]
#![no_main]

images::image!(asynch::peers::relentless::three_requests);
