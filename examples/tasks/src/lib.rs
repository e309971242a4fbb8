//! Five tasks.
