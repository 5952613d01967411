//! The arguments of the commands that look at runs.

use clap::Args;
use fourfold::listen::ListenAddress;

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The trace, as `run --trace FILE.jsonl` wrote it; `-` for standard input
    pub(crate) file: String,
    /// Write a line of JSON per run: the report, and `events`, `missing`, `complete` and `violation`
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WebArgs {
    /// Serve the page at ADDR (default: 127.0.0.1:4040, or the next port that is free)
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<ListenAddress>,
    /// Open the page in the browser
    #[arg(long)]
    pub(crate) open: bool,
}
