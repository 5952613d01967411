//! `cargo xtask setup | test | bench`.
#![forbid(unsafe_code)]

fn main() {}
