//! The one way to run processes: `--exec` and `--pipe` start, watch and end them here.

mod group;
mod program;
mod tail;

mod child;
mod launcher;

pub(crate) use self::{
    child::Process,
    launcher::{Input, Launcher},
    program::Program,
};
