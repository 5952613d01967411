//! Tasks from lines of JSON: a file, standard input, a socket; streamed, never read whole.

mod dead;
mod lines;

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io::{self, Write},
    num::NonZeroUsize,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    format,
    string::String,
    vec::Vec,
};
use core::fmt;

use futures_lite::AsyncRead;

use self::lines::{Line, Lines};
use super::{Claims, Delivery, Settlement, Source, Supply, Verdict};
use crate::{Clock, Json, Task, TaskId, Time, signal::Signal};

/// The longest line that is a task, unless [`JsonLines::line_max`] says otherwise: 8 MiB.
const LINE_MAX: usize = 8 << 20;

/// Tasks from lines of JSON. A task's id is the number of its line, from 1.
///
/// Blank lines are skipped. A line that is no JSON, or too long, goes to the dead letters with its raw bytes, and the run
/// goes on. Retries wait here for their time, on the clock given.
///
/// Dead letters are written as JSON lines, too: `{"task":2,"attempts":4,"reason":"…","payload":…}`, or for what was no task
/// `{"task":3,"attempts":0,"reason":"…","raw":"…"}` (`raw_hex` where the bytes are not UTF-8).
///
/// ```
/// use core::{convert::Infallible, num::NonZeroUsize};
/// use fourfold::{Json, JsonLines, Run, Task};
/// use futures_lite::future::block_on;
///
/// let file: &[u8] = b"{\"n\": 1}\n\nnot JSON\n[2]";
/// let source = JsonLines::new((), file, std::io::sink());
/// let run = Run::new(&source, async |task: &Task<Json>| {
///     assert_eq!(task.payload.as_str(), if task.id.0 == 1 { "{\"n\": 1}" } else { "[2]" });
///     Ok::<_, Infallible>(())
/// });
/// let report = block_on(run.into_future())?;
/// assert_eq!((report.tally.done, report.tally.malformed), (2, 1));
/// # Ok::<_, fourfold::RunError<fourfold::JsonLinesError>>(())
/// ```
pub struct JsonLines<'a, R, C> {
    clock: C,
    lines: RefCell<Lines<R>>,
    dead: RefCell<Box<dyn Write + 'a>>,
    follow: Option<Duration>,
    /// Given back or due again: delivered before anything new.
    returned: RefCell<VecDeque<Task<Json>>>,
    delayed: RefCell<BTreeMap<(Time, TaskId), Task<Json>>>,
    held: Cell<usize>,
    changed: Signal,
}

/// Why JSON lines cannot go on being a source.
#[derive(Debug)]
#[non_exhaustive]
pub enum JsonLinesError {
    /// They cannot be read.
    Read(io::Error),
    /// The dead letters cannot be written: going on would lose them.
    DeadLetters(io::Error),
}

impl fmt::Display for JsonLinesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot read the JSON lines: {error}"),
            Self::DeadLetters(error) => write!(f, "cannot write the dead letters: {error}"),
        }
    }
}

impl core::error::Error for JsonLinesError {}

impl<'a, R: AsyncRead + Unpin, C: Clock> JsonLines<'a, R, C> {
    /// The lines of `reader`; dead letters go to `dead`.
    pub fn new(clock: C, reader: R, dead: impl Write + 'a) -> Self {
        Self {
            clock,
            lines: RefCell::new(Lines::new(reader, LINE_MAX)),
            dead: RefCell::new(Box::new(dead)),
            follow: None,
            returned: RefCell::default(),
            delayed: RefCell::default(),
            held: Cell::new(0),
            changed: Signal::default(),
        }
    }

    /// A line with more bytes than this is malformed. Memory is bounded by it.
    #[must_use]
    pub fn line_max(self, bytes: usize) -> Self {
        self.lines.borrow_mut().set_line_max(bytes);
        self
    }

    /// At the end it waits for more, and looks for it so often: the reader of a growing file.
    #[must_use]
    pub fn follow(mut self, every: Duration) -> Self {
        self.lines.borrow_mut().set_follow(true);
        self.follow = Some(every);
        self
    }

    /// How many bytes were handed out as lines.
    pub fn consumed(&self) -> u64 {
        self.lines.borrow().consumed()
    }

    /// How many tasks wait for the time of their next attempt.
    pub fn delayed(&self) -> usize {
        self.delayed.borrow().len()
    }

    /// Passes every line that is not done to `line` (what a drained run gave back, what waits for another attempt, what was
    /// never read), reading to the end; says how many there were.
    ///
    /// # Errors
    /// When the rest cannot be read, or `line` fails.
    pub async fn rest(&self, mut line: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
        let mut tasks: Vec<Task<Json>> = self.returned.take().into();
        tasks.extend(self.delayed.take().into_values());
        tasks.sort_unstable_by_key(|task| task.id);
        let mut count = tasks.len() as u64;
        for task in tasks {
            line(task.payload.as_str().as_bytes())?;
        }
        self.lines.borrow_mut().set_follow(false);
        loop {
            {
                let mut lines = self.lines.borrow_mut();
                while let Some(next) = lines.next() {
                    let raw = match &next {
                        Line::Whole(_, raw) => raw.trim_ascii(),
                        Line::TooLong { head, .. } => head,
                    };
                    if !raw.is_empty() {
                        line(raw)?;
                        count += 1;
                    }
                }
                if lines.is_ended() {
                    return Ok(count);
                }
            }
            poll_fn(|cx| self.lines.borrow_mut().poll_fill(cx)).await?;
        }
    }

    fn return_due(&self) {
        let mut delayed = self.delayed.borrow_mut();
        if delayed.is_empty() {
            return;
        }
        let now = self.clock.now();
        while let Some(entry) = delayed.first_entry()
            && entry.key().0 <= now
        {
            self.returned.borrow_mut().push_back(entry.remove());
        }
    }

