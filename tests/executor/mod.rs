//! The executor: who is polled when, and when the parent is woken, as exact sequences.
#![cfg(feature = "std")]

mod ends;
mod gate;
mod record;
mod turns;
mod wakes;
