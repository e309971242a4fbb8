//! redress for std.
