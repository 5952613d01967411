//! The words of the command line.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::{ArgAction, Args, Parser, Subcommand};
use fourfold::{Config, Pattern, Rate, Retry, listen::ListenAddress};

use super::values::{self, Backoff};

/// How long a server may take for a task when nothing is said: without a bound, one that never answers would hold its permits
/// for ever.
const POST_TIMEOUT: Duration = Duration::from_secs(30);

const EXAMPLES: &str = "\
Examples:
  fourfold                                          the four patterns at the same work, on a simulated clock
  fourfold run tasks.jsonl -c 16 --exec ./do.sh {}  a process per line of JSON, 16 at once
  seq 1 100 | fourfold run - --exec echo {}         the same from standard input
  fourfold run 'redis://localhost/0?list=tasks' -p pool --pipe ./worker
  fourfold run tasks.jsonl -c 64 --post https://example.org/tasks
  fourfold push 'redis://localhost/0?list=tasks' tasks.jsonl
  fourfold run tasks.jsonl --trace run.jsonl --exec ./do.sh {} && fourfold replay run.jsonl
  fourfold run tasks.jsonl --listen 4040 --exec ./do.sh {}  and watch it at http://127.0.0.1:4040/

Which pattern? Production: pool. A simple script: set. All or nothing: group. Batch by batch: batch.

Exit codes: 0 all done; 1 some dead or malformed, or a group failed; 2 bad usage; 3 the source or the handler's command
failed; 4 a file or standard output could not be written; 130, 143 stopped by a signal; 141 standard output was closed.";

const RUN_EXAMPLES: &str = "\
Examples:
  fourfold run tasks.jsonl --exec curl -fsS {.url}
  fourfold run tasks.jsonl -c 64 --rate 100/s --retries 5 --timeout 30s --dead dead.jsonl --pipe ./worker
  fourfold run 'redis://localhost/0?list=tasks' -p group --follow --exec ./do.sh \\; --json
  fourfold run tasks.jsonl --post https://example.org/tasks --header 'Authorization: Bearer …' --cacert ca.pem

A command runs without a shell, gets the task's JSON on standard input, FOURFOLD_TASK_ID and FOURFOLD_ATTEMPT in its
environment, {} and {.field} replaced in its arguments (a string stands there without its quotes). Exit code 0 is done, any
other is a failed attempt; 75 says that it will pass. Its output is passed on, whole per task; the summary then goes to
standard error. It is over when it has ended and its output is closed.

An HTTP server gets the task's JSON as the body of a POST, with Fourfold-Task-Id, Fourfold-Attempt and an Idempotency-Key
that is the same for every attempt of a task in one run. 2xx is done; 408, 425, 429 and 5xx are tried again, after
Retry-After where there is one (an hour at most), and so is a server that cannot be reached; anything else is dead at once,
redirects too: they are not followed. The status decides; a response that breaks off is a failed attempt.

--listen serves to this machine alone, unless ADDR says otherwise: then to everyone who can reach it, without a password. It
is read-only. /metrics is for Prometheus, /events are server-sent events, /healthz is 200 until the run drains and 503 then.";

const REPLAY_HELP: &str = "\
Checked is what every run keeps: no event is missing, at most as many tasks are in flight and queued as may, a permit is held by
one task at a time, each delivery ends exactly once, and nothing is left at the end.

Exit codes: 0 all of it is there and every rule was kept; 1 not so; 3 it cannot be read.";

const WEB_HELP: &str = "\
The page is in the executable: it needs no files and no network. To watch a run on it, start that with --listen, which serves
the same page.";

