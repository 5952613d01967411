//! Runs of the command: the library's run, with handler, signals, progress, trace and log around
//! it.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};

use fourfold::{
    Config, Control, NativeClock, Run, RunError, Source,
    clock::SimulatedClock,
    listen::Listener,
    metrics::State,
    source::{Json, Window},
    trace::Trace,
};
use futures_lite::future::or;
use smol::Timer;

use crate::{
    args::{Halt, OutputArgs, ProgressMode},
    clock::AnyClock,
    exit::{CliError, Ending},
    handler::AnyHandler,
    input::TaskFormat,
    observers::{EventLog, FormatHint, HaltWatch, Maybe, RetryWatch, StateObserver},
    outputs::Outputs,
    progress::{self, Done},
    results::{OpenedResults, Results},
    server,
    settings::{KeyLimit, WorkSettings},
    shutdown::{self, Shutdown},
    terminal::{self, Stdout},
    throttle::Throttle,
};

/// How long the report may take to be read after a signal.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time between two lines of `--progress line`.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// The same without a terminal, where nobody has asked for lines.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Runs sources, one after another, with the same handler and the same outputs.
pub(crate) struct Runner {
    clock: AnyClock,
    handler: AnyHandler,
    control: Control,
    throttle: Rc<Throttle>,
    results: Results,
    halt: Option<Halt>,
    per: Option<KeyLimit>,
    retry_max: Option<usize>,
    stdout: Rc<Stdout>,
    shutdown: Shutdown,
    listener: Option<Listener>,
    trace: Option<(PathBuf, Trace)>,
    output: OutputArgs,
    /// Whether tasks are JSON.
    is_json: bool,
    progress: Progress,
}

/// How it is shown how far a run is.
#[derive(Clone, Copy, Debug)]
enum Progress {
    None,
    View,
    Lines { every: Duration },
}

impl Progress {
    fn new(output: &OutputArgs) -> Self {
        match output.progress {
            ProgressMode::Line => Self::Lines { every: LINE_EVERY },
            ProgressMode::Auto if output.quiet => Self::None,
            ProgressMode::Auto if terminal::is_drawable() => Self::View,
            ProgressMode::Auto => Self::Lines { every: LOG_EVERY },
            ProgressMode::None => Self::None,
        }
    }
}

/// What a runner writes to, opened before anything begins.
pub(crate) struct RunnerOutputs {
    listener: Option<Listener>,
    trace: Option<(PathBuf, File)>,
    results: OpenedResults,
}

impl RunnerOutputs {
    /// Opens what the settings ask for.
    ///
    /// # Errors
    /// When a file cannot be written or an address cannot be listened at.
    pub(crate) fn open(work: &WorkSettings, outputs: &mut Outputs) -> Result<Self, CliError> {
        let trace = work.output.trace.as_ref();
        let trace = trace.map(|path| Ok((path.clone(), outputs.open("--trace", path)?))).transpose()?;
        let listener = work.output.listen.as_ref().map(server::listen).transpose()?;
        let results = OpenedResults::open(&work.results, outputs)?;
        Ok(Self { listener, trace, results })
    }
}

/// What came of one run.
pub(crate) struct RunOutcome<E> {
    pub(crate) state: State,
    pub(crate) error: Option<RunError<E>>,
}

impl<E> RunOutcome<E> {
    /// Returns what the exit code tells of this run.
    pub(crate) fn ending(&self) -> Ending {
        let counters = self.state.counters();
        let of_tasks = Ending::of_lost(counters.dead + counters.malformed);
        of_tasks.max(match &self.error {
            Some(RunError::Group { .. }) => Ending::NotAllDone,
            Some(_) => Ending::SourceFailed,
            None => Ending::Done,
        })
    }
}

impl Runner {
    /// Starts what lives as long as the command: handler, trace, server.
    pub(crate) fn new(work: WorkSettings, opened: RunnerOutputs) -> Self {
        let control = Control::new();
        let is_json = work.format == TaskFormat::Json;
        let stdout = Rc::new(Stdout::new(Some(&control)));
        let clock = if work.is_simulated {
            AnyClock::Simulated(SimulatedClock::new())
        } else {
            AnyClock::Native(NativeClock::new())
        };
        let throttle = Rc::new(Throttle::new(&control, work.has_brake && work.handler.is_real()));
        let results = Results::new(opened.results, &control, &stdout);
        let stdout_of_tasks = (!results.keep_outputs()).then_some(&stdout);
        let handler = AnyHandler::new(work.handler, &clock, &control, &throttle, stdout_of_tasks);
        // A simulated run waits for its trace: it would be faster than any disk.
        let trace = opened.trace.map(|(path, file)| {
            let trace = start_trace(&path, file);
            (path, if work.is_simulated { trace.patient() } else { trace })
        });
        if let Some(listener) = &opened.listener {
            server::announce(listener);
        }
        let progress = Progress::new(&work.output);
        let (output, shutdown) = (work.output, Shutdown::default());
        Self {
            clock,
            handler,
            control,
            throttle,
            results,
            halt: work.halt,
            per: work.per,
            retry_max: work.retry_max,
            stdout,
            shutdown,
            listener: opened.listener,
            trace,
            output,
            is_json,
            progress,
        }
    }

    /// Returns the bound on tasks that are not through, for the source.
    pub(crate) fn window(&self) -> Option<&Window> {
        self.results.window()
    }

    /// Returns whether the runs are to come to an end.
    pub(crate) fn is_draining(&self) -> bool {
        self.control.is_draining()
    }

