//! Random draws without a stream: each depends on what it is for and on nothing else.

use crate::task::TaskId;

/// A number for one purpose of one task. Drawing for another task or purpose cannot shift it.
pub(crate) fn draw(seed: u64, task: TaskId, purpose: u64) -> u64 {
    mix(mix(mix(seed) ^ task.0) ^ purpose)
}

/// A draw turned into a number below `bound`, without division bias worth speaking of; 0 for a bound of 0.
pub(crate) fn below(draw: u64, bound: u64) -> u64 {
    ((u128::from(draw) * u128::from(bound)) >> 64) as u64
}

/// The finaliser of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
