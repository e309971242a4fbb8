//! The parts of a simulation against textbooks, other simulators and the bare machine.

mod bare;
mod jitter;
mod queue;
mod queues;
