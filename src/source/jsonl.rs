//! A source of tasks from lines of JSON, streamed from a file, standard input or a socket.

mod dead;
mod lines;

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io::{self, Write},
    num::NonZeroUsize,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use alloc::{boxed::Box, format, string::String};
use core::fmt;

use futures_lite::{AsyncRead, future::yield_now};

use self::lines::{Line, Lines};
use super::{
    ClaimStatus, Claims, Delivery, LineLedger, Settlement, Source, Verdict, Window, redeliveries::Redeliveries,
};
use crate::{clock::Clock, source::Json, task::Task};

/// The default of [`JsonLines::line_max`]: 8 MiB.
const LINE_MAX: usize = 8 << 20;
/// The default of [`JsonLines::retry_max`].
const RETRY_MAX: usize = 100_000;
/// The number of reads in a row that bring no task before others get their turn.
const READS: usize = 16;

/// A source of tasks from lines of JSON. The id of a task is the number of its line, counted from
/// 1.
///
/// Blank lines are skipped, and so is a byte order mark before the first line. A line that is too long
/// or not JSON goes to the dead letters with its raw bytes, and the run goes on. Retries wait in the
/// source for their time.
///
/// Dead letters are written as JSON lines, too: `{"task":2,"attempts":4,"reason":"…","payload":…}`
/// for a task, and `{"task":3,"attempts":0,"reason":"…","raw":"…"}` for a line that was not a task
/// (`raw_hex` when its bytes are not UTF-8).
///
/// ```
/// use core::{convert::Infallible, num::NonZeroUsize};
/// use fourfold::{Run, Task, source::{Json, JsonLines}};
/// use futures_lite::future::block_on;
///
/// let file: &[u8] = b"{\"n\": 1}\n\nnot JSON\n[2]";
/// let source = JsonLines::new(file, std::io::sink());
/// let run = Run::new(&source, async |task: &Task<Json>| {
///     assert_eq!(task.payload.as_str(), if task.id.0 == 1 { "{\"n\": 1}" } else { "[2]" });
///     Ok::<_, Infallible>(())
/// });
/// let report = block_on(run.into_future())?;
/// assert_eq!((report.counters.done, report.counters.malformed), (2, 1));
/// # Ok::<_, fourfold::RunError<fourfold::source::JsonLinesError>>(())
/// ```
pub struct JsonLines<'a, R> {
    lines: RefCell<Lines<R>>,
    dead: RefCell<Box<dyn Write + 'a>>,
    follow: Option<Duration>,
    is_text: bool,
    retry_max: usize,
    window: Option<Window>,
    ledger: RefCell<Option<Box<dyn LineLedger + 'a>>>,
    redeliveries: Redeliveries<Json>,
}

/// The error of a source of JSON lines that cannot go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum JsonLinesError {
    /// The input cannot be read.
    Read(io::Error),
    /// The dead letters cannot be written, and would be lost if the run went on.
    DeadLetters(io::Error),
    /// The record of the lines that are done cannot be written, or is about other lines.
    Ledger(io::Error),
}

impl fmt::Display for JsonLinesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot read the JSON lines: {error}"),
            Self::DeadLetters(error) => write!(f, "cannot write the dead letters: {error}"),
            Self::Ledger(error) => write!(f, "the record of what is done: {error}"),
        }
    }
}

impl core::error::Error for JsonLinesError {}

impl<'a, R: AsyncRead + Unpin> JsonLines<'a, R> {
    /// Makes a source of the lines of `reader`, with dead letters written to `dead`.
    pub fn new(reader: R, dead: impl Write + 'a) -> Self {
        Self {
            lines: RefCell::new(Lines::new(reader, LINE_MAX)),
            dead: RefCell::new(Box::new(dead)),
            follow: None,
            is_text: false,
            retry_max: RETRY_MAX,
            window: None,
            ledger: RefCell::new(None),
            redeliveries: Redeliveries::new(),
        }
    }

    /// Sets the maximum number of bytes in a line; a longer line is malformed. Default: 8 MiB. It
    /// bounds the memory for reading.
    #[must_use]
    pub fn line_max(self, bytes: usize) -> Self {
        self.lines.borrow_mut().set_line_max(bytes);
        self
    }

    /// Takes each line as a text, whatever is in it; `separator` ends a line: `b'\n'`, or 0 for lists of
    /// file names. The payload is then a JSON string ([`Json::from_text`]). Only empty lines are skipped,
    /// and only what is not UTF-8 is malformed. Default: each line is JSON.
    #[must_use]
    pub fn text(mut self, separator: u8) -> Self {
        self.lines.borrow_mut().set_separator(separator);
        self.is_text = true;
        self
    }

