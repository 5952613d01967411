//! Mistakes that others have made, a test each.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod polls;
