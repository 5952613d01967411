//! 128-bit sums as data: written as text, since readers of JSON keep 53 or 64 bits of a number.

use alloc::string::{String, ToString};

use serde::Serializer;

pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

/// Writes a list of sums.
pub(super) fn list<S: Serializer>(values: &[u128], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}

pub(super) fn parse(text: &str) -> Result<u128, String> {
    // Half of them: sums go on from here.
    let wide = text.parse().ok().filter(|wide| *wide <= u128::MAX / 2);
    wide.ok_or_else(|| alloc::format!("`{text}` is no sum that is in range"))
}
