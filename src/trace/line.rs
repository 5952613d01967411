//! One event as one line of JSON, there and back.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, time::Duration};

use serde::{
    Deserializer, Serialize,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use crate::{Attempt, Blocker, Data, Ending, Event, EventKind, Outcome, TaskId, Time};

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
    let written = serde_json::to_writer(text, value);
    debug_assert!(written.is_ok(), "plain data with text for keys goes to memory, which cannot fail");
}

/// A line of a trace, not yet looked at closely.
#[derive(Debug)]
pub struct TraceLine<'a> {
    /// The values of [`KEYS`], where it has them.
    values: [Option<Data<'a>>; KEYS.len()],
}

/// What a line may say; other keys are passed over.
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

    // What is no object has none of the keys. Said by hand: what serde says brings the printing of floats along.
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

/// Reads a line of a trace, with or without its end.
///
/// # Errors
/// [`LineError::Json`]: it is not an object of JSON.
pub fn parse_line(line: &[u8]) -> Result<TraceLine<'_>, LineError> {
    let wrong = |error: serde_json::Error| LineError::Json(error.to_string());
    let mut reader = serde_json::Deserializer::from_slice(line);
    let line = (&mut reader).deserialize_any(Values).map_err(wrong)?;
    reader.end().map_err(wrong)?;
    Ok(line)
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
    /// This field is not what it has to be: what was found.
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
    /// The event on it.
    ///
    /// # Errors
    /// [`LineError`]: the event is unknown or incomplete.
    pub fn event(&self) -> Result<Event<'_>, LineError> {
        Ok(Event { sequence: self.need("seq")?, at: Time::from_nanos(self.need("t_ns")?), kind: self.kind()? })
    }

    /// The version of the format, in the first line.
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

    fn kind(&self) -> Result<EventKind<'_>, LineError> {
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
                let (permit, worker) = (self.need("permit")?, self.maybe("worker")?);
                Kind::Started { task: task()?, attempt: attempt()?, permit, worker }
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
                let ending = self.named("ending", Ending::from_name)?;
                Kind::Settled { task: task()?, attempt: attempt()?, outcome: maybe_outcome()?, ending }
            }
            "abandoned" => {
                let permit = self.maybe("permit")?;
                Kind::Abandoned { task: task()?, attempt: attempt()?, outcome: maybe_outcome()?, permit }
            }
            "batch_opened" => Kind::BatchOpened { batch: self.need("batch")?, size: self.need("size")? },
            "batch_closed" => Kind::BatchClosed { batch: self.need("batch")? },
            "group_cancelled" => Kind::GroupCancelled { cause: TaskId(self.need("cause")?) },
            "limit_changed" => {
                let (limit, workers, queue_capacity) = bounds()?;
                Kind::LimitChanged { limit, workers, queue_capacity }
            }
            "source_waiting" => Kind::SourceWaiting,
            "source_blocked" => Kind::SourceBlocked { by: self.named("by", Blocker::from_name)? },
            "source_exhausted" => Kind::SourceExhausted,
            "drain_started" => Kind::DrainStarted,
            "abort_started" => Kind::AbortStarted,
            "run_ended" => Kind::RunEnded,
            unknown => return Err(LineError::Unknown(unknown.into())),
        })
    }
}
