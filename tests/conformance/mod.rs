//! What holds of every pattern, with every limit. Each run goes past an observer and a source that know the rules.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod clocks;
mod events;
mod faults;
mod group;
mod keys;
mod limits;
mod lost;
mod outcomes;
mod patterns;
mod pushes;
mod rates;
mod retries;
mod stops;
