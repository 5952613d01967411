//! One event as one line of JSON, there and back.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Attempt, Blocker, Ending, Event, EventKind, Outcome, Pattern, TaskId, Time};

/// Appends an event as a line of a trace, without its end.
///
/// ```
/// use fourfold::{Event, EventKind, TaskId, Time, trace};
/// let event = Event { sequence: 3, at: Time::from_nanos(1500), kind: EventKind::GroupCancelled { cause: TaskId(7) } };
/// let mut text = Vec::new();
/// trace::write_line(&event, &mut text);
/// assert_eq!(text, br#"{"seq":3,"t_ns":1500,"event":"group_cancelled","cause":7}"#);
/// assert_eq!(trace::parse_line(&text).unwrap().event().unwrap(), event);
/// ```
pub fn write_line(event: &Event<'_>, text: &mut Vec<u8>) {
    text.extend_from_slice(b"{\"seq\":");
    append(&event.sequence, text);
    text.extend_from_slice(b",\"t_ns\":");
    append(&event.at, text);
    // The event's fields go on where its own brace would open: half the time of flattening it.
    let brace = text.len();
    append(&event.kind, text);
    text[brace] = b',';
}

fn append(value: &impl Serialize, text: &mut Vec<u8>) {
    serde_json::to_writer(text, value).expect("plain data with text for keys goes to memory, which cannot fail");
}

/// A line of a trace, not yet looked at closely.
#[derive(Debug, Deserialize)]
pub struct TraceLine<'a> {
    seq: u64,
    t_ns: u64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    task: Option<TaskId>,
    attempt: Option<Attempt>,
    permit: Option<usize>,
    worker: Option<usize>,
    outcome: Option<Outcome>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    ending: Option<Ending>,
    after_ns: Option<u64>,
    pattern: Option<Pattern>,
    limit: Option<usize>,
    workers: Option<usize>,
    queue_capacity: Option<usize>,
    batch: Option<u64>,
    size: Option<usize>,
    cause: Option<TaskId>,
    by: Option<Blocker>,
}

/// Reads a line of a trace, with or without its end.
///
/// # Errors
/// [`LineError`]: it is not JSON, or a field is missing or not what it has to be.
pub fn parse_line(line: &[u8]) -> Result<TraceLine<'_>, LineError> {
    serde_json::from_slice(line).map_err(|error| LineError::Json(error.to_string()))
}

/// What is wrong with a line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// It is not JSON, or a field is not of its type.
    Json(String),
    /// There is no event of this name.
    Unknown(String),
    /// The event needs this field.
    Missing(String, &'static str),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => f.write_str(error),
            Self::Unknown(event) => write!(f, "there is no event `{event}`"),
            Self::Missing(event, field) => write!(f, "`{event}` has no field `{field}`"),
        }
    }
}

impl core::error::Error for LineError {}

impl TraceLine<'_> {
    /// The event on it.
    ///
    /// # Errors
    /// [`LineError`]: the event is unknown or incomplete.
    pub fn event(&self) -> Result<Event<'_>, LineError> {
        Ok(Event { sequence: self.seq, at: Time::from_nanos(self.t_ns), kind: self.kind()? })
    }

    fn need<T>(&self, field: Option<T>, name: &'static str) -> Result<T, LineError> {
        field.ok_or_else(|| LineError::Missing(self.event.as_ref().into(), name))
    }

    fn kind(&self) -> Result<EventKind<'_>, LineError> {
        use EventKind as Kind;
        let (workers, queue_capacity, worker, outcome) = (self.workers, self.queue_capacity, self.worker, self.outcome);
        let task = || self.need(self.task, "task");
        let attempt = || self.need(self.attempt, "attempt");
        let permit = || self.need(self.permit, "permit");
        let limit = || self.need(self.limit, "limit");
        let batch = || self.need(self.batch, "batch");
        Ok(match self.event.as_ref() {
            "run_started" => {
                let pattern = self.need(self.pattern, "pattern")?;
                Kind::RunStarted { pattern, limit: limit()?, workers, queue_capacity }
            }
            "claimed" => Kind::Claimed { task: task()?, attempt: attempt()? },
            "malformed" => Kind::Malformed { reason: self.need(self.reason.as_deref(), "reason")? },
            "started" => Kind::Started { task: task()?, attempt: attempt()?, permit: permit()?, worker },
            "ended" => Kind::Ended {
                task: task()?,
                attempt: attempt()?,
                permit: permit()?,
                worker,
                outcome: self.need(outcome, "outcome")?,
                reason: self.reason.as_deref(),
            },
            "retry_scheduled" => {
                let after = Duration::from_nanos(self.need(self.after_ns, "after_ns")?);
                Kind::RetryScheduled { task: task()?, attempt: attempt()?, after }
            }
            "settled" => {
                let ending = self.need(self.ending, "ending")?;
                Kind::Settled { task: task()?, attempt: attempt()?, outcome, ending }
            }
            "abandoned" => Kind::Abandoned { task: task()?, attempt: attempt()?, outcome, permit: self.permit },
            "batch_opened" => Kind::BatchOpened { batch: batch()?, size: self.need(self.size, "size")? },
            "batch_closed" => Kind::BatchClosed { batch: batch()? },
            "group_cancelled" => Kind::GroupCancelled { cause: self.need(self.cause, "cause")? },
            "limit_changed" => Kind::LimitChanged { limit: limit()?, workers, queue_capacity },
            "source_waiting" => Kind::SourceWaiting,
            "source_blocked" => Kind::SourceBlocked { by: self.need(self.by, "by")? },
            "source_exhausted" => Kind::SourceExhausted,
            "drain_started" => Kind::DrainStarted,
            "abort_started" => Kind::AbortStarted,
            "run_ended" => Kind::RunEnded,
            unknown => return Err(LineError::Unknown(unknown.into())),
        })
    }
}
