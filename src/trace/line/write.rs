//! Writing an event as a line of JSON.

use alloc::vec::Vec;

use crate::{
    event::{Event, EventKind, Outcome},
    task::{Attempt, TaskId},
};

/// The name of a field as it stands in a line.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}
/// Appends an event as a line of a trace, without its end.
///
/// ```
/// use fourfold::{Event, TaskId, clock::Time, event::EventKind, trace};
/// let event = Event { sequence: 3, at: Time::from_nanos(1500), kind: EventKind::GroupCancelled { cause: TaskId(7) } };
/// let mut text = Vec::new();
/// trace::write_line(&event, &mut text);
/// assert_eq!(text, br#"{"seq":3,"t_ns":1500,"event":"group_cancelled","cause":7}"#);
/// assert_eq!(trace::parse_line(&text).unwrap().event().unwrap(), event);
/// ```
pub fn write_line(event: &Event<&str>, text: &mut Vec<u8>) {
    use EventKind as Kind;
    // Room for all of it, reasons aside.
    text.reserve(256);
    let line = Line(text)
        .key("{\"seq\":")
        .digits(event.sequence)
        .number(key!("t_ns"), event.at.as_nanos())
        .name(key!("event"), event.kind.name());
    let line = match event.kind {
        Kind::RunStarted { pattern, limit, workers, queue_capacity } => {
            line.name(key!("pattern"), pattern.name()).bounds(limit, workers, queue_capacity)
        }
        Kind::LimitChanged { limit, workers, queue_capacity } => line.bounds(limit, workers, queue_capacity),
        Kind::Claimed { task, attempt } | Kind::LeaseLost { task, attempt } => line.attempt(task, attempt),
        Kind::HeldBack { task, attempt, per_key, held_back } => line
            .attempt(task, attempt)
            .number(key!("per_key"), per_key as u64)
            .number(key!("held_back"), held_back as u64),
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
        Kind::Settled { task, attempt, outcome, disposition } => {
            line.attempt(task, attempt).outcome(outcome).name(key!("ending"), disposition.name())
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

/// A line that is being written. It is what the derived `Serialize` writes, in less than a third of
/// the instructions: a writer of traces that is slower than its run loses events. A test compares
/// the two.
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
        let written = serde_json::to_writer(&mut *self.0, text);
        debug_assert!(written.is_ok(), "text goes to memory, which cannot fail");
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