    /// Hands out what is there, at most `max`; says whether anything came out, be it malformed.
    fn hand_out(&self, max: usize, claims: &mut Claims<Json, ()>) -> Result<bool, JsonLinesError> {
        self.return_due();
        let before = claims.len();
        let mut malformed = false;
        while claims.len() - before < max {
            let Some(task) = self.returned.borrow_mut().pop_front() else { break };
            claims.push(Delivery { task, receipt: () });
        }
        let mut lines = self.lines.borrow_mut();
        while claims.len() - before < max
            && let Some(line) = lines.next()
        {
            match parse(&line) {
                Ok(None) => {}
                Ok(Some(task)) => claims.push(Delivery { task, receipt: () }),
                Err(reason) => {
                    malformed = true;
                    let letter = dead::malformed(&line, &reason);
                    claims.malformed(reason);
                    self.bury(&letter)?;
                }
            }
        }
        let count = claims.len() - before;
        self.held.set(self.held.get() + count);
        Ok(count > 0 || malformed)
    }

    fn bury(&self, letter: &[u8]) -> Result<(), JsonLinesError> {
        self.dead.borrow_mut().write_all(letter).map_err(JsonLinesError::DeadLetters)
    }

    fn is_exhausted(&self) -> bool {
        self.held.get() == 0
            && self.lines.borrow().is_ended()
            && self.returned.borrow().is_empty()
            && self.delayed.borrow().is_empty()
    }

    /// Reads more; where there is nothing more to read, waits until something else may have changed.
    async fn change(&self) -> Result<(), JsonLinesError> {
        let mut reading = !self.lines.borrow().is_at_end();
        let due = self.delayed.borrow().first_key_value().map(|((due, _), _)| *due);
        let due = due.map(|due| due.since(self.clock.now()));
        let wait = match (due, self.follow) {
            (Some(due), Some(every)) => Some(due.min(every)),
            (due, every) => due.or(every),
        };
        let sleep = async {
            match wait {
                Some(wait) => self.clock.sleep(wait).await,
                None => core::future::pending().await,
            }
        };
        let mut sleep = pin!(sleep);
        let mut told = false;
        poll_fn(|cx: &mut Context<'_>| {
            if reading && let Poll::Ready(filled) = self.lines.borrow_mut().poll_fill(cx) {
                if filled.map_err(JsonLinesError::Read)? || self.follow.is_none() {
                    return Poll::Ready(Ok(()));
                }
                reading = false;
            }
            if core::mem::replace(&mut told, true) {
                return Poll::Ready(Ok(()));
            }
            self.changed.wait(cx);
            sleep.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    fn give_back(&self, task: Task<Json>) {
        self.returned.borrow_mut().push_front(task);
        self.end_hold();
    }

    fn end_hold(&self) {
        // Settling what was never claimed would be a defect of the run; it must not turn the count over.
        self.held.set(self.held.get().saturating_sub(1));
    }
}

/// The task on a line; `None` on a blank one.
fn parse(line: &Line<'_>) -> Result<Option<Task<Json>>, String> {
    match line {
        Line::Whole(number, raw) => match raw.trim_ascii() {
            [] => Ok(None),
            raw => match Json::parse(raw) {
                Ok(payload) => Ok(Some(Task::new(*number, payload))),
                // It is one line to whoever wrote the file, whatever the parser counts.
                Err(error) => Err(format!("line {number}: {error}").replace(" at line 1 column ", " at column ")),
            },
        },
        Line::TooLong { number, length, .. } => Err(format!("line {number}: too long: {length} bytes")),
    }
}

impl<R: AsyncRead + Unpin, C: Clock> Source for JsonLines<'_, R, C> {
    type Payload = Json;
    type Receipt = ();
    type Error = JsonLinesError;

    async fn claim(&self, max: NonZeroUsize, claims: &mut Claims<Json, ()>) -> Result<Supply, JsonLinesError> {
        loop {
            if self.hand_out(max.get(), claims)? {
                return Ok(Supply::Open);
            }
            if self.is_exhausted() {
                return Ok(Supply::Exhausted);
            }
            self.change().await?;
        }
    }

    async fn settle(&self, settlements: &mut [Settlement<Json, ()>]) -> Result<(), JsonLinesError> {
        for settlement in settlements.iter_mut().filter(|s| *s.verdict() != Verdict::Release) {
            if let (Verdict::Dead { reason }, Some(delivery)) = (settlement.verdict(), settlement.delivery()) {
                // Written before it is let go of.
                self.bury(&dead::task(&delivery.task, reason))?;
            }
            let Some(Delivery { mut task, .. }) = settlement.take() else { continue };
            self.end_hold();
            if let Verdict::Retry { after, .. } = settlement.verdict() {
                task.attempt = task.attempt.next();
                self.delayed.borrow_mut().insert((self.clock.now() + *after, task.id), task);
            }
        }
        // From the last to the first, so that they stand at the front of the queue in their old order.
        for settlement in settlements.iter_mut().rev() {
            if let Some(delivery) = settlement.take() {
                self.give_back(delivery.task);
            }
        }
        self.changed.notify();
        Ok(())
    }

    fn abandon(&self, delivery: Delivery<Json, ()>) {
        self.give_back(delivery.task);
        self.changed.notify();
    }

    async fn close(&self) -> Result<(), JsonLinesError> {
        self.dead.borrow_mut().flush().map_err(JsonLinesError::DeadLetters)
    }
}

impl<R, C> fmt::Debug for JsonLines<'_, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines")
            .field("held", &self.held.get())
            .field("returned", &self.returned.borrow().len())
            .field("delayed", &self.delayed.borrow().len())
            .finish_non_exhaustive()
    }
}
