//! Four ways to run asynchronous tasks with bounded concurrency, on one single-threaded core.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;
