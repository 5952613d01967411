//! An event that outlives its moment.

use alloc::boxed::Box;

use super::{Event, EventKind};

/// An event that owns its text, for those who keep events.
///
/// ```
/// use fourfold::{Event, EventKind, Record, Time};
/// let event = Event { sequence: 7, at: Time::ZERO, kind: EventKind::Malformed { reason: "line 3: not JSON" } };
/// let record = Record::from(&event);
/// assert_eq!(record.event(), event);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// With an empty reason where there was one.
    event: Event<'static>,
    reason: Option<Box<str>>,
}

impl Record {
    /// The event as it was.
    #[inline]
    pub fn event(&self) -> Event<'_> {
        let Some(reason) = self.reason.as_deref() else { return self.event };
        let kind = match self.event.kind {
            EventKind::Malformed { .. } => EventKind::Malformed { reason },
            EventKind::Ended { task, attempt, permit, worker, outcome, .. } => {
                EventKind::Ended { task, attempt, permit, worker, outcome, reason: Some(reason) }
            }
            other => other,
        };
        Event { kind, ..self.event }
    }
}

impl From<&Event<'_>> for Record {
    #[inline]
    fn from(event: &Event<'_>) -> Self {
        let (kind, reason) = part(event.kind);
        Self { event: Event { sequence: event.sequence, at: event.at, kind }, reason: reason.map(Box::from) }
    }
}

/// What happened, and the text of it.
#[inline]
fn part(kind: EventKind<'_>) -> (EventKind<'static>, Option<&str>) {
    use EventKind as Kind;
    let without_text = match kind {
        Kind::Malformed { reason } => return (Kind::Malformed { reason: "" }, Some(reason)),
        Kind::Ended { task, attempt, permit, worker, outcome, reason } => {
            return (Kind::Ended { task, attempt, permit, worker, outcome, reason: None }, reason);
        }
        Kind::RunStarted { pattern, limit, workers, queue_capacity } => {
            Kind::RunStarted { pattern, limit, workers, queue_capacity }
        }
        Kind::Claimed { task, attempt } => Kind::Claimed { task, attempt },
        Kind::Started { task, attempt, permit, worker } => Kind::Started { task, attempt, permit, worker },
        Kind::RetryScheduled { task, attempt, after } => Kind::RetryScheduled { task, attempt, after },
        Kind::Settled { task, attempt, outcome, ending } => Kind::Settled { task, attempt, outcome, ending },
        Kind::Abandoned { task, attempt, outcome, permit } => Kind::Abandoned { task, attempt, outcome, permit },
        Kind::BatchOpened { batch, size } => Kind::BatchOpened { batch, size },
        Kind::BatchClosed { batch } => Kind::BatchClosed { batch },
        Kind::GroupCancelled { cause } => Kind::GroupCancelled { cause },
        Kind::LimitChanged { limit, workers, queue_capacity } => Kind::LimitChanged { limit, workers, queue_capacity },
        Kind::SourceWaiting => Kind::SourceWaiting,
        Kind::SourceBlocked { by } => Kind::SourceBlocked { by },
        Kind::SourceExhausted => Kind::SourceExhausted,
        Kind::DrainStarted => Kind::DrainStarted,
        Kind::AbortStarted => Kind::AbortStarted,
        Kind::RunEnded => Kind::RunEnded,
    };
    (without_text, None)
}
