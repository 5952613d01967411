//! The arguments of `run` and `compare`.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use fourfold::{Pattern, Rate, listen::ListenAddress};

use super::parse::{self, Backoff, Codes, Halt, PerField};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where tasks come from: a file of JSON lines, `-` for standard input, redis://HOST/0?list=KEY,
    /// redis://HOST/0?stream=KEY&group=GROUP, or `demo` for
    /// simulated tasks
    #[arg(default_value = "demo")]
    pub(crate) source: String,
    /// The pattern that decides when tasks start
    #[arg(short, long, default_value = "pool", value_parser = parse::pattern())]
    pub(crate) pattern: Pattern,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// Keep waiting for new tasks; without it, the run ends when the source is empty. A file is followed by its name, as
    /// `tail -F` does it: it may be emptied or replaced
    #[arg(help_heading = "Input", long)]
    pub(crate) follow: bool,
    /// End when nothing waits in the Redis queue, although other workers still hold tasks: exit code 5, and a line that
    /// says who holds how many; without it, the run waits until they are done or their leases end
    #[arg(help_heading = "Redis", long, conflicts_with = "follow")]
    pub(crate) no_wait: bool,
    /// Write the dead letters of a file or of standard input to FILE, as JSON lines (default: standard error)
    #[arg(help_heading = "Failures", long, value_name = "FILE")]
    pub(crate) dead: Option<PathBuf>,
    /// When a run of a file or of standard input ends early, write the lines that are not done to FILE
    #[arg(help_heading = "Input", long, value_name = "FILE")]
    pub(crate) rest: Option<PathBuf>,
    /// Record each task that has ended in FILE, before it is counted, so that a later run can go on where this one stopped,
    /// even if it was killed
    #[arg(help_heading = "Input", long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Go on with the run that --journal FILE is about: tasks that have ended are left out, and --dead and --results are
    /// extended. Without a record, the run begins at the first task
    #[arg(help_heading = "Input", long)]
    pub(crate) resume: bool,
    /// The same, but do again what is dead
    #[arg(help_heading = "Input", long)]
    pub(crate) resume_failed: bool,
    /// Write what tasks write and reply in the order of the input; a task that is tried again keeps its place
    #[arg(help_heading = "Results", long)]
    pub(crate) keep_order: bool,
    /// How many tasks of --keep-order may be running or wait for their turn; then no new one starts (at least -c)
    #[arg(help_heading = "Results", long, value_name = "N", default_value = "1000", value_parser = parse::count, allow_negative_numbers = true)]
    pub(crate) keep_order_buffer: NonZeroUsize,
    /// Write a line of JSON per ended task to FILE (`-` for standard output): outcome, exit code or status, attempts, times,
    /// and what it wrote or was answered
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
    /// How many tasks of a file or of standard input may wait for their next attempt; then no new one starts
    #[arg(help_heading = "Failures", long, value_name = "N", default_value = "100000", value_parser = parse::count, allow_negative_numbers = true)]
    pub(crate) retry_buffer: NonZeroUsize,
    /// The longest line of a file or of standard input; a longer one is malformed
    #[arg(help_heading = "Input", long, value_name = "BYTES", default_value = "8MiB", value_parser = parse::bytes)]
    pub(crate) max_line: usize,
    /// How long a task from Redis stays with this process after the process has stopped responding; then others get it
    #[arg(help_heading = "Redis", long, value_name = "TIME", default_value = "10s", value_parser = parse::positive_duration)]
    pub(crate) lease: Duration,
    /// How many times a task from Redis is delivered, after workers that died with it, until it is dead
    #[arg(help_heading = "Redis", long, value_name = "N", default_value = "5", value_parser = parse::small_count, allow_negative_numbers = true)]
    pub(crate) max_deliveries: NonZeroU32,
    /// How long to wait for a Redis server whose connection broke
    #[arg(help_heading = "Redis", long, value_name = "TIME", default_value = "60s", value_parser = parse::duration)]
    pub(crate) reconnect: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Where tasks come from: `demo` for simulated tasks, a file of JSON lines, or `-` for standard input; a file is
    /// read once and held in memory
    #[arg(default_value = "demo")]
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// What `run` and `compare` have in common.
#[derive(Debug, Args)]
pub(crate) struct WorkArgs {
    /// Take each line as a task, whatever text it is: {} stands for the text (default: each line is JSON)
    #[arg(help_heading = "Input", long)]
    pub(crate) lines: bool,
    /// Take as a task, whatever text it is, what ends with a NUL instead of a newline, as `find -print0` writes it
    #[arg(help_heading = "Input", short = '0', long)]
    pub(crate) null: bool,
    /// The maximum number of tasks in flight
    #[arg(help_heading = "Limits", short = 'c', long, value_name = "N", default_value = "5", value_parser = parse::count, allow_negative_numbers = true)]
    pub(crate) max_concurrent: NonZeroUsize,
    /// End the run after N tasks have ended
    #[arg(help_heading = "Input", long, value_name = "N", value_parser = parse::positive, allow_negative_numbers = true)]
    pub(crate) max_tasks: Option<u64>,
    /// The number of tasks in a batch (default: four times -c)
    #[arg(help_heading = "Limits", long, value_name = "N", value_parser = parse::count, allow_negative_numbers = true)]
    pub(crate) batch_size: Option<NonZeroUsize>,
    /// The number of workers of a pool (default: as many as -c)
    #[arg(help_heading = "Limits", long, value_name = "N", value_parser = parse::count, allow_negative_numbers = true)]
    pub(crate) workers: Option<NonZeroUsize>,
    /// The maximum number of tasks that wait in a pool's queue (default: as many as -c)
    #[arg(help_heading = "Limits", long, value_name = "N", value_parser = parse::count, allow_negative_numbers = true)]
    pub(crate) queue_capacity: Option<NonZeroUsize>,
    /// The maximum number of attempts started per second (default: no limit)
    #[arg(help_heading = "Limits", long, value_name = "N/s", value_parser = parse::rate, allow_hyphen_values = true)]
    pub(crate) rate: Option<Rate>,
    /// The maximum number of tasks in flight with the same value of a field; tasks with other values go on meanwhile. Tasks
    /// without the field count as one value
    #[arg(help_heading = "Limits", long, value_name = ".FIELD=N")]
    pub(crate) per: Option<PerField>,
    /// How many times a failed task is tried again before it is dead
    #[arg(help_heading = "Failures", long, value_name = "N", default_value = "3", allow_negative_numbers = true)]
    pub(crate) retries: u32,
    /// The pause before a failed task is tried again: it starts at the first time and doubles up to the second
    #[arg(help_heading = "Failures", long, value_name = "TIME..TIME", default_value = "100ms..30s", value_parser = parse::backoff, allow_hyphen_values = true)]
    pub(crate) backoff: Backoff,
    /// How long one attempt may take (default: 30s with --post, otherwise no limit)
    #[arg(help_heading = "Failures", long, value_name = "TIME", value_parser = parse::positive_duration, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// How long a process of --exec or --pipe that ran into --timeout may take to end after SIGTERM; then SIGKILL ends it
    #[arg(help_heading = "Failures", long, value_name = "TIME", default_value = "5s", value_parser = parse::duration, allow_hyphen_values = true)]
    pub(crate) kill_after: Duration,
    /// Exit codes of --exec or statuses of --post after which the task is tried again, as --retries says; stronger than
    /// --dead-on
    #[arg(help_heading = "Failures", long, value_name = "CODES", allow_hyphen_values = true)]
    pub(crate) retry_on: Option<Codes>,
    /// Exit codes of --exec or statuses of --post after which the task is dead at once (default: 64-74,76-78,126,127; with
    /// --post, all below 500 but 408, 425 and 429)
    #[arg(help_heading = "Failures", long, value_name = "CODES", allow_hyphen_values = true)]
    pub(crate) dead_on: Option<Codes>,
    /// Show what would be started or sent, quoted for a shell, and do none of it; no file is written
    #[arg(help_heading = "Results", long)]
    pub(crate) dry_run: bool,
    /// End the run, with exit code 1, when N tasks are dead, or P percent of those that have ended (from 100 on); running
    /// tasks are finished
    #[arg(help_heading = "Failures", long, value_name = "N|P%")]
    pub(crate) halt: Option<Halt>,
    /// Do not slow down when all attempts fail. Without it, after 20 attempts in a row (or twice -c) that failed for the same
    /// reason, one starts at a time, with a pause that grows from 100 ms to 5 s, until one succeeds
    #[arg(help_heading = "Failures", long)]
    pub(crate) no_brake: bool,
    /// How long running tasks may take to finish after the first SIGINT, SIGTERM, SIGHUP or SIGQUIT; a second signal or the
    /// end of this time cancels them
    #[arg(help_heading = "Failures", long, value_name = "TIME", default_value = "30s", value_parser = parse::duration, allow_hyphen_values = true)]
    pub(crate) grace: Duration,
    /// The number of tasks of the demo
    #[arg(help_heading = "The demo", long, value_name = "N", default_value = "500")]
    pub(crate) tasks: u64,
    /// The seed of everything random: the demo's tasks and the spread of pauses between attempts
    #[arg(help_heading = "The demo", long, value_name = "N", default_value = "42")]
    pub(crate) seed: u64,
    /// Let simulated work take real time (default: a simulated clock, on which it takes none)
    #[arg(help_heading = "The demo", long)]
    pub(crate) real: bool,
    #[command(flatten)]
    pub(crate) handler: HandlerArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// What is done with a task.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct HandlerArgs {
    /// Start a process for each task; everything up to a lone `;` or the end of the line belongs to its command
    #[arg(help_heading = "What is done with a task", long, value_names = ["CMD", "ARG"], num_args = 1.., allow_hyphen_values = true, value_terminator = ";")]
    pub(crate) exec: Option<Vec<String>>,
    /// Start a process for each permit and send it tasks as lines of JSON; it answers each with a line, and
    /// {"error": …} is a failed attempt
    #[arg(help_heading = "What is done with a task", long, value_names = ["CMD", "ARG"], num_args = 1.., allow_hyphen_values = true, value_terminator = ";")]
    pub(crate) pipe: Option<Vec<String>>,
    /// Send each task to an HTTP server, as the body of a POST; URL may contain a user and a password
    #[arg(help_heading = "What is done with a task", long, value_name = "URL")]
    pub(crate) post: Option<String>,
    /// Only simulate the work, as the task's own fields say: {"ms": 20, "fail": 1, "panic": false} (the demo's default)
    #[arg(help_heading = "What is done with a task", long)]
    pub(crate) simulate: bool,
}

