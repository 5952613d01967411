//! The subcommands: each turns its settings into what the exit code tells.

mod compare;
mod dead;
mod generate;
mod push;
mod replay;
mod run;
mod stats;
mod web;

use crate::{
    exit::{CliError, Ending},
    settings::Request,
};

/// Does what is asked for.
///
/// # Errors
/// When it cannot begin.
pub(crate) fn perform(request: Request) -> Result<Ending, CliError> {
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
