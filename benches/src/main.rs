//! `fourfold-bench`: see `--help`.
#![forbid(unsafe_code)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use fourfold_bench::asyncio::{Asyncio, PATTERNS};
use fourfold_bench::counts::{self, Counts};
use fourfold_bench::measure::{Plan, Row, measure};
use fourfold_bench::peers::{Entry, PEERS};
use fourfold_bench::work::Workload;
use fourfold_bench::{Result, instructions, observers, report};

/// Measures fourfold beside its peers, in interleaved rounds on one thread.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Mode>,
    #[command(flatten)]
    timing: Timing,
}

#[derive(Subcommand)]
enum Mode {
    /// Run one peer once, for a profiler.
    Once {
        #[arg(long)]
        peer: String,
        #[arg(long)]
        workload: Workload,
        #[arg(long)]
        concurrency: NonZeroUsize,
        #[arg(long)]
        tasks: u64,
    },
    /// What it costs to watch a run.
    Observers {
        #[arg(long, default_value_t = 9)]
        rounds: usize,
        #[arg(long, default_value_t = 100_000)]
        tasks: u64,
        #[arg(long, default_value = "256")]
        concurrency: NonZeroUsize,
        /// Count instructions as well, with callgrind
        #[arg(long)]
        instructions: bool,
        /// Write the table into these Markdown files, between their observers:begin and observers:end comments
        #[arg(long, value_name = "FILE")]
        markdown: Vec<PathBuf>,
    },
    /// Run once with one observer, for a profiler
    ObserveOnce {
        #[arg(long)]
        observer: usize,
        #[arg(long)]
        tasks: u64,
        #[arg(long)]
        concurrency: NonZeroUsize,
    },
    /// Count instructions per task with callgrind.
    Instructions {
        #[command(flatten)]
        choice: Choice,
        /// The tasks of the longer of two runs; the shorter has half as many
        #[arg(long, default_value_t = 20_000)]
        tasks: u64,
        /// Count the rows that are kept in `benches/instructions.txt`, and keep what they are now
        #[arg(long, conflicts_with_all = ["only", "workload", "concurrency", "tasks", "check"])]
        write: bool,
        /// Count the rows that are kept, and fail where one differs by more than 3 % on the same toolchain
        #[arg(long, conflicts_with_all = ["only", "workload", "concurrency", "tasks"])]
        check: bool,
    },
}

#[derive(Args)]
struct Choice {
    /// Only peers whose name contains one of these
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,
    /// Only these workloads
    #[arg(long, value_delimiter = ',')]
    workload: Vec<Workload>,
    /// The limits [default: 1,16,256,4096; for instructions and --quick: 256]
    #[arg(long, value_delimiter = ',', value_name = "LIMIT")]
    concurrency: Vec<NonZeroUsize>,
}

