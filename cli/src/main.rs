//! The command `fourfold`: arguments in, an exit code out. One file per subcommand.
#![forbid(unsafe_code)]

mod args;
mod bars;
mod clock;
mod compare;
mod dead;
mod exit;
mod handler;
mod listen;
mod observe;
mod origin;
mod page;
mod progress;
mod push;
mod queue;
mod replay;
mod run;
mod screen;
mod session;
mod signals;
mod stats;
mod table;
mod texts;
mod timeline;
mod values;
mod web;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

use self::{
    args::{Cli, Command, CompareArgs},
    exit::Fault,
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where nobody reads it, nothing can be done.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
        }
    };
    log(cli.verbose);
    match dispatch(cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(fault) => fault.report(),
    }
}

fn dispatch(command: Option<Command>) -> Result<u8, Fault> {
    match command {
        None => compare::compare(&CompareArgs::default_values()),
        Some(Command::Run(args)) => run::run(&args),
        Some(Command::Compare(args)) => compare::compare(&args),
        Some(Command::Push(args)) => push::push(&args),
        Some(Command::Stats(args)) => stats::stats(&args),
        Some(Command::Replay(args)) => replay::replay(&args),
        Some(Command::Web(args)) => web::web(&args),
        Some(Command::Dead(command)) => dead::dead(&command),
        Some(Command::Completions { shell }) => Ok(texts::completions(shell)),
        Some(Command::Man) => texts::man(),
    }
}

impl CompareArgs {
    /// As if only `compare` had been said.
    fn default_values() -> Self {
        match Cli::try_parse_from(["fourfold", "compare"]).map(|cli| cli.command) {
            Ok(Some(Command::Compare(args))) => *args,
            _ => unreachable!("`compare` alone is a complete command"),
        }
    }
}

fn log(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        3.. => LevelFilter::TRACE,
    };
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    // The command tells of its tasks itself; that is for programs that have the library within them.
    let writer = (|| screen::Stderr).with_filter(|metadata| metadata.target() != "fourfold::task");
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(writer).with_ansi(colour);
    log.with_target(false).without_time().init();
}

/// The definitions, for texts made from them.
fn command() -> clap::Command {
    Cli::command()
}
