//! The library's tests, in one program: to link them takes longer than to run most of them.
//!
//! Apart stand `redis`, which starts servers and starts itself again as a worker, and `loom`, which is built with another
//! configuration.

mod alloc;
mod bounds;
mod cancel;
#[cfg(feature = "std")]
mod common;
mod conformance;
mod examples;
mod executor;
mod footguns;
mod jsonl;
mod panic;
mod primitives;
mod readme;
mod simulation;
mod spans;
mod timeline;
