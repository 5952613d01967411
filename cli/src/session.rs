//! One run of the command: the library's run, with signals, progress, trace and log around it.

use std::{
    io,
    path::{Path, PathBuf},
    rc::Rc,
};

use fourfold::{
    Config, Control, NativeClock, Report, RunError, Source, clock::SimulatedClock, listen::Listener, metrics::State,
    run::run, source::Json, trace::Trace,
};
use futures_lite::future::or;

use super::{
    args::{OutputArgs, WorkArgs},
    clock::AnyClock,
    exit::{self, Fault},
    handler::AnyHandler,
    listen,
    observe::{Fold, Log, Maybe},
    progress::{self, Done},
    screen::{self, Stdout},
    signals::{self, Asked},
};

/// All that a run needs beside its source.
pub(crate) struct Session {
    pub(crate) clock: AnyClock,
    pub(crate) handler: AnyHandler,
    pub(crate) control: Control,
    pub(crate) stdout: Rc<Stdout>,
    pub(crate) asked: Asked,
    listener: Option<Listener>,
    trace: Option<(PathBuf, Trace)>,
    progress: bool,
}

/// What came of one run.
pub(crate) struct Ran<E> {
    pub(crate) state: State,
    pub(crate) error: Option<RunError<E>>,
}

impl Session {
    /// Everything checked and opened, nothing claimed. `demo` is a source that brings its own handler, and simulated work
    /// is on a simulated clock where `simulated` allows it and nobody follows, for whom it would be over in no time.
    pub(crate) fn new(work: &WorkArgs, source: &str, demo: bool, simulated: bool) -> Result<Self, Fault> {
        let control = Control::new();
        let stdout = Rc::new(Stdout::new(Some(&control)));
        let acts = demo && !work.handler.is_real() || work.handler.simulate;
        let clock = if acts && simulated && !work.real && work.output.listen.is_none() {
            AnyClock::Simulated(SimulatedClock::new())
        } else {
            AnyClock::Native(NativeClock::new())
        };
        let handler = match AnyHandler::new(work, &clock, &control, &stdout)? {
            Some(handler) => handler,
            None if demo => AnyHandler::Simulate(clock.clone()),
            None => {
                return Err(Fault::usage(format_args!(
                    "say what is to be done with each task of {source}: --exec CMD, --pipe CMD, --post URL or --simulate"
                )));
            }
        };
        let patient = matches!(clock, AnyClock::Simulated(_));
        let trace = work.output.trace.as_deref().map(|path| open_trace(path, patient)).transpose()?;
        let listener = work.output.listen.as_ref().map(listen::open).transpose()?;
        let progress = !work.output.quiet && screen::is_drawable();
        Ok(Self { clock, handler, control, stdout, asked: Asked::default(), listener, trace, progress })
    }

    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self.clock, AnyClock::Simulated(_))
    }

    /// Drains a source.
    pub(crate) fn drain<S: Source<Payload = Json>>(
        &mut self,
        source: &S,
        config: &Config,
        done: Done<'_>,
    ) -> Ran<S::Error> {
        let fold = Fold::new(self.listener.as_ref());
        let state = fold.state();
        let trace = Maybe(self.trace.as_mut().map(|(_, trace)| trace));
        let mut observer = (fold, (trace, Log::new()));
        let (handler, control) = (&self.handler, &self.control);
        let attempt = async |task: &_| handler.attempt(task).await;
        let run = run(source, &self.clock, attempt, config, control, &mut observer);
        let result = match &self.clock {
            AnyClock::Simulated(clock) => Some(clock.run(run)),
            AnyClock::Native(_) => {
                let show = async {
                    if self.progress {
                        progress::show(&state, &self.clock, done).await;
                    }
                    std::future::pending().await
                };
                let beside = beside(&self.asked, control, handler, show);
                let beside = or(beside, listen::serve(self.listener.as_ref()));
                Some(Ok(smol::block_on(or(run, beside))))
            }
        };
        let error = match result {
            Some(Ok(result)) => result.err(),
            Some(Err(stalled)) => {
                screen::say(&format!("error: {stalled}"));
                None
            }
            None => None,
        };
        smol::block_on(handler.close());
        drop(observer);
        Ran { state: Rc::unwrap_or_clone(state).into_inner(), error }
    }

    /// Something that is waited for after the run, while those who listen are served and signals heeded: `None` when
    /// the second one came.
    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        let given_up = async {
            let watch = async {
                self.asked.watch(signals::catch(), &self.control).await;
            };
            or(watch, self.asked.twice()).await;
            None
        };
        let wanted = async { Some(what.await) };
        smol::block_on(or(wanted, or(given_up, listen::serve(self.listener.as_ref()))))
    }

    /// Ends the trace, and lets those who listen know. The exit code for what went wrong with it or with standard output.
    pub(crate) fn finish(&mut self) -> Option<u8> {
        let mut code = None;
        if let Some(listener) = self.listener.take() {
            self.wait(listener.finish());
        }
        if let Some((path, trace)) = self.trace.take() {
            let traced = trace.finish();
            let path = path.display();
            if let Some(error) = traced.error {
                screen::say(&format!(
                    "error: --trace {path}: {error}; the run went on without it, {} events are missing",
                    traced.lost
                ));
                code = Some(exit::NOT_WRITTEN);
            } else if traced.lost > 0 {
                screen::say(&format!(
                    "warning: --trace {path}: {} of {} events are missing: it could not be written as fast as they came",
                    traced.lost,
                    traced.lost + traced.written
                ));
            }
        }
        self.stdout.exit_code().or(code)
    }
}

