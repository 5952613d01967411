//! The command `fourfold`.
#![forbid(unsafe_code)]

fn main() {}
