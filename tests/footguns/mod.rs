//! Mistakes that others have made, a test each.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod bounds;
mod polls;
