//! The arguments of the commands for Redis queues.

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};

use super::parse;

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The queue: redis://HOST/0?list=KEY or redis://HOST/0?stream=KEY&group=GROUP
    pub(crate) source: String,
    /// The file of JSON lines, `-` for standard input
    #[arg(default_value = "-")]
    pub(crate) file: String,
    /// Show no progress and no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// The queue: redis://HOST/0?list=KEY or redis://HOST/0?stream=KEY&group=GROUP
    pub(crate) source: String,
    /// Write the counts as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List the dead letters: when they died, after how many attempts, and why
    List {
        /// The queue: redis://HOST/0?list=KEY or redis://HOST/0?stream=KEY&group=GROUP
        source: String,
        /// The maximum number of dead letters to list
        #[arg(long, value_name = "N", default_value = "100", value_parser = parse::count)]
        limit: NonZeroUsize,
        /// Write them as JSON lines
        #[arg(long)]
        json: bool,
    },
    /// Show one dead letter with its payload
    Show {
        /// The queue: redis://HOST/0?list=KEY or redis://HOST/0?stream=KEY&group=GROUP
        source: String,
        /// The number that `dead list` shows
        id: u64,
    },
    /// Put dead letters back into the queue, as if they were new
    Requeue {
        /// The queue: redis://HOST/0?list=KEY or redis://HOST/0?stream=KEY&group=GROUP
        source: String,
        /// The numbers that `dead list` shows
        #[arg(required_unless_present = "all")]
        ids: Vec<u64>,
        /// Requeue all dead letters
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Delete dead letters
    Purge {
        /// The queue: redis://HOST/0?list=KEY or redis://HOST/0?stream=KEY&group=GROUP
        source: String,
        /// The numbers that `dead list` shows
        #[arg(required_unless_present = "all")]
        ids: Vec<u64>,
        /// Delete all dead letters
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}