    /// Sets the maximum number of tasks that wait for their next attempt. While as many wait, no new task
    /// is handed out. Default: 100,000. It bounds the memory for tasks that fail.
    #[must_use]
    pub fn retry_max(mut self, tasks: NonZeroUsize) -> Self {
        self.retry_max = tasks.get();
        self
    }

    /// Sets the record by which lines are left out whose tasks have ended earlier, and to which the ends of
    /// tasks are added before they are counted. Default: none.
    #[must_use]
    pub fn ledger(mut self, ledger: impl LineLedger + 'a) -> Self {
        *self.ledger.get_mut() = Some(Box::new(ledger));
        self
    }

    /// Sets a bound on the tasks that are handed out and not through. Default: none.
    #[must_use]
    pub fn window(mut self, window: &Window) -> Self {
        self.window = Some(window.clone());
        self
    }

    /// Follows a growing file: at the end of the input, the source looks for more at this interval.
    /// Default: the end of the input exhausts the source.
    #[must_use]
    pub fn follow(mut self, every: Duration) -> Self {
        self.lines.borrow_mut().set_follow(true);
        self.follow = Some(every);
        self
    }

    /// Returns the number of bytes that were handed out as lines.
    pub fn consumed(&self) -> u64 {
        self.lines.borrow().consumed()
    }

    /// Returns the number of tasks that wait for the time of their next attempt.
    pub fn delayed(&self) -> usize {
        self.redeliveries.delayed()
    }

