//! `fourfold run`: the tasks of a source through one pattern.

use std::{
    error::Error,
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    time::Duration,
};

use fourfold::{
    Config, Report, RunError,
    metrics::State,
    source::{
        JsonLines, JsonLinesError,
        redis::{RedisOptions, RedisQueue, RedisSource},
    },
};
use serde::Serialize;

use crate::{
    exit::{CliError, Ending},
    input::{self, Input, Reader, SourceSettings},
    journal::{Journal, Skipped},
    outputs::Outputs,
    render::table,
    runner::{RunOutcome, Runner, RunnerOutputs},
    settings::{LineSettings, RunSettings, WorkSettings},
    terminal::{self, Stderr},
};

/// The time between two looks at a file that may grow.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn run(settings: RunSettings) -> Result<Ending, CliError> {
    let RunSettings { source, work, lines } = settings;
    match source {
        SourceSettings::Demo => demo(work),
        SourceSettings::Stdin => run_lines(work, &lines, Input::stdin()),
        SourceSettings::File(path) => run_lines(work, &lines, Input::file(&path)?),
        SourceSettings::Redis(options) => redis(work, *options),
    }
}

fn demo(work: WorkSettings) -> Result<Ending, CliError> {
    let (tasks, config) = (work.tasks, work.config);
    let mut outputs = Outputs::new(None)?;
    let opened = RunnerOutputs::open(&work, &mut outputs)?;
    outputs.begin()?;
    let mut runner = Runner::new(work, opened);
    let source = input::demo(tasks, config.seed);
    let total = config.max_tasks.unwrap_or(u64::MAX).min(tasks);
    let outcome = runner.drain(&source, &config, &|state| share(state, total));
    Ok(finish(runner, &outcome, ToString::to_string, None))
}

fn redis(work: WorkSettings, options: RedisOptions) -> Result<Ending, CliError> {
    let no_wait = options.is_no_wait();
    let config = work.config;
    let mut outputs = Outputs::new(None)?;
    let opened = RunnerOutputs::open(&work, &mut outputs)?;
    let queue = options.clone();
    let source = smol::block_on(RedisSource::connect(options)).map_err(|error| input::error(&error))?;
    outputs.begin()?;
    let mut runner = Runner::new(work, opened);
    let outcome = runner.drain(&source, &config, &|state| share(state, config.max_tasks?));
    let has_all = outcome.error.is_none() && !runner.is_draining();
    let held = if no_wait && has_all { held_elsewhere(queue, &runner) } else { Ending::Done };
    Ok(finish(runner, &outcome, ToString::to_string, None).max(held))
}

/// Says who still holds what, for a run that was not to wait for it.
fn held_elsewhere(queue: RedisOptions, runner: &Runner) -> Ending {
    let look = async { RedisQueue::connect(queue.clone()).await?.stats().await };
    let stats = match runner.wait(look) {
        Some(Ok(stats)) => stats,
        Some(Err(error)) => {
            terminal::say(&format!("error: {error}; whether other workers hold tasks is not known"));
            return Ending::SourceFailed;
        }
        None => return Ending::Done,
    };
    let holders = stats.consumers.iter().filter(|consumer| consumer.in_flight > 0);
    let holders: Vec<String> = holders
        .map(|it| {
            let gone = if it.is_alive { "" } else { ", gone" };
            format!("{} ({}{gone})", it.name, it.in_flight)
        })
        .collect();
    let held: usize = stats.consumers.iter().map(|consumer| consumer.in_flight).sum();
    if held == 0 {
        return Ending::Done;
    }
    terminal::say(&format!("{queue}: {held} tasks are held by other workers: {}", holders.join(", ")));
    Ending::HeldElsewhere
}

fn share(state: &State, total: u64) -> Option<f64> {
    (total > 0).then(|| state.counters().tasks() as f64 / total as f64)
}

fn run_lines(work: WorkSettings, lines: &LineSettings, input: Input) -> Result<Ending, CliError> {
    let (config, format) = (work.config, work.format);
    let mut outputs = Outputs::new(Some(&input))?;
    let is_resumed = lines.journal.as_ref().is_some_and(|journal| journal.resume);
    let dead: Box<dyn Write> = match &lines.dead {
        Some(path) if is_resumed => Box::new(outputs.extend("--dead", path)?),
        Some(path) => Box::new(outputs.open("--dead", path)?),
        None => Box::new(Stderr),
    };
    let rest = lines.rest.as_ref().map(|path| Ok((path, outputs.open("--rest", path)?))).transpose()?;
    let journal = lines.journal.as_ref();
    let journal = journal.map(|journal| Journal::open(journal, &input, format, &mut outputs)).transpose()?;
    let skipped = journal.as_ref().map(Journal::skipped).unwrap_or_default();
    let opened = RunnerOutputs::open(&work, &mut outputs)?;
    outputs.begin()?;

    let (name, length) = (input.to_string(), input.length());
    let mut runner = Runner::new(work, opened);
    let source = JsonLines::new(input.reader(lines.follow.then(|| format.separator())), dead).line_max(lines.max_line);
    let mut source = format.apply(source).retry_max(lines.retry_buffer);
    if let Some(window) = runner.window() {
        source = source.window(window);
    }
    if let Some(journal) = journal {
        source = source.ledger(journal);
    }
    if lines.follow {
        source = source.follow(LOOK);
    }
    let outcome = runner.drain(&source, &config, &|state| part(state, &config, lines, source.consumed(), length));
    // The rest of standard input depends on its writer, and is waited for only where it is asked for.
    let counted = rest.is_some() || length.is_some();
    let left = if counted { Some(write_rest(&runner, &source, rest, format.separator())) } else { None };
    drop(source);
    let ending = finish(runner, &outcome, |error| explain(error, &name, lines), left);
    Ok(ending.max(report_skipped(skipped)))
}

