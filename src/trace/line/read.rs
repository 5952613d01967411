//! Reading a line of JSON as an event.

use alloc::string::{String, ToString};
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

/// A line of a trace that was parsed as JSON and not yet as an event.
#[derive(Debug)]
pub struct TraceLine<'a> {
    /// The values of [`KEYS`], where it has them.
    values: [Option<Data<'a>>; KEYS.len()],
}

/// The keys that a line may have; other keys are skipped.
const KEYS: [&str; 22] = [
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
    "per_key",
    "held_back",
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
    pub(in crate::trace) fn version(&self) -> Option<u64> {
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
            "held_back" => Kind::HeldBack {
                task: task()?,
                attempt: attempt()?,
                per_key: self.need("per_key")?,
                held_back: self.need("held_back")?,
            },
            "lease_lost" => Kind::LeaseLost { task: task()?, attempt: attempt()? },
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
