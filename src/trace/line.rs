//! One event as one line of JSON, there and back.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::{fmt, time::Duration};

use serde::Deserialize;

use crate::{Attempt, Blocker, Ending, Event, EventKind, Outcome, Pattern, TaskId, Time};

/// The name of a field as it stands in a line.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}
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
    use EventKind as Kind;
    // Room for all of it, reasons aside.
    text.reserve(256);
    let line = Line(text)
        .key("{\"seq\":")
        .digits(event.sequence)
        .number(key!("t_ns"), event.at.as_nanos())
        .name(key!("event"), event_name(&event.kind));
    let line = match event.kind {
        Kind::RunStarted { pattern, limit, workers, queue_capacity } => {
            line.name(key!("pattern"), pattern.name()).bounds(limit, workers, queue_capacity)
        }
        Kind::LimitChanged { limit, workers, queue_capacity } => line.bounds(limit, workers, queue_capacity),
        Kind::Claimed { task, attempt } => line.attempt(task, attempt),
        Kind::Malformed { reason } => line.text(key!("reason"), reason),
        Kind::Started { task, attempt, permit, worker } => {
            line.attempt(task, attempt).number(key!("permit"), permit as u64).perhaps(key!("worker"), worker)
        }
        Kind::Ended { task, attempt, permit, worker, outcome, reason } => {
            let line = line.attempt(task, attempt).number(key!("permit"), permit as u64);
            let line = line.perhaps(key!("worker"), worker).name(key!("outcome"), outcome.name());
            if let Some(reason) = reason { line.text(key!("reason"), reason) } else { line }
        }
        Kind::RetryScheduled { task, attempt, after } => {
            line.attempt(task, attempt).number(key!("after_ns"), u64::try_from(after.as_nanos()).unwrap_or(u64::MAX))
        }
        Kind::Settled { task, attempt, outcome, ending } => {
            line.attempt(task, attempt).outcome(outcome).name(key!("ending"), ending.name())
        }
        Kind::Abandoned { task, attempt, outcome, permit } => {
            line.attempt(task, attempt).outcome(outcome).perhaps(key!("permit"), permit)
        }
        Kind::BatchOpened { batch, size } => line.number(key!("batch"), batch).number(key!("size"), size as u64),
        Kind::BatchClosed { batch } => line.number(key!("batch"), batch),
        Kind::GroupCancelled { cause } => line.number(key!("cause"), cause.0),
        Kind::SourceBlocked { by } => line.name(key!("by"), by.name()),
        Kind::SourceWaiting | Kind::SourceExhausted | Kind::DrainStarted | Kind::AbortStarted | Kind::RunEnded => line,
    };
    line.0.push(b'}');
}

/// A line that is being written. What serde would write as well, with less than half the instructions: the writer of a trace has to
/// be as fast as the run, or events are lost.
struct Line<'t>(&'t mut Vec<u8>);

impl Line<'_> {
    // Inlined: copying so many bytes as are known is a store or two, any other number a call.
    #[inline(always)]
    fn key(self, key: &'static str) -> Self {
        self.0.extend_from_slice(key.as_bytes());
        self
    }

    fn digits(self, number: u64) -> Self {
        self.0.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self
    }

    #[inline(always)]
    fn number(self, key: &'static str, number: u64) -> Self {
        self.key(key).digits(number)
    }

    #[inline(always)]
    fn perhaps(self, key: &'static str, number: Option<usize>) -> Self {
        if let Some(number) = number { self.number(key, number as u64) } else { self }
    }

    /// Text in which nothing needs an escape.
    #[inline(always)]
    fn name(self, key: &'static str, name: &'static str) -> Self {
        let line = self.key(key);
        line.0.push(b'"');
        line.0.extend_from_slice(name.as_bytes());
        line.0.push(b'"');
        line
    }

    fn text(mut self, key: &'static str, text: &str) -> Self {
        self = self.key(key);
        serde_json::to_writer(&mut *self.0, text).expect("text goes to memory, which cannot fail");
        self
    }

    fn attempt(self, task: TaskId, attempt: Attempt) -> Self {
        self.number(key!("task"), task.0).number(key!("attempt"), attempt.get().into())
    }

    fn outcome(self, outcome: Option<Outcome>) -> Self {
        if let Some(outcome) = outcome { self.name(key!("outcome"), outcome.name()) } else { self }
    }

    fn bounds(self, limit: usize, workers: Option<usize>, queue_capacity: Option<usize>) -> Self {
        let line = self.number(key!("limit"), limit as u64).perhaps(key!("workers"), workers);
        line.perhaps(key!("queue_capacity"), queue_capacity)
    }
}