    /// Reads to the end, and passes every line that is not done to `line`: those that a drained run
    /// gave back, those that wait for a retry, and those that were never read. Returns their
    /// number.
    ///
    /// # Errors
    /// Returns an error when the rest cannot be read, or when `line` fails.
    pub async fn rest(&self, mut line: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
        let mut tasks = self.redeliveries.take_rest();
        tasks.sort_unstable_by_key(|task| task.id);
        let mut count = tasks.len() as u64;
        for task in tasks {
            let text = if self.is_text { task.payload.to_text() } else { task.payload.as_str().into() };
            line(text.as_bytes())?;
        }
        self.lines.borrow_mut().set_follow(false);
        loop {
            {
                let mut lines = self.lines.borrow_mut();
                while let Some(next) = lines.next() {
                    let (number, raw) = self.content(&next);
                    if !raw.is_empty() && self.is_open(number, raw)? {
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

    /// Hands out at most `max` tasks of those that were read. Returns whether there was a task or a
    /// malformed line.
    fn hand_out(&self, max: usize, claims: &mut Claims<Json, ()>, clock: &impl Clock) -> Result<bool, JsonLinesError> {
        let before = claims.len();
        self.redeliveries.hand_out(max, claims, clock);
        let malformed = self.hand_out_new(max - (claims.len() - before), claims);
        let count = claims.len() - before;
        self.redeliveries.hold(count);
        let malformed = malformed?;
        Ok(count > 0 || malformed > 0)
    }

    /// Hands out tasks for the first time. Returns how many lines were malformed.
    fn hand_out_new(&self, max: usize, claims: &mut Claims<Json, ()>) -> Result<usize, JsonLinesError> {
        let (before, mut malformed) = (claims.len(), 0);
        let mut lines = self.lines.borrow_mut();
        // What is malformed counts towards the turn of a run as well as tasks do.
        while claims.len() - before + malformed < max
            && self.may_hand_out()
            && let Some(line) = lines.next()
        {
            let (number, text) = self.content(&line);
            if text.is_empty() || !self.is_open(number, text).map_err(JsonLinesError::Ledger)? {
                continue;
            }
            match self.parse(&line) {
                Ok(task) => {
                    claims.push(Delivery { task, receipt: () });
                    self.window.iter().for_each(Window::take);
                }
                Err(reason) => {
                    malformed += 1;
                    let letter = dead::malformed(&line, &reason);
                    claims.malformed(reason);
                    self.bury(&letter)?;
                    self.ledger.borrow_mut().iter_mut().for_each(|ledger| ledger.malformed(number, text));
                }
            }
        }
        if malformed > 0 {
            self.commit()?;
        }
        Ok(malformed)
    }

    /// Whether the task of a line has not ended earlier.
    fn is_open(&self, number: u64, text: &[u8]) -> io::Result<bool> {
        self.ledger.borrow_mut().as_mut().map_or(Ok(true), |ledger| ledger.is_open(number, text))
    }

    fn commit(&self) -> Result<(), JsonLinesError> {
        let committed = self.ledger.borrow_mut().as_mut().map_or(Ok(()), |ledger| ledger.commit());
        committed.map_err(JsonLinesError::Ledger)
    }

    /// Whether a task that was never handed out may be handed out.
    fn may_hand_out(&self) -> bool {
        self.redeliveries.delayed() < self.retry_max && self.window.as_ref().is_none_or(Window::is_open)
    }

    /// Returns the number of a line, and what counts of it.
    fn content<'l>(&self, line: &'l Line<'_>) -> (u64, &'l [u8]) {
        match line {
            Line::Whole(number, raw) if self.is_text => (*number, without_mark(*number, raw)),
            Line::Whole(number, raw) => (*number, without_mark(*number, raw).trim_ascii()),
            Line::TooLong { number, head, .. } => (*number, head),
        }
    }

    /// Parses the task of a line that is not blank.
    fn parse(&self, line: &Line<'_>) -> Result<Task<Json>, String> {
        if let Line::TooLong { number, length, .. } = line {
            return Err(format!("line {number}: too long: {length} bytes"));
        }
        let (number, text) = self.content(line);
        let payload = if self.is_text { Json::parse_text(text) } else { Json::parse(text) };
        // The parser counts lines within the payload, which is always one line here.
        let wrong = |error| format!("line {number}: {error}").replace(" at line 1 column ", " at column ");
        payload.map(|payload| Task::new(number, payload)).map_err(wrong)
    }

    fn bury(&self, letter: &[u8]) -> Result<(), JsonLinesError> {
        self.dead.borrow_mut().write_all(letter).map_err(JsonLinesError::DeadLetters)
    }

    fn is_exhausted(&self) -> bool {
        self.redeliveries.is_clear() && self.lines.borrow().is_ended()
    }

    /// Reads more. At the end of the input it waits until a task comes back or is due.
    async fn change(&self, clock: &impl Clock) -> Result<(), JsonLinesError> {
        let mut reading = !self.lines.borrow().is_at_end() && self.may_hand_out();
        let due = self.redeliveries.next_due(clock);
        let wait = match (due, self.follow) {
            (Some(due), Some(every)) => Some(due.min(every)),
            (due, every) => due.or(every),
        };
        let sleep = async {
            match wait {
                Some(wait) => clock.sleep(wait).await,
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
            self.redeliveries.wait(cx);
            self.window.iter().for_each(|window| window.wait(cx));
            sleep.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}

/// Returns a line without the byte order mark that some programs write before the first one; RFC 8259
/// lets a reader ignore it.
fn without_mark(number: u64, raw: &[u8]) -> &[u8] {
    if number == 1 { raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw) } else { raw }
}

impl<R: AsyncRead + Unpin> Source for JsonLines<'_, R> {
    type Payload = Json;
    type Receipt = ();
    type Error = JsonLinesError;

    async fn claim(
        &self,
        max: NonZeroUsize,
        claims: &mut Claims<Json, ()>,
        clock: &impl Clock,
    ) -> Result<ClaimStatus, JsonLinesError> {
        for reads in 1.. {
            if self.hand_out(max.get(), claims, clock)? {
                return Ok(ClaimStatus::Open);
            }
            if self.is_exhausted() {
                break;
            }
            self.change(clock).await?;
            if reads % READS == 0 {
                yield_now().await;
            }
        }
        Ok(ClaimStatus::Exhausted)
    }

    async fn settle(&self, settlements: &mut [Settlement<Json, ()>], clock: &impl Clock) -> Result<(), JsonLinesError> {
        if let Some(ledger) = self.ledger.borrow_mut().as_mut() {
            for settlement in settlements.iter() {
                let verdict = settlement.verdict();
                if let (Verdict::Done | Verdict::Dead { .. }, Some(delivery)) = (verdict, settlement.delivery()) {
                    ledger.ended(&delivery.task, verdict);
                }
            }
        }
        self.redeliveries.settle(settlements, clock, |settlement| {
            if let (Verdict::Dead { reason }, Some(delivery)) = (settlement.verdict(), settlement.delivery()) {
                // Written before the source forgets the task.
                self.bury(&dead::task(&delivery.task, reason))?;
            }
            settlement.take();
            Ok(())
        })?;
        // Last: what is not in the record is done again, and what is in it is not.
        self.commit()
    }

    fn abandon(&self, delivery: Delivery<Json, ()>) {
        self.redeliveries.give_back(delivery.task);
    }

    async fn close(&self) -> Result<(), JsonLinesError> {
        self.dead.borrow_mut().flush().map_err(JsonLinesError::DeadLetters)
    }
}

impl<R> fmt::Debug for JsonLines<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").field("redeliveries", &self.redeliveries).finish_non_exhaustive()
    }
}
