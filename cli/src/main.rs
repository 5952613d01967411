//! The command `fourfold`: arguments, checked settings, a runner, outputs, and one exit code.
#![forbid(unsafe_code)]

// From the bottom to the top: a module imports from those above it in this list, and from no other.
mod exit;
mod init;
mod patient;
mod render;

mod args;
mod clock;
mod terminal;

mod throttle;

mod input;
mod outputs;

mod journal;
mod process;
mod progress;

mod handler;
mod observers;
mod results;
mod server;
mod shutdown;

mod settings;

mod runner;

mod commands;

use std::process::ExitCode;

use clap::Parser;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

use crate::{
    args::{Cli, Command, CompareArgs},
    exit::Ending,
    process::watcher,
    render::{foreign, secret},
    settings::Request,
};

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == watcher::ARGUMENT) {
        watcher::run();
        return Ending::Done.into();
    }
    // Where no child can be had, the command has to do without.
    if let Some(code) = init::is_first().then(init::run).and_then(Result::ok) {
        return code.into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error).into(),
    };
    start_log(cli.verbose);
    let ending = Request::check(cli.command, compare_alone).and_then(commands::perform);
    let ending = ending.unwrap_or_else(|error| {
        terminal::say(&format!("error: {}", error.message()));
        error.ending()
    });
    terminal::flush(None);
    ending.into()
}

/// Writes what clap says: the help that was asked for, or what is wrong with the arguments, without
/// what should not be seen.
fn refuse(error: &clap::Error) -> Ending {
    if !error.use_stderr() {
        // Where it cannot be written, nothing can be done.
        let _ = error.print();
        return Ending::Done;
    }
    let mut text = error.render().to_string();
    let is_plain = std::env::args_os().skip(1).fold(true, |is_plain, argument| {
        let argument = argument.to_string_lossy();
        let shown = foreign::harmless_line(&secret::masked(&argument));
        text = text.replace(&*argument, &shown);
        is_plain && argument == shown
    });
    if is_plain {
        let _ = error.print();
    } else {
        terminal::say(text.trim_end());
        terminal::flush(None);
    }
    Ending::Usage
}

/// The arguments of `fourfold compare`.
fn compare_alone() -> CompareArgs {
    match Cli::try_parse_from(["fourfold", "compare"]).map(|cli| cli.command) {
        Ok(Some(Command::Compare(args))) => *args,
        _ => unreachable!("`compare` alone is a complete command"),
    }
}

fn start_log(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        3.. => LevelFilter::TRACE,
    };
    let colour = terminal::is_coloured(&std::io::stderr());
    // The command tells of its tasks itself; that is for programs that have the library within
    // them.
    let writer = (|| terminal::LogStream).with_filter(|metadata| metadata.target() != "fourfold::task");
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(writer).with_ansi(colour);
    log.with_target(false).without_time().init();
}