/// What goes with `--post`.
#[derive(Debug, Args)]
pub(crate) struct HttpArgs {
    /// Add a header to each request of --post; may be given more than once
    #[arg(help_heading = "What is done with a task", long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// Trust the certificate authorities in this PEM file instead of the system's (SSL_CERT_FILE changes those)
    #[arg(help_heading = "What is done with a task", long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
}

/// How it is shown how far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProgressMode {
    Auto,
    Line,
    None,
}

/// What is written besides the tasks' own output.
#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Write the report as JSON, as the last line of standard output
    #[arg(help_heading = "Results", long)]
    pub(crate) json: bool,
    /// Write every event of the run to FILE: as JSON lines, or for Perfetto and chrome://tracing if the name ends in
    /// .perfetto.json
    #[arg(help_heading = "Results", long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Serve the page, /metrics, /events and /healthz at ADDR while the run lasts; the demo then takes real time. A port alone
    /// means 127.0.0.1, port 0 any free port
    #[arg(help_heading = "Results", long, value_name = "ADDR")]
    pub(crate) listen: Option<ListenAddress>,
    /// How it is shown how far the run is: as a view on a terminal and as a line every 10 s elsewhere, as a line every second,
    /// or not at all
    #[arg(help_heading = "Results", long, value_name = "MODE", default_value = "auto")]
    pub(crate) progress: ProgressMode,
    /// Show no progress, no summary and not what tasks that succeed write to standard error
    #[arg(help_heading = "Results", short, long)]
    pub(crate) quiet: bool,
}

impl WorkArgs {
    /// Returns whether tasks are texts and no JSON.
    pub(crate) fn is_text(&self) -> bool {
        self.lines || self.null
    }
}

impl HandlerArgs {
    /// Whether something outside of this process does the work.
    pub(crate) fn is_real(&self) -> bool {
        self.exec.is_some() || self.pipe.is_some() || self.post.is_some()
    }
}