fn event_name(kind: &EventKind<'_>) -> &'static str {
    match kind {
        EventKind::RunStarted { .. } => "run_started",
        EventKind::Claimed { .. } => "claimed",
        EventKind::Malformed { .. } => "malformed",
        EventKind::Started { .. } => "started",
        EventKind::Ended { .. } => "ended",
        EventKind::RetryScheduled { .. } => "retry_scheduled",
        EventKind::Settled { .. } => "settled",
        EventKind::Abandoned { .. } => "abandoned",
        EventKind::BatchOpened { .. } => "batch_opened",
        EventKind::BatchClosed { .. } => "batch_closed",
        EventKind::GroupCancelled { .. } => "group_cancelled",
        EventKind::LimitChanged { .. } => "limit_changed",
        EventKind::SourceWaiting => "source_waiting",
        EventKind::SourceBlocked { .. } => "source_blocked",
        EventKind::SourceExhausted => "source_exhausted",
        EventKind::DrainStarted => "drain_started",
        EventKind::AbortStarted => "abort_started",
        EventKind::RunEnded => "run_ended",
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by way of serde, which knows the names from the types.
    fn by_serde(event: &Event<'_>) -> String {
        let kind = serde_json::to_string(&event.kind).unwrap();
        format!("{{\"seq\":{},\"t_ns\":{},{}", event.sequence, event.at.as_nanos(), &kind[1..])
    }

    #[test]
    fn a_line_is_what_the_types_say() {
        use EventKind as Kind;
        let (task, attempt) = (TaskId(u64::MAX), Attempt::new(7).unwrap());
        let mut kinds = Vec::new();
        for some in [None, Some(3), Some(usize::MAX)] {
            let (limit, workers, queue_capacity) = (5, some, some);
            kinds.extend(Pattern::ALL.map(|pattern| Kind::RunStarted { pattern, limit, workers, queue_capacity }));
            kinds.push(Kind::LimitChanged { limit, workers, queue_capacity });
            kinds.push(Kind::Started { task, attempt, permit: 0, worker: some });
            for outcome in
                [Outcome::Succeeded, Outcome::Failed, Outcome::TimedOut, Outcome::Panicked, Outcome::Cancelled]
            {
                let reason = some.map(|_| "\"quoted\"\n\u{1}\u{7f}失敗\\");
                kinds.push(Kind::Ended { task, attempt, permit: 9, worker: some, outcome, reason });
                let outcome = some.map(|_| outcome);
                kinds.push(Kind::Abandoned { task, attempt, outcome, permit: some });
                let endings = [Ending::Done, Ending::Retried, Ending::Dead, Ending::Released, Ending::LeaseLost];
                kinds.extend(endings.map(|ending| Kind::Settled { task, attempt, outcome, ending }));
            }
        }
        for after in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
            kinds.push(Kind::RetryScheduled { task, attempt, after });
        }
        kinds.extend([Blocker::Room, Blocker::Rate, Blocker::Settling].map(|by| Kind::SourceBlocked { by }));
        kinds.extend([
            Kind::Claimed { task, attempt },
            Kind::Malformed { reason: "line 3: \t" },
            Kind::BatchOpened { batch: 0, size: 4 },
            Kind::BatchClosed { batch: u64::MAX },
            Kind::GroupCancelled { cause: task },
            Kind::SourceWaiting,
            Kind::SourceExhausted,
            Kind::DrainStarted,
            Kind::AbortStarted,
            Kind::RunEnded,
        ]);
        for (sequence, kind) in (0..).zip(kinds) {
            let event = Event { sequence, at: Time::MAX, kind };
            let mut text = Vec::new();
            write_line(&event, &mut text);
            assert_eq!(String::from_utf8(text).unwrap(), by_serde(&event));
        }
    }
}
