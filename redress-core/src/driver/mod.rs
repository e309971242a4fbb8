//! The two loops that run the machine. They call the operation, hand over what came of it and wait; whatever is
//! compared or counted is in the [machine](crate::attempts).

mod asynch;
mod blocking;
pub(crate) mod small;
