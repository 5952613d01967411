//! fourfold beside its peers: the same tasks, one thread, one limit, measured in turns.
//!
//! [`work`] says what a task does, [`peers`] who runs them, [`measure`] takes the time, [`report`] shows it.
#![forbid(unsafe_code)]

pub mod asyncio;
pub mod counts;
pub mod instructions;
pub mod measure;
pub mod observers;
pub mod peers;
pub mod report;
pub mod work;

/// Every error here ends in a line for a person.
pub type Error = Box<dyn std::error::Error>;

/// What may go wrong ends in an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
