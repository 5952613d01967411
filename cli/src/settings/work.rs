//! The settings of `run` and `compare`.

use std::{num::NonZeroUsize, path::PathBuf};

use fourfold::{Config, Pattern, Retry, Task, source::Json};

use crate::{
    args::{CompareArgs, Halt, OutputArgs, PerField, RunArgs, WorkArgs},
    exit::CliError,
    handler::{HandlerSettings, Template},
    input::{SourceSettings, TaskFormat},
    journal::JournalSettings,
    results::ResultSettings,
};

/// A limit for the tasks with the same key.
#[derive(Clone, Debug)]
pub(crate) struct KeyLimit {
    key: Template,
    pub(crate) limit: NonZeroUsize,
}

impl KeyLimit {
    fn check(per: &PerField, format: TaskFormat) -> Result<Self, CliError> {
        if format != TaskFormat::Json {
            return Err(CliError::usage(format_args!("--per {per} is for tasks that are JSON: a text has no fields")));
        }
        let key = Template::parse(&format!("{{{}}}", per.path)).map_err(|_| {
            CliError::usage(format_args!(
                "--per {per}: write .field or .field.inner, with letters, digits, `_` and `-` in the names"
            ))
        })?;
        Ok(Self { key, limit: per.limit })
    }

    /// Returns the key of a task; none where it lacks the field.
    pub(crate) fn of(&self, task: &Task<Json>) -> Option<String> {
        self.key.fill(task).ok()
    }
}

/// The settings of `run`.
pub(crate) struct RunSettings {
    pub(crate) source: SourceSettings,
    pub(crate) work: WorkSettings,
    pub(crate) lines: LineSettings,
}

/// The settings of a run whose tasks are lines.
#[derive(Debug)]
pub(crate) struct LineSettings {
    pub(crate) dead: Option<PathBuf>,
    pub(crate) rest: Option<PathBuf>,
    pub(crate) max_line: usize,
    pub(crate) journal: Option<JournalSettings>,
    pub(crate) retry_buffer: NonZeroUsize,
    pub(crate) follow: bool,
}

/// The settings of `compare`.
pub(crate) struct CompareSettings {
    pub(crate) source: SourceSettings,
    pub(crate) work: WorkSettings,
}

/// What `run` and `compare` have in common.
pub(crate) struct WorkSettings {
    /// The settings of the run, or of the first of four.
    pub(crate) config: Config,
    pub(crate) handler: HandlerSettings,
    pub(crate) format: TaskFormat,
    /// Whether the run is on a simulated clock.
    pub(crate) is_simulated: bool,
    /// The number of the demo's tasks.
    pub(crate) tasks: u64,
    /// When too many dead tasks end the run.
    pub(crate) halt: Option<Halt>,
    /// The limit for the tasks with the same value of a field.
    pub(crate) per: Option<KeyLimit>,
    /// Whether starts become rare while all attempts fail.
    pub(crate) has_brake: bool,
    pub(crate) output: OutputArgs,
    pub(crate) results: ResultSettings,
    /// How many tasks of a file may wait for a retry.
    pub(crate) retry_max: Option<usize>,
}

impl RunSettings {
    pub(super) fn check(args: RunArgs) -> Result<Self, CliError> {
        let RunArgs {
            source,
            pattern,
            work,
            follow,
            dead,
            rest,
            keep_order,
            keep_order_buffer,
            results,
            retry_buffer,
            ..
        } = args;
        let RunArgs { max_line, lease, max_deliveries, reconnect, no_wait, .. } = args;
        let RunArgs { journal, resume, resume_failed, .. } = args;
        let (limit, is_dry) = (work.max_concurrent, work.dry_run);
        let mut source = SourceSettings::check(&source)?;
        for (flag, given) in [("--dead", dead.is_some()), ("--rest", rest.is_some())] {
            if given && !source.has_lines() {
                return Err(CliError::usage(format_args!("{flag} is for a file of JSON lines, and {source} is none")));
            }
        }
        let is_demo = matches!(source, SourceSettings::Demo);
        if follow && is_demo {
            return Err(CliError::usage("--follow waits for new tasks, and the demo has none: leave it out"));
        }
        if no_wait && !matches!(source, SourceSettings::Redis(_)) {
            return Err(CliError::usage(format_args!(
                "--no-wait is for a Redis queue, which others may work on as well, and {source} is none"
            )));
        }
        if let SourceSettings::Redis(options) = source {
            let options = options
                .no_wait(no_wait)
                .text(work.is_text())
                .lease(lease)
                .max_deliveries(max_deliveries)
                .follow(follow)
                .reconnect(reconnect);
            source = SourceSettings::Redis(Box::new(options));
        }
        // Real tasks arrive in real time, whatever is done with them.
        let mut work = WorkSettings::check(work, pattern, &source, is_demo)?;
        if keep_order && !source.has_lines() {
            return Err(CliError::usage(format_args!(
                "--keep-order is for a file or standard input: {source} has no order to keep"
            )));
        }
        // A smaller window would keep permits idle.
        let window = keep_order.then(|| keep_order_buffer.max(limit));
        let is_resumed = resume || resume_failed;
        let journal = match journal {
            Some(_) if !source.has_lines() => {
                return Err(CliError::usage(format_args!(
                    "--journal is for a file or standard input: {source} keeps its own record"
                )));
            }
            Some(_) if follow => {
                return Err(CliError::usage("--journal is for input with an end: it does not go with --follow"));
            }
            Some(path) => Some(JournalSettings { path, resume: is_resumed, repeat_dead: resume_failed }),
            None if is_resumed => return Err(CliError::usage("--resume needs the --journal FILE of the earlier run")),
            None => None,
        };
        work.results = ResultSettings { path: results, is_kept: is_resumed, window };
        work.retry_max = source.has_lines().then_some(retry_buffer.get());
        let (mut dead, mut rest, mut journal) = (dead, rest, journal);
        if is_dry {
            (dead, rest, journal, work.results.path, work.output.trace) = (None, None, None, None, None);
        }
        Ok(Self { source, work, lines: LineSettings { dead, rest, max_line, retry_buffer, follow, journal } })
    }
}

