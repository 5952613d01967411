//! Starts the processes of one handler.

use std::{
    cell::{OnceCell, RefCell},
    io::{self, Write},
    process::Stdio,
    rc::Rc,
    time::{Duration, Instant},
};

use fourfold::{Control, Failure};
use futures_lite::future::or;
use rustix::io::Errno;
use smol::Timer;

use super::{census::Census, child::Process, program::Program, watcher::Watcher};
use crate::throttle::Throttle;

/// The time after which a refused start is tried again when no process ends before.
const PAUSE: Duration = Duration::from_millis(250);
/// How long to wait for a first process.
const HOPELESS: Duration = Duration::from_secs(10);

/// What fits into the smallest pipe there is, so that writing it cannot block.
const PIPE_MIN: usize = 4096;

/// What a process gets on standard input.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    /// These bytes and no more.
    Whole(&'a [u8]),
    /// What is written later.
    Lines,
}

/// Starts a program again and again, until it has vanished.
#[derive(Debug)]
pub(crate) struct Launcher {
    program: Program,
    control: Control,
    census: Census,
    throttle: Rc<Throttle>,
    watcher: OnceCell<Option<Rc<Watcher>>>,
    lost: RefCell<Option<String>>,
}

impl Launcher {
    /// Creates a launcher that aborts the run of this control when the program has vanished.
    pub(crate) fn new(program: Program, control: Control, throttle: Rc<Throttle>) -> Self {
        let census = Census::default();
        Self { program, control, census, throttle, watcher: OnceCell::new(), lost: RefCell::default() }
    }

    /// Starts a process, as soon as the system has room for it: a shortage is no failure of a task.
    /// When the program has vanished, the run is aborted and this never returns.
    ///
    /// # Errors
    /// A failure of the task, when its arguments cannot be passed on.
    pub(crate) async fn start(
        &self,
        arguments: &[String],
        variables: &[(&str, String)],
        input: Input<'_>,
    ) -> Result<Process, Failure> {
        let begin = Instant::now();
        loop {
            if let Some(room) = self.throttle.room() {
                self.census.below(room).await;
            }
            match self.spawn(arguments, variables, input) {
                Ok(process) => return Ok(process),
                Err(error) if is_shortage(&error) => {
                    if self.census.alive() == 0 && begin.elapsed() > HOPELESS {
                        return self.give_up(&error).await;
                    }
                    self.wait_for_room(&error).await;
                }
                Err(error) => return Err(self.failed(error).await),
            }
        }
    }

    fn spawn(&self, arguments: &[String], variables: &[(&str, String)], input: Input<'_>) -> io::Result<Process> {
        let watcher = self.watcher.get_or_init(Watcher::start);
        let mut command = self.program.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(match input {
            Input::Whole(bytes) if bytes.len() <= PIPE_MIN => written(bytes)?,
            Input::Whole(_) | Input::Lines => Stdio::piped(),
        });
        command.envs(watcher.as_ref().map(|watcher| watcher.variable()));
        let child = command.spawn()?;
        let watched = watcher.as_ref().map(|watcher| watcher.watch(child.id()));
        Process::new(child, watched, self.census.enter())
    }

    /// Lowers the limit of the run to what the system has room for, and waits until there may be
    /// room.
    async fn wait_for_room(&self, error: &io::Error) {
        let alive = self.census.alive().max(1);
        if self.throttle.shortage(alive) {
            let flag = self.program.flag();
            tracing::warn!(
                "{flag}: {error}: the system has room for {alive} processes at a time; going on with that many"
            );
        }
        let ended = self.census.below(self.census.alive());
        let pause = async {
            Timer::after(PAUSE).await;
        };
        if self.census.alive() == 0 { pause.await } else { or(ended, pause).await }
    }

    /// Says what a failed start means: a failure of the task or the end of the run.
    async fn failed(&self, error: io::Error) -> Failure {
        use io::ErrorKind::{ArgumentListTooLong, InvalidInput, NotADirectory, NotFound, PermissionDenied};
        let (flag, name) = (self.program.flag(), self.program.name());
        match error.kind() {
            InvalidInput | ArgumentListTooLong => {
                Failure::permanent(format!("{flag} cannot pass the task on: {error}"))
            }
            NotFound | PermissionDenied | NotADirectory => {
                let message = format!("{flag} can no longer start `{name}`: {error}");
                self.lose(message).await
            }
            _ => Failure::transient(format!("{flag} cannot start `{name}`: {error}{}", hint(&error))),
        }
    }

    async fn give_up<T>(&self, error: &io::Error) -> T {
        let (flag, name) = (self.program.flag(), self.program.name());
        self.lose(format!("{flag} cannot start `{name}`, nor anything else: {error}")).await
    }

    /// Ends the run: what is held is given back, and this attempt, too, so it must not end.
    async fn lose<T>(&self, message: String) -> T {
        self.lost.borrow_mut().get_or_insert(message);
        self.control.abort();
        std::future::pending().await
    }

    /// Returns why the program can no longer be started, if so.
    pub(crate) fn lost(&self) -> Option<String> {
        self.lost.borrow().clone()
    }
}

/// Whether the system had nothing left to start a process with: that passes, and says nothing about
/// the task.
fn is_shortage(error: &io::Error) -> bool {
    let shortages = [Errno::AGAIN, Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| shortages.iter().any(|shortage| shortage.raw_os_error() == code))
}

/// Says what is probably wrong with a file that is there and cannot be started.
fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOEXEC) => " (is its first line, `#!` and the path of its interpreter, missing?)",
        Some(Errno::TXTBSY) => " (is it still being written?)",
        _ => "",
    }
}

/// A pipe with these few bytes in it and nothing to come: a process that does not read them cannot
/// make us fail.
fn written(input: &[u8]) -> io::Result<Stdio> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(input)?;
    Ok(reader.into())
}
