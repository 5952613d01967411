//! Standard output and standard error: what is written where, and what happens when nobody reads
//! any more.
//!
//! Nothing here waits for a reader: threads of their own write, in the order in which things were
//! said. Where both streams lead to the same place, as on a terminal, one thread writes to both.

mod view;

mod lane;

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    os::unix::fs::MetadataExt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use anstream::AutoStream;
use fourfold::Control;
use rustix::fd::AsFd;
use smol::{
    Timer,
    lock::{Mutex, MutexGuard},
};

use self::{
    lane::{Item, Lane},
    view::View,
};
use crate::{exit::Ending, render::foreign};

/// The time between two looks at a standard error that is not read.
const LOOK: Duration = Duration::from_millis(50);

static STREAMS: OnceLock<Streams> = OnceLock::new();

/// Where output and messages go.
struct Streams {
    stdout: Arc<Lane>,
    stderr: Arc<Lane>,
    is_stderr_terminal: bool,
    is_given_up: AtomicBool,
}

fn streams() -> &'static Streams {
    STREAMS.get_or_init(|| {
        let stderr = Lane::start();
        let stdout = if is_one_place() { Arc::clone(&stderr) } else { Lane::start() };
        Streams { stdout, stderr, is_stderr_terminal: io::stderr().is_terminal(), is_given_up: AtomicBool::new(false) }
    })
}

/// Whether standard output and standard error are the same file, pipe or terminal.
fn is_one_place() -> bool {
    let place = |stream: &dyn AsFd| {
        let found = File::from(stream.as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
        Some((found.dev(), found.ino()))
    };
    let stdout = place(&io::stdout());
    stdout.is_some() && stdout == place(&io::stderr())
}

/// Returns whether standard error is a terminal on which lines can be drawn again.
pub(crate) fn is_drawable() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| !term.is_empty() && term != "dumb")
}

/// Returns whether colours are shown and wanted there.
pub(crate) fn is_coloured(stream: &impl anstream::stream::RawStream) -> bool {
    AutoStream::choice(stream) != anstream::ColorChoice::Never
}

/// Draws these lines at the bottom of the terminal, in place of those that are there.
pub(crate) fn draw(lines: &[String]) {
    let coloured = is_coloured(&io::stderr());
    let told = |line: &String| if coloured { line.clone() } else { anstream::adapter::strip_str(line).to_string() };
    streams().stderr.draw(Some(View::new(lines.iter().map(told))));
}

/// Removes what was drawn.
pub(crate) fn clear() {
    streams().stderr.draw(None);
}

/// Writes a line to standard error. What others wrote may be part of it.
pub(crate) fn say(text: &str) {
    let streams = streams();
    let text = if streams.is_stderr_terminal { foreign::harmless(text) } else { text.into() };
    streams.stderr.message(format!("{text}\n").into_bytes());
}

/// Writes text with styles to standard error, without them where they are not wanted. What others
/// wrote has been made [harmless](foreign::harmless) in it.
pub(crate) fn print_stderr(text: &str) {
    streams().stderr.message(styled(text, AutoStream::choice(&io::stderr())));
}

fn styled(text: &str, choice: anstream::ColorChoice) -> Vec<u8> {
    let mut stream = AutoStream::new(Vec::new(), choice);
    // Writing to memory cannot fail.
    let _ = stream.write_all(text.as_bytes());
    stream.into_inner()
}

/// Waits while so much waits to be written to standard error that nothing should be started that
/// adds to it.
pub(crate) async fn ready() {
    while streams().stderr.is_crowded() {
        Timer::after(LOOK).await;
    }
}

/// Waits until all that was said is written.
pub(crate) async fn flushed() {
    for lane in [&streams().stdout, &streams().stderr] {
        let (done, written) = smol::channel::bounded(1);
        lane.push(Item::Flush(Box::new(move || {
            let _ = done.try_send(());
        })));
        // It is never closed before: the thread lives as long as the process.
        let _ = written.recv().await;
    }
}

