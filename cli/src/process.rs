//! The one way to run processes: `--exec` and `--pipe` start, watch and end them here.

mod census;
mod program;
mod spool;
mod tail;
pub(crate) mod watcher;

pub(crate) mod group;

mod child;
mod launcher;

pub(crate) use self::{
    child::{Finished, Limits, Process},
    launcher::{Input, Launcher},
    program::Program,
    spool::Spool,
};
