//! Standard output and standard error: what is written where, and what happens when nobody reads any more.

mod view;

use std::{
    cell::{Cell, RefCell},
    io::{self, IsTerminal, Write},
    sync::{Mutex, MutexGuard},
};

use anstream::AutoStream;
use fourfold::Control;

use self::view::View;
use crate::exit::Ending;

/// The lines at the bottom of the terminal, around which other lines are written.
static VIEW: Mutex<Option<View>> = Mutex::new(None);

fn view() -> MutexGuard<'static, Option<View>> {
    VIEW.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
    let drawn = View::new(lines.iter().map(told));
    put(drawn.bytes());
    *view() = Some(drawn);
}

/// Removes what was drawn.
pub(crate) fn clear() {
    if view().take().is_some() {
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
        match &*view() {
            None => io::stderr().write(bytes),
            // In one go: nobody sees the terminal without the view.
            Some(view) => io::stderr().write_all(&view.below(bytes)).map(|()| bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to standard output, which may be the same terminal. `write` says whether it has ended a line.
fn above_view(write: impl FnOnce() -> io::Result<bool>) -> io::Result<()> {
    match &*view() {
        Some(view) if io::stdout().is_terminal() => {
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

/// Writes a line to standard error, if it can be written.
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
    /// Creates the standard output of a command; of a run, when there is a control.
    pub(crate) fn new(control: Option<&Control>) -> Self {
        Self { control: control.cloned(), ..Self::default() }
    }

    /// Writes everything in one piece, until a write fails: from then on nothing is written.
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.copy(&mut &*bytes);
    }

    /// Writes everything that a reader gives, as [`write`](Self::write) does.
    pub(crate) fn copy(&self, from: &mut impl io::Read) {
        if self.closed.get() {
            return;
        }
        let written = above_view(|| {
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

    /// Writes text with styles, without them where they are not wanted.
    pub(crate) fn print(&self, text: &str) {
        let mut plain = AutoStream::new(Vec::new(), AutoStream::choice(&io::stdout()));
        // Writing to memory cannot fail.
        let _ = plain.write_all(text.as_bytes());
        self.write(&plain.into_inner());
    }

    /// Returns what became of the output, and says what went wrong unless the reader simply had enough.
    pub(crate) fn ending(&self) -> Ending {
        match &*self.failed.borrow() {
            None => Ending::Done,
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ending::StdoutClosed,
            Some(error) => {
                say(&format!("error: cannot write to standard output: {error}"));
                Ending::NotWritten
            }
        }
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

/// Writes text with styles to standard error, without them where they are not wanted.
pub(crate) fn print_stderr(text: &str) {
    let mut plain = AutoStream::new(Vec::new(), AutoStream::choice(&io::stderr()));
    // Writing to memory cannot fail.
    let _ = plain.write_all(text.as_bytes());
    let _ = Stderr.write_all(&plain.into_inner());
}
