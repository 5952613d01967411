//! An event that outlives its moment.

use alloc::boxed::Box;
use core::time::Duration;

use super::{BlockedOn, Disposition, Event, EventKind, Outcome};
use crate::{
    clock::Time,
    pattern::Pattern,
    task::{Attempt, TaskId},
};

/// An event that owns its text, for those who keep events. Smaller than the event, whose text is beside it and not in it: many of
/// them are kept, and go from one thread to another.
///
/// ```
/// use fourfold::{Event, clock::Time, event::{EventKind, Record}};
/// let event = Event { sequence: 7, at: Time::ZERO, kind: EventKind::Malformed { reason: "line 3: not JSON" } };
/// let record = Record::from(&event);
/// assert_eq!(record.event(), event);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    sequence: u64,
    at: Time,
    kind: Kept,
}

/// What happened, with a text of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Malformed {
        reason: Text,
    },
    Ended {
        task: TaskId,
        attempt: Attempt,
        permit: usize,
        worker: Option<usize>,
        outcome: Outcome,
        reason: Option<Text>,
    },
    RunStarted {
        pattern: Pattern,
        limit: usize,
        workers: Option<usize>,
        queue_capacity: Option<usize>,
    },
    Claimed {
        task: TaskId,
        attempt: Attempt,
    },
    Started {
        task: TaskId,
        attempt: Attempt,
        permit: usize,
        worker: Option<usize>,
    },
    RetryScheduled {
        task: TaskId,
        attempt: Attempt,
        after: Duration,
    },
    Settled {
        task: TaskId,
        attempt: Attempt,
        outcome: Option<Outcome>,
        disposition: Disposition,
    },
    Abandoned {
        task: TaskId,
        attempt: Attempt,
        outcome: Option<Outcome>,
        permit: Option<usize>,
    },
    BatchOpened {
        batch: u64,
        size: usize,
    },
    BatchClosed {
        batch: u64,
    },
    GroupCancelled {
        cause: TaskId,
    },
    LimitChanged {
        limit: usize,
        workers: Option<usize>,
        queue_capacity: Option<usize>,
    },
    SourceWaiting,
    SourceBlocked {
        by: BlockedOn,
    },
    SourceExhausted,
    DrainStarted,
    AbortStarted,
    RunEnded,
}

/// Behind a pointer of one word: there are few texts, and each event has room for one.
type Text = Box<Owned>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned(Box<str>);

#[cold]
fn own(text: &str) -> Text {
    Box::new(Owned(text.into()))
}

impl Record {
    /// The event as it was.
    #[inline]
    pub fn event(&self) -> Event<'_> {
        let kind = match &self.kind {
            Kept::Malformed { reason } => EventKind::Malformed { reason: &reason.0 },
            &Kept::Ended { task, attempt, permit, worker, outcome, ref reason } => {
                let reason = reason.as_ref().map(|reason| &*reason.0);
                EventKind::Ended { task, attempt, permit, worker, outcome, reason }
            }
            &Kept::RunStarted { pattern, limit, workers, queue_capacity } => {
                EventKind::RunStarted { pattern, limit, workers, queue_capacity }
            }
            &Kept::Claimed { task, attempt } => EventKind::Claimed { task, attempt },
            &Kept::Started { task, attempt, permit, worker } => EventKind::Started { task, attempt, permit, worker },
            &Kept::RetryScheduled { task, attempt, after } => EventKind::RetryScheduled { task, attempt, after },
            &Kept::Settled { task, attempt, outcome, disposition } => {
                EventKind::Settled { task, attempt, outcome, disposition }
            }
            &Kept::Abandoned { task, attempt, outcome, permit } => {
                EventKind::Abandoned { task, attempt, outcome, permit }
            }
            &Kept::BatchOpened { batch, size } => EventKind::BatchOpened { batch, size },
            &Kept::BatchClosed { batch } => EventKind::BatchClosed { batch },
            &Kept::GroupCancelled { cause } => EventKind::GroupCancelled { cause },
            &Kept::LimitChanged { limit, workers, queue_capacity } => {
                EventKind::LimitChanged { limit, workers, queue_capacity }
            }
            &Kept::SourceWaiting => EventKind::SourceWaiting,
            &Kept::SourceBlocked { by } => EventKind::SourceBlocked { by },
            &Kept::SourceExhausted => EventKind::SourceExhausted,
            &Kept::DrainStarted => EventKind::DrainStarted,
            &Kept::AbortStarted => EventKind::AbortStarted,
            &Kept::RunEnded => EventKind::RunEnded,
        };
        Event { sequence: self.sequence, at: self.at, kind }
    }

    /// How long its text is.
    #[cfg(feature = "listen")]
    #[inline]
    pub(crate) fn text_len(&self) -> usize {
        match &self.kind {
            Kept::Malformed { reason } | Kept::Ended { reason: Some(reason), .. } => reason.0.len(),
            _ => 0,
        }
    }
}

impl From<&Event<'_>> for Record {
    #[inline]
    fn from(event: &Event<'_>) -> Self {
        let kind = match event.kind {
            EventKind::Malformed { reason } => Kept::Malformed { reason: own(reason) },
            EventKind::Ended { task, attempt, permit, worker, outcome, reason } => {
                Kept::Ended { task, attempt, permit, worker, outcome, reason: reason.map(own) }
            }
            EventKind::RunStarted { pattern, limit, workers, queue_capacity } => {
                Kept::RunStarted { pattern, limit, workers, queue_capacity }
            }
            EventKind::Claimed { task, attempt } => Kept::Claimed { task, attempt },
            EventKind::Started { task, attempt, permit, worker } => Kept::Started { task, attempt, permit, worker },
            EventKind::RetryScheduled { task, attempt, after } => Kept::RetryScheduled { task, attempt, after },
            EventKind::Settled { task, attempt, outcome, disposition } => {
                Kept::Settled { task, attempt, outcome, disposition }
            }
            EventKind::Abandoned { task, attempt, outcome, permit } => {
                Kept::Abandoned { task, attempt, outcome, permit }
            }
            EventKind::BatchOpened { batch, size } => Kept::BatchOpened { batch, size },
            EventKind::BatchClosed { batch } => Kept::BatchClosed { batch },
            EventKind::GroupCancelled { cause } => Kept::GroupCancelled { cause },
            EventKind::LimitChanged { limit, workers, queue_capacity } => {
                Kept::LimitChanged { limit, workers, queue_capacity }
            }
            EventKind::SourceWaiting => Kept::SourceWaiting,
            EventKind::SourceBlocked { by } => Kept::SourceBlocked { by },
            EventKind::SourceExhausted => Kept::SourceExhausted,
            EventKind::DrainStarted => Kept::DrainStarted,
            EventKind::AbortStarted => Kept::AbortStarted,
            EventKind::RunEnded => Kept::RunEnded,
        };
        Self { sequence: event.sequence, at: event.at, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_fits_a_cache_line() {
        assert!(size_of::<Record>() <= 64, "{} bytes", size_of::<Record>());
    }
}