/// Says what an earlier run has done, and returns what the exit code tells of it: as if it were one run.
fn report_skipped(skipped: Skipped) -> Ending {
    let Skipped { done, dead } = skipped;
    if skipped != Skipped::default() {
        terminal::say(&format!("--resume: {done} tasks were done and {dead} were dead before"));
    }
    Ending::of_lost(dead)
}

/// How much of the lines is done.
fn part(state: &State, config: &Config, lines: &LineSettings, consumed: u64, length: Option<u64>) -> Option<f64> {
    match (config.max_tasks, length) {
        (Some(total), _) => share(state, total),
        (None, Some(length)) if length > 0 && !lines.follow => Some(consumed as f64 / length as f64),
        _ => None,
    }
}

/// The lines that are not done.
struct Left<'a> {
    /// Their number, unless they could not be read or written.
    count: Option<u64>,
    /// Where they were written.
    path: Option<&'a PathBuf>,
}

/// Counts the lines that are not done, and writes them where they are wanted.
fn write_rest<'a>(
    runner: &Runner,
    source: &JsonLines<'_, Reader>,
    file: Option<(&'a PathBuf, File)>,
    separator: u8,
) -> Left<'a> {
    let path = file.as_ref().map(|(path, _)| *path);
    let mut file = file.map(|(_, file)| BufWriter::new(file));
    let rest = async {
        let count = source.rest(|line| match &mut file {
            Some(file) => file.write_all(line).and_then(|()| file.write_all(&[separator])),
            None => Ok(()),
        });
        let count = count.await?;
        file.as_mut().map_or(Ok(()), |file| file.flush())?;
        Ok::<_, io::Error>(count)
    };
    match runner.wait(rest).unwrap_or_else(|| Err(io::ErrorKind::Interrupted.into())) {
        Ok(count) => Left { count: Some(count), path },
        Err(error) => {
            let what =
                path.map_or_else(|| "the lines that are left".to_owned(), |path| format!("--rest {}", path.display()));
            terminal::say(&format!("error: {what}: {error}"));
            Left { count: None, path }
        }
    }
}

impl Left<'_> {
    fn note(&self) -> Option<String> {
        let count = self.count.filter(|count| *count > 0)?;
        Some(match self.path {
            Some(path) => format!("{count} lines are not done: they are in {}", path.display()),
            None => format!("{count} lines are not done (--rest FILE would keep them)"),
        })
    }
}

/// Reports, and returns how it went.
fn finish<E: Error + 'static>(
    runner: Runner,
    outcome: &RunOutcome<E>,
    explain: impl FnOnce(&RunError<E>) -> String,
    left: Option<Left<'_>>,
) -> Ending {
    if let Some(error) = &outcome.error {
        terminal::say(&format!("error: {}", explain(error)));
    }
    if let Some(lost) = runner.handler_lost() {
        terminal::say(&format!("error: {lost}; what was held is given back"));
    }
    let note = left.as_ref().and_then(Left::note);
    let report = JsonReport { report: outcome.state.report(), left: left.as_ref().and_then(|left| left.count) };
    let json = serde_json::to_string(&report).unwrap_or_default();
    runner.report(|_| table::summary(&outcome.state, note.as_deref()), &json);
    let of_rest = match left {
        Some(Left { count: None, .. }) => Ending::NotWritten,
        _ => Ending::Done,
    };
    outcome.ending().max(of_rest).max(runner.finish())
}

/// Says what a run's error is about: a flag or a file.
fn explain<E: Error + 'static>(error: &RunError<E>, name: &str, lines: &LineSettings) -> String {
    let about = Error::source(error).and_then(|error| error.downcast_ref::<JsonLinesError>());
    match (about, &lines.dead) {
        (Some(JsonLinesError::DeadLetters(error)), Some(path)) => format!("--dead {}: {error}", path.display()),
        (Some(JsonLinesError::Ledger(error)), _) => error.to_string(),
        (Some(JsonLinesError::Read(error)), _) => format!("cannot read {name}: {error}"),
        _ => error.to_string(),
    }
}

/// The report as data.
#[derive(Serialize)]
struct JsonReport {
    #[serde(flatten)]
    report: Report,
    /// For a file: the number of lines that are not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
}