/// What is done beside a run on the wall clock, on the same thread.
async fn beside<T>(asked: &Asked, control: &Control, handler: &AnyHandler, show: impl Future<Output = ()>) -> T {
    let watch = async {
        asked.watch(signals::catch(), control).await;
    };
    let reap = async {
        // Without it, async-process would do that on a thread of its own, and take the reactor there.
        if handler.has_processes() {
            smol::process::driver().await;
        }
        std::future::pending().await
    };
    or(watch, or(show, reap)).await;
    std::future::pending().await
}

fn open_trace(path: &Path, patient: bool) -> Result<(PathBuf, Trace), Fault> {
    let perfetto = path.to_string_lossy().ends_with(".perfetto.json");
    let start = if perfetto { Trace::perfetto } else { Trace::new };
    let trace = start(create(path, "--trace")?);
    Ok((path.to_owned(), if patient { trace.patient() } else { trace }))
}

/// A file that a flag asks for; better now than when it is too late.
pub(crate) fn create(path: &Path, flag: &str) -> Result<std::fs::File, Fault> {
    std::fs::File::create(path).map_err(|error| Fault::usage(format_args!("{flag} {}: {error}", path.display())))
}

/// The exit code of a run by itself.
pub(crate) fn exit_code<E>(report: &Report, error: Option<&RunError<E>>) -> u8 {
    match error {
        Some(RunError::Group { .. }) => exit::NOT_ALL_DONE,
        Some(_) => exit::SOURCE_FAILED,
        None if report.counters.dead + report.counters.malformed > 0 => exit::NOT_ALL_DONE,
        None => exit::DONE,
    }
}

/// Where reports go: the tasks' own output may have standard output to itself.
pub(crate) fn print_summary(session: &Session, output: &OutputArgs, table: &str, json: &str) {
    if output.json {
        session.stdout.write(format!("{json}\n").as_bytes());
    } else if output.quiet {
    } else if session.handler.owns_stdout() {
        screen::print_stderr(table);
    } else {
        session.stdout.print(table);
    }
}

/// Whether what goes there is in colours.
pub(crate) fn is_coloured(session: &Session) -> bool {
    if session.handler.owns_stdout() { screen::is_coloured(&io::stderr()) } else { screen::is_coloured(&io::stdout()) }
}