    /// Runs the tasks of a source. `done` says how much of them are done, for the progress.
    pub(crate) fn drain<S: Source<Payload = Json>>(
        &mut self,
        source: &S,
        config: &Config,
        done: Done<'_>,
    ) -> RunOutcome<S::Error> {
        let watched = StateObserver::new(self.listener.as_ref());
        let state = watched.state();
        let trace = Maybe(self.trace.as_mut().map(|(_, trace)| trace));
        let watches = (
            FormatHint(self.is_json && !self.output.quiet),
            (HaltWatch::new(self.halt, &self.control), RetryWatch::new(self.retry_max)),
        );
        let mut observer = (watched, (trace, (EventLog::new(), (watches, &self.results))));
        let results = &self.results;
        let (handler, control, throttle) = (&self.handler, &self.control, &self.throttle);
        throttle.begin(config);
        let is_real = matches!(self.clock, AnyClock::Native(_));
        let attempt = async |task: &_| {
            if is_real {
                terminal::ready().await;
                results.ready().await;
            }
            let (started, begun) = (throttle.start(), Instant::now());
            let mut attempted = handler.attempt(task).await;
            started.ended(attempted.code, &attempted.result);
            results.take(task, &mut attempted, begun).await;
            if !attempted.errors.is_empty() {
                terminal::pass_on_errors(attempted.errors.take()).await;
            }
            attempted.result
        };
        let mut run = Run::new(source, attempt).clock(&self.clock).config(*config).control(control);
        if let Some(per) = &self.per {
            run = run.per_key(|task| per.of(task), per.limit);
        }
        let run = run.observer(&mut observer).into_future();
        let result = match &self.clock {
            AnyClock::Simulated(clock) => clock.run(run).map_err(|stalled| stalled.to_string()),
            AnyClock::Native(_) => {
                let show = async {
                    match self.progress {
                        Progress::None => std::future::pending().await,
                        Progress::View => match progress::show(&state, &self.clock, done).await {},
                        Progress::Lines { every } => match progress::log(&state, every).await {},
                    }
                };
                // Caught before anything starts: from then on a signal may come.
                let signals = shutdown::catch();
                let watch = async { match self.shutdown.watch(signals, control).await {} };
                let throttled = async { match throttle.drive().await {} };
                let written = async { match results.drive().await {} };
                Ok(smol::block_on(or(
                    or(run, or(throttled, written)),
                    or(watch, or(show, server::serve(self.listener.as_ref()))),
                )))
            }
        };
        let error = match result {
            Ok(ended) => ended.err(),
            Err(stalled) => {
                terminal::say(&format!("error: {stalled}"));
                None
            }
        };
        drop(observer);
        smol::block_on(self.handler.close());
        self.wait(self.results.complete());
        RunOutcome { state: Rc::unwrap_or_clone(state).into_inner(), error }
    }

    /// Waits for something after a run, while HTTP requests are answered and signals heeded: `None`
    /// when the second signal came first.
    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        let given_up = async {
            let watch = async { match self.shutdown.watch(shutdown::catch(), &self.control).await {} };
            or(watch, self.shutdown.twice()).await;
            None
        };
        let wanted = async { Some(what.await) };
        smol::block_on(or(wanted, or(given_up, server::serve(self.listener.as_ref()))))
    }

    /// Writes the report where it is wanted: tasks that write to standard output have it to
    /// themselves.
    pub(crate) fn report(&self, text: impl FnOnce(bool) -> String, json: &str) {
        let is_shared = self.results.own_stdout(self.handler.writes());
        if self.output.json {
            self.stdout.write(&format!("{json}\n"));
        } else if self.output.quiet {
        } else if is_shared {
            terminal::print_stderr(&text(terminal::is_coloured(&io::stderr())));
        } else {
            self.stdout.print(&text(terminal::is_coloured(&io::stdout())));
        }
    }

    /// Returns why the handler could not go on, if so.
    pub(crate) fn handler_lost(&self) -> Option<String> {
        self.handler.lost()
    }

    /// Waits until the report is written. Once a signal has come, nobody is waited for long.
    fn flush(&self) {
        let watch = async { match self.shutdown.watch(shutdown::catch(), &self.control).await {} };
        let impatient = async {
            self.shutdown.stopped().await;
            Timer::after(PATIENCE).await;
            terminal::give_up();
        };
        let served = server::serve(self.listener.as_ref());
        smol::block_on(or(watch, or(or(terminal::flushed(), impatient), served)));
    }

    /// Ends the trace and the server, and returns what the exit code tells of all that was around
    /// the runs.
    pub(crate) fn finish(mut self) -> Ending {
        if let Some(listener) = self.listener.take() {
            self.wait(listener.finish());
        }
        self.flush();
        let of_handler = if self.handler.lost().is_some() { Ending::SourceFailed } else { Ending::Done };
        let of_trace = self.trace.take().map_or(Ending::Done, |(path, trace)| finish_trace(&path, trace));
        of_handler.max(of_trace).max(self.results.ending()).max(self.stdout.ending()).max(self.shutdown.ending())
    }
}

fn start_trace(path: &Path, file: File) -> Trace {
    if path.to_string_lossy().ends_with(".perfetto.json") { Trace::perfetto(file) } else { Trace::new(file) }
}

fn finish_trace(path: &Path, trace: Trace) -> Ending {
    let traced = trace.finish();
    let path = path.display();
    if let Some(error) = traced.error {
        terminal::say(&format!(
            "error: --trace {path}: {error}; the run went on without it, {} events are missing",
            traced.lost
        ));
        return Ending::NotWritten;
    }
    if traced.lost > 0 {
        terminal::say(&format!(
            "warning: --trace {path}: {} of {} events are missing: they came faster than they could be written",
            traced.lost,
            traced.lost + traced.written
        ));
    }
    Ending::Done
}