impl CompareSettings {
    pub(super) fn check(args: CompareArgs) -> Result<Self, CliError> {
        let source = SourceSettings::check(&args.source)?;
        if let SourceSettings::Redis(_) = source {
            return Err(CliError::usage(
                "compare takes the demo or a file: a Redis queue cannot be drained four times (use `fourfold run`)",
            ));
        }
        let work = WorkSettings::check(args.work, Pattern::ALL[0], &source, true)?;
        Ok(Self { source, work })
    }
}

impl WorkSettings {
    fn check(args: WorkArgs, pattern: Pattern, source: &SourceSettings, may_simulate: bool) -> Result<Self, CliError> {
        let is_demo = matches!(source, SourceSettings::Demo);
        let acts = is_demo && !args.handler.is_real() || args.handler.simulate;
        // For those who watch it over HTTP, a simulated run would be over in no time.
        let is_simulated = acts && may_simulate && !args.real && args.output.listen.is_none();
        let handler = match HandlerSettings::check(&args)? {
            Some(handler) => handler,
            None if is_demo => HandlerSettings::Simulate,
            None => {
                return Err(CliError::usage(format_args!(
                    "say what is to be done with each task of {source}: --exec CMD, --pipe CMD, --post URL or --simulate"
                )));
            }
        };
        let handler = if args.dry_run { check_dry(handler, source)? } else { handler };
        let format = check_format(&args, source)?;
        let per = args.per.as_ref().map(|per| KeyLimit::check(per, format)).transpose()?;
        let mut config = config(&args, pattern);
        if handler.keeps_time() {
            config.timeout = None;
        }
        Ok(Self {
            config,
            handler,
            format,
            is_simulated,
            tasks: args.tasks,
            halt: args.halt,
            per,
            has_brake: !args.no_brake,
            output: args.output,
            results: ResultSettings::default(),
            retry_max: None,
        })
    }
}

/// Checks that something can be shown of what would be done.
fn check_dry(handler: HandlerSettings, source: &SourceSettings) -> Result<HandlerSettings, CliError> {
    if let SourceSettings::Redis(_) = source {
        return Err(CliError::usage(
            "--dry-run is for files and standard input: it would take tasks out of a Redis queue",
        ));
    }
    handler.dry().ok_or_else(|| CliError::usage("--dry-run goes with --exec CMD, --pipe CMD or --post URL"))
}

/// Checks what a task is to be.
fn check_format(args: &WorkArgs, source: &SourceSettings) -> Result<TaskFormat, CliError> {
    let flag = if args.null { "-0" } else { "--lines" };
    match source {
        _ if !args.is_text() => Ok(TaskFormat::Json),
        SourceSettings::Demo => Err(CliError::usage(format_args!(
            "{flag} is for tasks that are text, and the demo has none: name a file, or `-` for standard input"
        ))),
        SourceSettings::Redis(_) if args.null => {
            Err(CliError::usage("-0 is for a file or standard input; for the texts of a Redis list, use --lines"))
        }
        _ => Ok(TaskFormat::Text { separator: if args.null { 0 } else { b'\n' } }),
    }
}

fn config(args: &WorkArgs, pattern: Pattern) -> Config {
    let retry = Retry::new(args.retries).base(args.backoff.base).max(args.backoff.max);
    let mut config = Config::new(pattern, args.max_concurrent).retry(retry).grace(args.grace).seed(args.seed);
    config.workers = args.workers.map(NonZeroUsize::get);
    config.queue_capacity = args.queue_capacity.map(NonZeroUsize::get);
    config.batch_size = args.batch_size.map(NonZeroUsize::get);
    config.timeout = args.timeout;
    config.rate = args.rate;
    config.max_tasks = args.max_tasks;
    config
}
