//! fourfold in the browser and in Node: the boundary between the crate and JavaScript.
//!
//! This crate has no scheduler and no rule of a pattern. Simulated runs, recorded runs, live runs and runs of JavaScript
//! functions arrive as the same events, are folded by [`fourfold::metrics::State`], and leave as numbers ([`snapshot`]) and
//! as text.
#![forbid(unsafe_code)]

mod clock;
pub mod generate;
mod json;
mod lanes;
mod own;
pub mod params;
mod player;
pub mod programs;
pub mod reading;
pub mod recording;
pub mod snapshot;

pub use player::Player;
