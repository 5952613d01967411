//! Writing an event as a line of JSON, and reading it again.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, time::Duration};

use serde::{
    Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use crate::{
    clock::Time,
    data::Data,
    event::{BlockedOn, Disposition, Event, EventKind, Outcome},
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

/// A line of a trace that was parsed as JSON and not yet as an event.
#[derive(Debug)]
pub struct TraceLine<'a> {
    /// The values of [`KEYS`], where it has them.
    values: [Option<Data<'a>>; KEYS.len()],
}

/// The keys that a line may have; other keys are skipped.
const KEYS: [&str; 20] = [
    "seq",
    "t_ns",
    "event",
    "task",
    "attempt",
    "permit",
    "worker",
    "outcome",
    "reason",
    "ending",
    "after_ns",
    "pattern",
    "limit",
    "workers",
    "queue_capacity",
    "batch",
    "size",
    "cause",
    "by",
    "fourfold_trace",
];

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = TraceLine<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    // A value that is not an object has none of the keys. Written by hand, since the default of serde
    // brings the printing of floats into the page's module.
    fn visit_unit<E: Error>(self) -> Result<TraceLine<'de>, E> {
        Ok(TraceLine { values: [const { None }; KEYS.len()] })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<TraceLine<'de>, E> {
        self.visit_unit()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<TraceLine<'de>, E> {
        self.visit_unit()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<TraceLine<'de>, E> {
        self.visit_unit()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<TraceLine<'de>, E> {
        self.visit_unit()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<TraceLine<'de>, E> {
        self.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<TraceLine<'de>, A::Error> {
        while items.next_element::<Data<'de>>()?.is_some() {}
        self.visit_unit()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<TraceLine<'de>, A::Error> {
        let mut values = [const { None }; KEYS.len()];
        // The next one is mostly the next one that is known.
        let mut next = 0;
        while let Some(key) = entries.next_key::<Data<'de>>()? {
            let value = entries.next_value()?;
            let known = key.text().and_then(|key| {
                let order = (next..KEYS.len()).chain(0..next);
                order.into_iter().find(|index| KEYS[*index] == key)
            });
            if let Some(index) = known {
                next = index + 1;
                values[index] = Some(value).filter(|value| *value != Data::Null);
            }
        }
        Ok(TraceLine { values })
    }
}

/// Parses a line of a trace, with or without its line end.
///
/// # Errors
/// [`LineError::Json`] when the line is not valid JSON.
pub fn parse_line(line: &[u8]) -> Result<TraceLine<'_>, LineError> {
    let wrong = |error: serde_json::Error| LineError::Json(error.to_string());
    let mut reader = serde_json::Deserializer::from_slice(line);
    let line = (&mut reader).deserialize_any(Values).map_err(wrong)?;
    reader.end().map_err(wrong)?;
    Ok(line)
}

/// The error of a line that is not an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// The line is not valid JSON.
    Json(String),
    /// The event has an unknown name.
    Unknown(String),
    /// A field that the event needs is missing: the name of the event, and of the field.
    Missing(String, &'static str),
    /// A field has an invalid value: the name of the field, and what was found.
    Wrong(&'static str, String),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => f.write_str(error),
            Self::Unknown(event) => write!(f, "there is no event `{event}`"),
            Self::Missing(event, field) => write!(f, "`{event}` has no field `{field}`"),
            Self::Wrong(field, found) => write!(f, "the field `{field}` may not be {found}"),
        }
    }
}

impl core::error::Error for LineError {}