/// Waits until all that was said is written, but not for longer than `limit`, if there is one, nor
/// after [`give_up`].
pub(crate) fn flush(limit: Option<Duration>) {
    let streams = streams();
    for lane in [&streams.stdout, &streams.stderr] {
        let (done, written) = mpsc::channel();
        lane.push(Item::Flush(Box::new(move || {
            let _ = done.send(());
        })));
        match limit {
            _ if streams.is_given_up.load(Ordering::Relaxed) => return,
            Some(limit) => drop(written.recv_timeout(limit)),
            None => drop(written.recv()),
        }
    }
}

/// Notes that nobody reads, so that the end of the command waits for nobody.
pub(crate) fn give_up() {
    streams().is_given_up.store(true, Ordering::Relaxed);
}

/// Standard error for lines that must not be lost, such as dead letters: each write is whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let streams = streams();
        let line = if streams.is_stderr_terminal { foreign::harmless_bytes(bytes) } else { bytes.to_vec() };
        streams.stderr.line(line).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard error for the log, whose lines have colours of their own: each write is whole, and
/// dropped when nobody reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogStream;

impl Write for LogStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let streams = streams();
        let line = if streams.is_stderr_terminal { foreign::keep_colours(bytes) } else { bytes.to_vec() };
        streams.stderr.message(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard output. When its reader goes away or its disk is full, the run is drained; nothing
/// panics.
#[derive(Debug, Default)]
pub(crate) struct Stdout {
    control: Option<Control>,
    turn: Mutex<()>,
}

impl Stdout {
    /// Creates the standard output of a command; of a run, when there is a control.
    pub(crate) fn new(control: Option<&Control>) -> Self {
        Self { control: control.cloned(), turn: Mutex::new(()) }
    }

    /// Writes a text that begins on a line of its own. What others wrote may be part of it.
    pub(crate) fn write(&self, text: &str) {
        let text = if io::stdout().is_terminal() { foreign::harmless(text) } else { text.into() };
        self.push(io::Cursor::new(text.into_owned().into_bytes()), true, |_| ());
    }

    /// Writes text with styles, without them where they are not wanted. What others wrote has been
    /// made [harmless](foreign::harmless) in it.
    pub(crate) fn print(&self, text: &str) {
        self.push(io::Cursor::new(styled(text, AutoStream::choice(&io::stdout()))), true, |_| ());
    }

    /// Writes the output of a task in one piece, and waits until it is written: a reader that is
    /// slow holds up the tasks.
    pub(crate) async fn pass_on(&self, from: impl Read + Send + 'static) {
        self.turn().await.write(from).await;
    }

    /// Waits until no task writes any more, and keeps others from writing.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        Turn { stdout: self, _guard: self.turn.lock().await }
    }

    fn push(&self, from: impl Read + Send + 'static, is_line: bool, done: impl FnOnce(bool) + Send + 'static) {
        streams().stdout.push(Item::Output { from: Box::new(from), is_line, done: Box::new(done) });
    }

    /// Waits until all is written. Returns what became of it, and says what went wrong unless the
    /// reader simply had enough.
    pub(crate) fn ending(&self) -> Ending {
        flush(None);
        match streams().stdout.failed() {
            None => Ending::Done,
            Some(failed) if failed.is_closed => Ending::StdoutClosed,
            Some(failed) => {
                say(&format!("error: cannot write to standard output: {}", failed.message));
                Ending::NotWritten
            }
        }
    }
}

/// Standard output for the output of one task.
pub(crate) struct Turn<'a> {
    stdout: &'a Stdout,
    _guard: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Writes a part of the output, and waits until it is written.
    pub(crate) async fn write(&self, from: impl Read + Send + 'static) {
        let (done, written) = smol::channel::bounded(1);
        self.stdout.push(from, false, move |is_written| {
            let _ = done.try_send(is_written);
        });
        if let (Ok(false), Some(control)) = (written.recv().await, &self.stdout.control) {
            control.drain();
        }
    }
}

/// Writes what a task wrote to its standard error in one piece, and waits until it is written.
pub(crate) async fn pass_on_errors(from: impl Read + Send + 'static) {
    let (done, written) = smol::channel::bounded(1);
    let streams = streams();
    let done = Box::new(move || {
        let _ = done.try_send(());
    });
    streams.stderr.push(Item::Errors { from: Box::new(from), is_foreign: streams.is_stderr_terminal, done });
    // It is never closed before: the thread lives as long as the process.
    let _ = written.recv().await;
}
