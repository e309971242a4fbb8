//! redress for embassy.
#![no_std]
