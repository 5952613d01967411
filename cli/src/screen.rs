//! Standard output and standard error: who may write where, and what happens when nobody reads any more.

mod view;

use std::{
    cell::{Cell, RefCell},
    io::{self, IsTerminal, Write},
    sync::{Mutex, MutexGuard},
};

use anstream::AutoStream;
use fourfold::Control;
use indicatif::ProgressBar;

use self::view::View;

/// What stays at the bottom of the terminal, so that other lines do not run into it.
enum Progress {
    None,
    Bar(ProgressBar),
    View(View),
}

static PROGRESS: Mutex<Progress> = Mutex::new(Progress::None);

fn progress() -> MutexGuard<'static, Progress> {
    PROGRESS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Whether there is a terminal on which lines can be drawn again.
pub(crate) fn is_drawable() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| !term.is_empty() && term != "dumb")
}

/// Whether somebody sees colours there and wants them.
pub(crate) fn is_coloured(stream: &impl anstream::stream::RawStream) -> bool {
    AutoStream::choice(stream) != anstream::ColorChoice::Never
}

pub(crate) fn set_progress(bar: Option<ProgressBar>) {
    *progress() = bar.map_or(Progress::None, Progress::Bar);
}

/// Draws these lines at the bottom of the terminal, in place of those that are there.
pub(crate) fn draw(lines: &[String]) {
    let coloured = is_coloured(&io::stderr());
    let told = |line: &String| if coloured { line.clone() } else { anstream::adapter::strip_str(line).to_string() };
    let view = View::new(lines.iter().map(told));
    put(view.bytes());
    *progress() = Progress::View(view);
}

/// Takes what was drawn away.
pub(crate) fn clear() {
    if let Progress::View(_) = std::mem::replace(&mut *progress(), Progress::None) {
        put(view::ERASE);
    }
}

/// Where it cannot be drawn it is not.
fn put(bytes: &[u8]) {
    let _ = io::stderr().write_all(bytes);
}

/// Standard error, around the progress: each write is whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &*progress() {
            Progress::None => io::stderr().write(bytes),
            Progress::Bar(bar) => bar.suspend(|| io::stderr().write(bytes)),
            // In one go: nobody sees the terminal without the view.
            Progress::View(view) => io::stderr().write_all(&view.below(bytes)).map(|()| bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to standard output, which may be the same terminal. `write` says whether it has ended a line.
fn beside_progress(write: impl FnOnce() -> io::Result<bool>) -> io::Result<()> {
    match &*progress() {
        Progress::Bar(bar) => bar.suspend(write).map(drop),
        Progress::View(view) if io::stdout().is_terminal() => {
            put(view::ERASE);
            let written = write();
            if matches!(written, Ok(false)) {
                put(b"\r\n");
            }
            put(view.bytes());
            written.map(drop)
        }
        _ => write().map(drop),
    }
}

/// Says something on standard error, where it can be said.
pub(crate) fn say(text: &str) {
    let _ = Stderr.write_all(format!("{text}\n").as_bytes());
}

/// Standard output. When its reader goes away or its disk is full, the run is drained; nothing panics.
#[derive(Debug, Default)]
pub(crate) struct Stdout {
    failed: RefCell<Option<io::Error>>,
    closed: Cell<bool>,
    control: Option<Control>,
}

impl Stdout {
    pub(crate) fn new(control: Option<&Control>) -> Self {
        Self { control: control.cloned(), ..Self::default() }
    }

    /// Writes everything at once, or learns that there is no point any more.
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.copy(&mut &*bytes);
    }

    /// As [`write`](Self::write), from a reader.
    pub(crate) fn copy(&self, from: &mut impl io::Read) {
        if self.closed.get() {
            return;
        }
        let written = beside_progress(|| {
            let mut stdout = Tracked { to: io::stdout().lock(), last: b'\n' };
            io::copy(from, &mut stdout)?;
            stdout.flush()?;
            Ok(stdout.last == b'\n')
        });
        if let Err(error) = written {
            self.closed.set(true);
            *self.failed.borrow_mut() = Some(error);
            if let Some(control) = &self.control {
                control.drain();
            }
        }
    }

    /// Text with styles, which go where there is a terminal that wants them.
    pub(crate) fn print(&self, text: &str) {
        let mut plain = AutoStream::new(Vec::new(), AutoStream::choice(&io::stdout()));
        // Writing to memory cannot fail.
        let _ = plain.write_all(text.as_bytes());
        self.write(&plain.into_inner());
    }

    /// The exit code for what went wrong, and a word about it unless the reader simply had enough.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        let failed = self.failed.borrow();
        let error = failed.as_ref()?;
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Some(super::exit::STDOUT_CLOSED);
        }
        say(&format!("error: cannot write to standard output: {error}"));
        Some(super::exit::NOT_WRITTEN)
    }
}

/// A writer that knows its last byte.
struct Tracked<W> {
    to: W,
    last: u8,
}

impl<W: Write> Write for Tracked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.last = written.checked_sub(1).map_or(self.last, |last| bytes[last]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Text with styles on standard error, as [`Stdout::print`].
pub(crate) fn print_stderr(text: &str) {
    let mut plain = AutoStream::new(Vec::new(), AutoStream::choice(&io::stderr()));
    // Writing to memory cannot fail.
    let _ = plain.write_all(text.as_bytes());
    let _ = Stderr.write_all(&plain.into_inner());
}