impl TraceLine<'_> {
    /// Reads the event of the line.
    ///
    /// # Errors
    /// [`LineError`] when the event is unknown or incomplete.
    pub fn event(&self) -> Result<Event<&str>, LineError> {
        Ok(Event { sequence: self.need("seq")?, at: Time::from_nanos(self.need("t_ns")?), kind: self.kind()? })
    }

    /// Returns the version of the format, which the first line has.
    pub(super) fn version(&self) -> Option<u64> {
        self.value("fourfold_trace")?.whole()
    }

    fn value(&self, field: &'static str) -> Option<&Data<'_>> {
        let index = KEYS.iter().position(|key| *key == field)?;
        self.values[index].as_ref()
    }

    fn wrong(&self, field: &'static str) -> LineError {
        match self.value(field) {
            Some(value) => LineError::Wrong(field, value.to_string()),
            None => {
                let event = self.value("event").and_then(Data::text).unwrap_or("a line");
                LineError::Missing(event.into(), field)
            }
        }
    }

    fn maybe<T: TryFrom<u64>>(&self, field: &'static str) -> Result<Option<T>, LineError> {
        let number = |value: &Data<'_>| value.whole().and_then(|number| T::try_from(number).ok());
        self.value(field).map(|value| number(value).ok_or_else(|| self.wrong(field))).transpose()
    }

    fn need<T: TryFrom<u64>>(&self, field: &'static str) -> Result<T, LineError> {
        self.maybe(field)?.ok_or_else(|| self.wrong(field))
    }

    fn maybe_text(&self, field: &'static str) -> Result<Option<&str>, LineError> {
        self.value(field).map(|value| value.text().ok_or_else(|| self.wrong(field))).transpose()
    }

    fn named<T>(&self, field: &'static str, named: impl FnOnce(&str) -> Option<T>) -> Result<T, LineError> {
        self.maybe_text(field)?.and_then(named).ok_or_else(|| self.wrong(field))
    }

    fn kind(&self) -> Result<EventKind<&str>, LineError> {
        use EventKind as Kind;
        let event = self.maybe_text("event")?.ok_or_else(|| self.wrong("event"))?;
        let task = || self.need("task").map(TaskId);
        let attempt = || Attempt::new(self.need("attempt")?).ok_or_else(|| self.wrong("attempt"));
        let outcome = || self.named("outcome", Outcome::from_name);
        let maybe_outcome = || self.value("outcome").map(|_| outcome()).transpose();
        let reason = || self.maybe_text("reason")?.ok_or_else(|| self.wrong("reason"));
        let bounds = || Ok((self.need("limit")?, self.maybe("workers")?, self.maybe("queue_capacity")?));
        Ok(match event {
            "run_started" => {
                let pattern = self.named("pattern", |name| name.parse().ok())?;
                let (limit, workers, queue_capacity) = bounds()?;
                Kind::RunStarted { pattern, limit, workers, queue_capacity }
            }
            "claimed" => Kind::Claimed { task: task()?, attempt: attempt()? },
            "malformed" => Kind::Malformed { reason: reason()? },
            "started" => {
                let (task, attempt) = (task()?, attempt()?);
                Kind::Started { task, attempt, permit: self.need("permit")?, worker: self.maybe("worker")? }
            }
            "ended" => Kind::Ended {
                task: task()?,
                attempt: attempt()?,
                permit: self.need("permit")?,
                worker: self.maybe("worker")?,
                outcome: outcome()?,
                reason: self.maybe_text("reason")?,
            },
            "retry_scheduled" => {
                let after = Duration::from_nanos(self.need("after_ns")?);
                Kind::RetryScheduled { task: task()?, attempt: attempt()?, after }
            }
            "settled" => {
                let (task, attempt, outcome) = (task()?, attempt()?, maybe_outcome()?);
                Kind::Settled { task, attempt, outcome, disposition: self.named("ending", Disposition::from_name)? }
            }
            "abandoned" => {
                let (task, attempt, outcome) = (task()?, attempt()?, maybe_outcome()?);
                Kind::Abandoned { task, attempt, outcome, permit: self.maybe("permit")? }
            }
            "batch_opened" => Kind::BatchOpened { batch: self.need("batch")?, size: self.need("size")? },
            "batch_closed" => Kind::BatchClosed { batch: self.need("batch")? },
            "group_cancelled" => Kind::GroupCancelled { cause: TaskId(self.need("cause")?) },
            "limit_changed" => {
                let (limit, workers, queue_capacity) = bounds()?;
                Kind::LimitChanged { limit, workers, queue_capacity }
            }
            "source_waiting" => Kind::SourceWaiting,
            "source_blocked" => Kind::SourceBlocked { by: self.named("by", BlockedOn::from_name)? },
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
    use crate::{event::OwnedEvent, pattern::Pattern};

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
            for outcome in Outcome::ALL.iter().copied() {
                let reason = some.map(|_| "\"quoted\"\n\u{1}\u{7f}失敗\\");
                kinds.push(Kind::Ended { task, attempt, permit: 9, worker: some, outcome, reason });
                let outcome = some.map(|_| outcome);
                kinds.push(Kind::Abandoned { task, attempt, outcome, permit: some });
                let settled = |disposition| Kind::Settled { task, attempt, outcome, disposition };
                kinds.extend(Disposition::ALL.iter().copied().map(settled));
            }
        }
        for after in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
            kinds.push(Kind::RetryScheduled { task, attempt, after });
        }
        kinds.extend(BlockedOn::ALL.iter().map(|by| Kind::SourceBlocked { by: *by }));
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
            let line = String::from_utf8(text).unwrap();
            assert_eq!(line, serde_json::to_string(&event).unwrap());

            let owned: OwnedEvent = serde_json::from_str(&line).unwrap();
            assert_eq!(serde_json::to_string(&owned).unwrap(), line, "the owned form says the same");
            assert_eq!(parse_line(line.as_bytes()).unwrap().event().unwrap(), owned.borrowed());
        }
    }
}
