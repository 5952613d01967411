//! A thread that writes to standard output or standard error, so that nothing else waits when
//! nobody reads.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

use super::view::{self, View};
use crate::{patient::Patient, render::foreign};

/// Messages beyond this number of bytes are dropped: nobody reads them.
const MESSAGES_MAX: usize = 4 << 20;
/// What must not be dropped is refused beyond this number of bytes.
const LINES_MAX: usize = 64 << 20;

/// The longest piece of a line that is written at a time.
const PIECE: u64 = 64 * 1024;

/// What waits to be written, in this order.
pub(super) enum Item {
    /// Output of the command or of a task, in one piece; whoever waits for its end is told.
    Output { from: Box<dyn Read + Send>, is_line: bool, done: Box<dyn FnOnce(bool) + Send> },
    /// What a task wrote to its standard error, in one piece.
    Errors { from: Box<dyn Read + Send>, is_foreign: bool, done: Box<dyn FnOnce() + Send> },
    /// A message for standard error.
    Message(Vec<u8>),
    /// The view at the bottom of the terminal, or that there is none any more.
    Draw(Option<View>),
    /// Called when all that came before is written.
    Flush(Box<dyn FnOnce() + Send>),
}

/// The queue before one thread that writes.
#[derive(Default)]
pub(super) struct Lane {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    /// The number of bytes in messages that wait.
    bytes: usize,
    dropped: u64,
    failed: Option<Failed>,
}

/// Why nothing can be written to standard output any more.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) is_closed: bool,
    pub(super) message: String,
}

impl Lane {
    /// Starts the thread. Where there is none to be had, everything is dropped.
    pub(super) fn start() -> Arc<Self> {
        let lane = Arc::new(Self::default());
        let writer = Writer { lane: Arc::clone(&lane), view: None, last: b'\n' };
        let thread = std::thread::Builder::new().name("output".to_owned()).stack_size(128 * 1024);
        if thread.spawn(move || writer.work()).is_err() {
            let message = "the system has no thread left to write it".to_owned();
            lane.lock().failed = Some(Failed { is_closed: false, message });
        }
        lane
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Puts something at the end of the queue.
    pub(super) fn push(&self, item: Item) {
        self.lock().items.push_back(item);
        self.arrived.notify_one();
    }

    /// Draws a view; one that waits to be drawn is not seen any more.
    pub(super) fn draw(&self, view: Option<View>) {
        let mut queue = self.lock();
        match queue.items.back_mut() {
            Some(Item::Draw(waiting)) => *waiting = view,
            _ => queue.items.push_back(Item::Draw(view)),
        }
        self.arrived.notify_one();
    }

    /// Puts a message at the end of the queue, or drops it where too many wait.
    pub(super) fn message(&self, bytes: Vec<u8>) {
        let mut queue = self.lock();
        if queue.bytes > MESSAGES_MAX {
            queue.dropped += 1;
        } else {
            queue.bytes += bytes.len();
            queue.items.push_back(Item::Message(bytes));
            self.arrived.notify_one();
        }
    }

    /// Puts a message at the end of the queue that must not be dropped.
    pub(super) fn line(&self, bytes: Vec<u8>) -> io::Result<()> {
        let mut queue = self.lock();
        if queue.bytes > LINES_MAX {
            return Err(io::Error::other("standard error is not read"));
        }
        queue.bytes += bytes.len();
        queue.items.push_back(Item::Message(bytes));
        self.arrived.notify_one();
        Ok(())
    }

    /// Returns whether so much waits that nothing should be started that adds to it.
    pub(super) fn is_crowded(&self) -> bool {
        self.lock().bytes > MESSAGES_MAX / 4
    }

    /// Returns why nothing can be written to standard output any more, if so.
    pub(super) fn failed(&self) -> Option<Failed> {
        self.lock().failed.clone()
    }

    fn next(&self) -> Item {
        let mut queue = self.lock();
        loop {
            if let Some(item) = queue.items.pop_front() {
                if let Item::Message(bytes) = &item {
                    queue.bytes -= bytes.len();
                }
                return item;
            }
            if queue.dropped > 0 {
                let dropped = std::mem::take(&mut queue.dropped);
                return Item::Message(
                    format!("warning: {dropped} messages were dropped: standard error was not read\n").into(),
                );
            }
            queue = self.arrived.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }
}

/// The other end of the queue.
struct Writer {
    lane: Arc<Lane>,
    view: Option<View>,
    /// The last byte on standard output.
    last: u8,
}

impl Writer {
    fn work(mut self) {
        loop {
            match self.lane.next() {
                Item::Output { mut from, is_line, done } => {
                    let is_written = self.lane.failed().is_none() && self.output(&mut from, is_line);
                    done(is_written);
                }
                Item::Errors { mut from, is_foreign, done } => {
                    self.errors(&mut from, is_foreign);
                    done();
                }
                Item::Message(bytes) => {
                    // In one go: nobody sees the terminal without the view.
                    let bytes = self.view.as_ref().map_or_else(|| bytes.clone(), |view| view.below(&bytes));
                    put(&bytes);
                }
                Item::Draw(view) => {
                    match &view {
                        Some(view) => put(view.bytes()),
                        None if self.view.is_some() => put(view::ERASE),
                        None => {}
                    }
                    self.view = view;
                }
                Item::Flush(done) => done(),
            }
        }
    }

    /// Writes piece by piece what may be long.
    fn errors(&mut self, from: &mut dyn Read, is_foreign: bool) {
        if self.view.is_some() {
            put(view::ERASE);
        }
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while let Ok(1..) = lines.by_ref().take(PIECE).read_until(b'\n', &mut line) {
            put(&if is_foreign { foreign::harmless_bytes(&line) } else { std::mem::take(&mut line) });
            line.clear();
        }
        if let Some(view) = &self.view {
            put(view.bytes());
        }
    }

    /// Whether it could be written.
    fn output(&mut self, from: &mut dyn Read, is_line: bool) -> bool {
        if self.view.is_some() {
            put(view::ERASE);
        }
        let mut stdout = Tracked { to: Patient(io::stdout()), last: self.last };
        let line_end: &[u8] = if is_line && self.last != b'\n' { b"\n" } else { b"" };
        let written = stdout.write_all(line_end).and_then(|()| io::copy(from, &mut stdout));
        self.last = stdout.last;
        if let Some(view) = &self.view {
            put(if self.last == b'\n' { b"" } else { b"\r\n" });
            put(view.bytes());
        }
        if let Err(error) = &written {
            let is_closed = error.kind() == io::ErrorKind::BrokenPipe;
            self.lane.lock().failed = Some(Failed { is_closed, message: error.to_string() });
        }
        written.is_ok()
    }
}

/// Writes to standard error, as far as that goes.
fn put(bytes: &[u8]) {
    let _ = Patient(io::stderr()).write_all(bytes);
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
