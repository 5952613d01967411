//! fourfold in the browser and in Node: the boundary between the crate and JavaScript.
//!
//! There is no second scheduler here and no rule of a pattern: a simulated run, a recorded one, one that is watched and one's own all come as the
//! same events, are folded by [`fourfold::metrics::State`], and leave as numbers ([`snapshot`]) and text.
#![forbid(unsafe_code)]

mod clock;
pub mod generate;
mod json;
mod own;
pub mod params;
mod player;
pub mod programs;
pub mod reading;
pub mod recording;
pub mod snapshot;

pub use player::Player;
