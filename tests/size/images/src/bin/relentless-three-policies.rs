#![no_std]
#![no_main]

images::image!(shapes::peers::relentless::three_policies);