#[derive(Args)]
struct Timing {
    #[command(flatten)]
    choice: Choice,
    /// How often everything is measured [default: 5]
    #[arg(long)]
    rounds: Option<usize>,
    /// The tasks of a measurement [default: as many as take 20 ms]
    #[arg(long)]
    tasks: Option<u64>,
    /// A first look: one limit, two rounds, 5 ms each
    #[arg(long)]
    quick: bool,
    /// Leave the asyncio originals out
    #[arg(long)]
    no_asyncio: bool,
    /// Write every number to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the table into this Markdown file, between its bench:begin and bench:end comments
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl Choice {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    fn peers(&self) -> Vec<Entry> {
        PEERS.iter().copied().filter(|peer| self.wants(peer.name)).collect()
    }

    fn workloads(&self) -> Vec<Workload> {
        if self.workload.is_empty() { Workload::ALL.to_vec() } else { self.workload.clone() }
    }

    fn limits(&self, default: &[usize]) -> Vec<NonZeroUsize> {
        let default = || default.iter().copied().filter_map(NonZeroUsize::new).collect();
        if self.concurrency.is_empty() { default() } else { self.concurrency.clone() }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.command {
        None => time(&options.timing),
        Some(Mode::Once { peer, workload, concurrency, tasks }) => once(&peer, workload, concurrency, tasks),
        Some(Mode::Observers { rounds, tasks, concurrency, instructions, markdown }) => {
            observe(rounds, tasks, concurrency, instructions, &markdown)
        }
        Some(Mode::ObserveOnce { observer, tasks, concurrency }) => observers::once(observer, tasks, concurrency),
        Some(Mode::Instructions { write: true, .. }) => keep_counts(),
        Some(Mode::Instructions { check: true, .. }) => check_counts(),
        Some(Mode::Instructions { choice, tasks, .. }) => count_instructions(&choice, tasks),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn time(options: &Timing) -> Result<()> {
    let choice = &options.choice;
    // A page without markers is found out before the work, not after.
    let page = options.markdown.as_ref().map(fs::read_to_string).transpose()?;
    if let Some(page) = &page {
        report::insert(page, "")?;
    }
    let plan = Plan {
        workloads: choice.workloads(),
        limits: choice.limits(if options.quick { &[256] } else { &[1, 16, 256, 4096] }),
        rounds: options.rounds.unwrap_or(if options.quick { 2 } else { 5 }),
        tasks: options.tasks,
        time: Duration::from_millis(if options.quick { 5 } else { 20 }),
    };
    let patterns: Vec<usize> = (0..PATTERNS.len()).filter(|&index| choice.wants(PATTERNS[index].0)).collect();
    let asyncio = if options.no_asyncio || patterns.is_empty() { None } else { Some((Asyncio::start()?, patterns)) };
    let mut rows = measure(&plan, &choice.peers(), asyncio, |progress| eprintln!("{progress}"))?;
    eprintln!("allocations");
    count_allocations(&mut rows)?;

    print!("{}", report::table(&rows));
    if let Some(path) = &options.json {
        fs::write(path, format!("{:#}\n", report::json(&rows)))?;
    }
    if let (Some(path), Some(page)) = (&options.markdown, page) {
        fs::write(path, report::insert(&page, &report::markdown(&rows))?)?;
    }
    Ok(())
}

fn observe(rounds: usize, tasks: u64, limit: NonZeroUsize, count: bool, pages: &[PathBuf]) -> Result<()> {
    let mut costs = observers::measure(rounds, tasks, limit);
    if count {
        observers::count(&mut costs, limit)?;
    }
    print!("{}", observers::table(&costs, tasks, limit));
    for path in pages {
        fs::write(path, observers::insert(&fs::read_to_string(path)?, &costs)?)?;
    }
    Ok(())
}

/// Asks the program beside this one, whose allocator counts.
fn count_allocations(rows: &mut [Row]) -> Result<()> {
    let counter = std::env::current_exe()?.with_file_name("allocations");
    let mut counted: Vec<&mut Row> =
        rows.iter_mut().filter(|row| PEERS.iter().any(|peer| peer.name == row.peer)).collect();
    let questions: String =
        counted.iter().map(|row| format!("{} {} {}\n", row.workload.name(), row.limit, row.peer)).collect();
    let mut child = Command::new(&counter)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", counter.display()))?;
    // All questions first: it takes thousands of answers to fill the pipe that nobody reads meanwhile.
    child.stdin.take().ok_or("no pipe")?.write_all(questions.as_bytes())?;
    let mut answers = String::new();
    child.stdout.take().ok_or("no pipe")?.read_to_string(&mut answers)?;
    let status = child.wait()?;
    if !status.success() || answers.lines().count() != counted.len() {
        return Err(format!("{} ended with {status}", counter.display()).into());
    }
    for (row, answer) in counted.iter_mut().zip(answers.lines()) {
        row.allocations = Some(answer.parse()?);
    }
    Ok(())
}

fn once(peer: &str, workload: Workload, limit: NonZeroUsize, tasks: u64) -> Result<()> {
    let names = || PEERS.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", ");
    let found = PEERS.iter().find(|entry| entry.name == peer);
    let entry = found.ok_or_else(|| format!("no peer {peer:?}; there are {}", names()))?;
    entry.run(workload, limit, tasks)
}

fn keep_counts() -> Result<()> {
    let counts = Counts::measure(|progress| eprintln!("{progress}"))?;
    fs::write(counts::FILE, counts.to_string())?;
    print!("{counts}");
    Ok(())
}

fn check_counts() -> Result<()> {
    let kept = Counts::read(Path::new(counts::FILE))?;
    let counts = Counts::measure(|_| ())?;
    println!("{:9}{:24}{:>7}{:>7}", "workload", "row", "now", "kept");
    counts.beside(&kept).iter().for_each(|line| println!("{line}"));
    if counts.toolchain() != kept.toolchain() {
        println!("not held to them: kept by {}, counted by {}", kept.toolchain(), counts.toolchain());
    }
    counts.check(&kept)
}

fn count_instructions(choice: &Choice, tasks: u64) -> Result<()> {
    println!("{:8}{:>7}  {:32}{:>14}", "workload", "limit", "peer", "instructions");
    for workload in choice.workloads() {
        for limit in choice.limits(&[256]) {
            for peer in choice.peers() {
                let count = instructions::per_task(peer.name, workload, limit, tasks / 2, tasks)?;
                println!("{:8}{limit:>7}  {:32}{count:>14.0}", workload.name(), peer.name);
            }
        }
    }
    Ok(())
}
