//! The subcommands: each turns its settings into what the exit code tells.

mod compare;
mod dead;
mod generate;
mod push;
mod replay;
mod run;
mod stats;
mod web;

use std::io;

use rustix::fd::AsFd;

use crate::{
    exit::{CliError, Ending},
    settings::Request,
};

/// The number of descriptors that a run with one process at a time needs.
const DESCRIPTORS_MIN: usize = 24;

/// Does what is asked for.
///
/// # Errors
/// When it cannot begin.
pub(crate) fn perform(request: Request) -> Result<Ending, CliError> {
    check_descriptors()?;
    match request {
        Request::Run(settings) => run::run(*settings),
        Request::Compare(settings) => compare::compare(*settings),
        Request::Push { queue, file, quiet } => push::push(queue, &file, quiet),
        Request::Stats { queue, json } => stats::stats(queue, json),
        Request::Dead { queue, action } => dead::dead(queue, &action),
        Request::Replay(args) => replay::replay(&args),
        Request::Web(args) => web::web(&args),
        Request::Completions(shell) => Ok(generate::completions(shell)),
        Request::Man => generate::man(),
    }
}

/// Whether there are enough descriptors for what every command opens: with fewer, nothing could be
/// waited for.
fn check_descriptors() -> Result<(), CliError> {
    let opened: io::Result<Vec<_>> = (0..DESCRIPTORS_MIN).map(|_| io::stderr().as_fd().try_clone_to_owned()).collect();
    opened.map(drop).map_err(|error| {
        CliError::source(format_args!("{error}: {DESCRIPTORS_MIN} more have to be allowed at least (ulimit -n)"))
    })
}
