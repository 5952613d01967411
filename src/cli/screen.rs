//! Standard output and standard error: who may write where, and what happens when nobody reads any more.

use std::{
    cell::{Cell, RefCell},
    io::{self, Write},
    sync::Mutex,
};

use anstream::AutoStream;
use fourfold::Control;
use indicatif::ProgressBar;

/// The progress that is on the terminal, so that other lines do not run into it.
static PROGRESS: Mutex<Option<ProgressBar>> = Mutex::new(None);

pub(crate) fn set_progress(bar: Option<ProgressBar>) {
    *PROGRESS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = bar;
}

fn beside_progress<T>(write: impl FnOnce() -> T) -> T {
    let bar = PROGRESS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Standard error, around the progress: each write is whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        beside_progress(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
            let mut stdout = io::stdout().lock();
            io::copy(from, &mut stdout).and_then(|_| stdout.flush())
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

/// Text with styles on standard error, as [`Stdout::print`].
pub(crate) fn print_stderr(text: &str) {
    let mut plain = AutoStream::new(Vec::new(), AutoStream::choice(&io::stderr()));
    // Writing to memory cannot fail.
    let _ = plain.write_all(text.as_bytes());
    let _ = Stderr.write_all(&plain.into_inner());
}
