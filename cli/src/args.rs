//! The arguments as they were written: each is well formed by itself. Whether they go together is for
//! [`settings`](crate::settings) to say.

mod help;
pub(crate) mod parse;

mod files;
mod queues;
mod work;

use clap::{ArgAction, Parser, Subcommand};

pub(crate) use self::{
    files::{ReplayArgs, WebArgs},
    parse::{Codes, Halt, PerField},
    queues::{DeadCommand, PushArgs, StatsArgs},
    work::{CompareArgs, HttpArgs, OutputArgs, ProgressMode, RunArgs, WorkArgs},
};

/// Runs tasks from a file, a pipe or a Redis queue, a bounded number of them at once
///
/// A task is a line of JSON or an entry of a Redis list or stream. What is done with it is up to you: start a process, hand it
/// to a process that stays, or send it to an HTTP server. Failed tasks are tried again and then kept as dead letters.
/// Four patterns decide when tasks start; without a command, `compare` shows them side by side.
#[derive(Debug, Parser)]
#[command(name = "fourfold", version, max_term_width = 120, after_help = help::EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Log more to standard error: -v each failed attempt and each change of the run, -vv every event
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the tasks of a source through one pattern
    #[command(after_long_help = help::RUN, after_help = help::RUN_SHORT)]
    Run(Box<RunArgs>),
    /// Run the same tasks through all four patterns and show the results side by side
    #[command(after_help = help::COMPARE)]
    Compare(Box<CompareArgs>),
    /// Add tasks to a Redis queue
    #[command(after_help = help::PUSH)]
    Push(PushArgs),
    /// Count the tasks of a Redis queue that are waiting, in flight, delayed and dead
    Stats(StatsArgs),
    /// List, show, requeue or delete the dead letters of a Redis queue
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Report on a recorded trace and check it
    #[command(after_help = help::REPLAY)]
    Replay(ReplayArgs),
    /// Serve the page that explains, simulates and compares the patterns and shows traces
    #[command(after_help = help::WEB)]
    Web(WebArgs),
    /// Print the completions for a shell
    Completions {
        /// The shell that will read them
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}