/// Four patterns of bounded concurrency for asynchronous tasks.
///
/// Drains JSON lines or a Redis list with a bounded number of tasks at once. Without a command: compare.
#[derive(Debug, Parser)]
#[command(name = "fourfold", version, max_term_width = 120, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Log to standard error: what goes wrong is always there; -v what happens, -vv every event
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Drain a source through one pattern
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// The same tasks through all four patterns, side by side
    Compare(Box<CompareArgs>),
    /// Put JSON lines into a Redis list
    Push(PushArgs),
    /// What waits, is in flight, delayed and dead in a Redis list
    Stats(StatsArgs),
    /// Look after the dead letters of a Redis list
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Report on a recorded trace, and check it
    #[command(after_help = REPLAY_HELP)]
    Replay(ReplayArgs),
    /// Serve the page: the patterns to learn from, to try out and to compare, traces to look into
    #[command(after_help = WEB_HELP)]
    Web(WebArgs),
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// `-` or a file of JSON lines, redis://HOST/0?list=KEY, or `demo`
    #[arg(default_value = "demo")]
    pub(crate) source: String,
    /// Which pattern
    #[arg(short, long, default_value = "pool", value_parser = values::pattern())]
    pub(crate) pattern: Pattern,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// Keep waiting for new tasks; without it, stop when the source is empty
    #[arg(long)]
    pub(crate) follow: bool,
    /// Write the dead letters of a file source there, as JSON lines (default: standard error)
    #[arg(long, value_name = "FILE")]
    pub(crate) dead: Option<PathBuf>,
    /// Write the lines that are not done there, when a run of a file source ends early
    #[arg(long, value_name = "FILE")]
    pub(crate) rest: Option<PathBuf>,
    /// A longer line of a file source is malformed
    #[arg(long, value_name = "BYTES", default_value = "8MiB", value_parser = values::bytes)]
    pub(crate) max_line: usize,
    /// How long a Redis source's hold on a task outlives its process
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::positive_duration)]
    pub(crate) lease: Duration,
    /// A task of a Redis source that was handed out so often, crashes included, is dead
    #[arg(long, value_name = "N", default_value = "5", value_parser = values::small_count, allow_negative_numbers = true)]
    pub(crate) max_deliveries: NonZeroU32,
    /// How long a Redis server that went away is waited for
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = values::duration)]
    pub(crate) reconnect: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// `demo`, or `-` or a file of JSON lines, read once and held in memory
    #[arg(default_value = "demo")]
    pub(crate) source: String,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

/// What `run` and `compare` share.
#[derive(Debug, Args)]
pub(crate) struct WorkArgs {
    /// How many tasks are in flight at most
    #[arg(short = 'c', long, value_name = "N", default_value = "5", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) max_concurrent: NonZeroUsize,
    /// End when so many tasks have ended
    #[arg(long, value_name = "N", value_parser = values::positive, allow_negative_numbers = true)]
    pub(crate) max_tasks: Option<u64>,
    /// How many tasks a batch has (default: four times the limit)
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) batch_size: Option<NonZeroUsize>,
    /// How many workers a pool has (default: the limit)
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) workers: Option<NonZeroUsize>,
    /// How many claimed tasks a pool's queue holds (default: the limit)
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) queue_capacity: Option<NonZeroUsize>,
    /// How many tasks are started per second at most
    #[arg(long, value_name = "N/s", value_parser = values::rate, allow_hyphen_values = true)]
    pub(crate) rate: Option<Rate>,
    /// How many further attempts a failed task gets
    #[arg(long, value_name = "N", default_value = "3", allow_negative_numbers = true)]
    pub(crate) retries: u32,
    /// The first and the longest wait before another attempt
    #[arg(long, value_name = "TIME..TIME", default_value = "100ms..30s", value_parser = values::backoff, allow_hyphen_values = true)]
    pub(crate) backoff: Backoff,
    /// How long one attempt may take (default: 30s with --post, else as long as it likes)
    #[arg(long, value_name = "TIME", value_parser = values::positive_duration, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// How long a drain may take; the first SIGINT or SIGTERM drains, a second one or the end of the grace aborts
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = values::duration, allow_hyphen_values = true)]
    pub(crate) grace: Duration,
    /// How many tasks the demo has
    #[arg(long, value_name = "N", default_value = "500")]
    pub(crate) tasks: u64,
    /// What the demo's tasks and the jitter of retries are drawn from
    #[arg(long, value_name = "N", default_value = "42")]
    pub(crate) seed: u64,
    /// Simulated work on the wall clock, where it would be on a simulated one
    #[arg(long)]
    pub(crate) real: bool,
    #[command(flatten)]
    pub(crate) handler: HandlerArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct HandlerArgs {
    /// A process per task; takes everything up to a lone `;` or the end
    #[arg(long, value_names = ["CMD", "ARG"], num_args = 1.., allow_hyphen_values = true, value_terminator = ";")]
    pub(crate) exec: Option<Vec<String>>,
    /// A long-lived process per permit: a line of JSON in, a line out; {"error": …} (and "permanent" or "retry_after_ms") is a
    /// failed attempt, any other line is done
    #[arg(long, value_names = ["CMD", "ARG"], num_args = 1.., allow_hyphen_values = true, value_terminator = ";")]
    pub(crate) pipe: Option<Vec<String>>,
    /// An HTTP POST per task, its JSON as the body; user and password may stand in the URL
    #[arg(long, value_name = "URL")]
    pub(crate) post: Option<String>,
    /// Act out the task's own fields: {"ms": 20, "fail": 1, "panic": false} (the demo's default)
    #[arg(long)]
    pub(crate) simulate: bool,
}

