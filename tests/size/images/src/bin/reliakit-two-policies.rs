#![no_std]
#![no_main]

images::image!(shapes::peers::reliakit::two_policies);