/// What goes with `--post`.
#[derive(Debug, Args)]
pub(crate) struct HttpArgs {
    /// A header of every --post; can be given more than once
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// Trust the certificate authorities in this PEM file, and not the system's (those SSL_CERT_FILE would change)
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Report as JSON, on the last line
    #[arg(long)]
    pub(crate) json: bool,
    /// Write every event there: as JSON lines, or for Perfetto and chrome://tracing where the name ends in .perfetto.json
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Serve the page, /metrics, /events and /healthz there as long as the process lives; the demo then takes its real time.
    /// A port alone is on 127.0.0.1, port 0 any free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<ListenAddress>,
    /// No progress and no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WebArgs {
    /// Serve it there (default: 127.0.0.1:4040, or the next port that is free)
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<ListenAddress>,
    /// Open it in the browser
    #[arg(long)]
    pub(crate) open: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// redis://HOST/0?list=KEY
    pub(crate) source: String,
    /// The JSON lines, `-` for standard input
    #[arg(default_value = "-")]
    pub(crate) file: String,
    /// No progress and no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// redis://HOST/0?list=KEY
    pub(crate) source: String,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// What --trace FILE.jsonl wrote, `-` for standard input
    pub(crate) file: String,
    /// A line of JSON per run: the keys of a report, and `events`, `missing`, `complete`, `violation`
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List the dead letters: when, how often tried, why
    List {
        /// redis://HOST/0?list=KEY
        source: String,
        /// So many at most
        #[arg(long, value_name = "N", default_value = "100", value_parser = values::count)]
        limit: NonZeroUsize,
        /// As JSON lines
        #[arg(long)]
        json: bool,
    },
    /// Show one dead letter, payload and all
    Show {
        /// redis://HOST/0?list=KEY
        source: String,
        /// Which
        id: u64,
    },
    /// Put dead letters back into the queue, as if they were new
    Requeue {
        /// redis://HOST/0?list=KEY
        source: String,
        /// Which
        #[arg(required_unless_present = "all")]
        ids: Vec<u64>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Delete dead letters
    Purge {
        /// redis://HOST/0?list=KEY
        source: String,
        /// Which
        #[arg(required_unless_present = "all")]
        ids: Vec<u64>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

impl HandlerArgs {
    /// Whether something outside does the work.
    pub(crate) fn is_real(&self) -> bool {
        self.exec.is_some() || self.pipe.is_some() || self.post.is_some()
    }
}

impl WorkArgs {
    pub(crate) fn config(&self, pattern: Pattern) -> Config {
        let retry = Retry::new(self.retries).base(self.backoff.base).max(self.backoff.max);
        let mut config = Config::new(pattern, self.max_concurrent).retry(retry).grace(self.grace).seed(self.seed);
        config.workers = self.workers.map(NonZeroUsize::get);
        config.queue_capacity = self.queue_capacity.map(NonZeroUsize::get);
        config.batch_size = self.batch_size.map(NonZeroUsize::get);
        config.timeout = self.timeout.or(self.handler.post.as_ref().map(|_| POST_TIMEOUT));
        config.rate = self.rate;
        config.max_tasks = self.max_tasks;
        config
    }
}
