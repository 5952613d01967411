//! The events of a run as plain data, and the observers that receive them.
//!
//! An [`Event`] is generic over its text. An [`Observer`] is handed an `Event<&str>`, which borrows
//! its text and is `Copy`; an [`OwnedEvent`] is the same type with a text of its own, for programs
//! that keep events.

mod names;
mod observer;
mod text;

use core::time::Duration;

pub use self::{
    names::{BlockedOn, Disposition, Outcome},
    observer::{Observer, ObserverFn, observer_fn},
    text::Text,
};
use crate::{
    clock::Time,
    pattern::Pattern,
    task::{Attempt, TaskId},
};

/// One thing that happened in a run. Everything that is shown of a run follows from its events.
///
/// ```
/// use fourfold::{Event, clock::Time, event::{EventKind, OwnedEvent}};
/// let event = Event { sequence: 7, at: Time::ZERO, kind: EventKind::Malformed { reason: "line 3: not JSON" } };
/// let kept = OwnedEvent::from(&event);
/// assert_eq!(kept.borrowed(), event);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event<S> {
    /// The number of the event within its run. It counts up from 0 without gaps.
    #[cfg_attr(feature = "serde", serde(rename = "seq"))]
    pub sequence: u64,
    /// The time of the event on the run's clock. Events of one poll share a time.
    #[cfg_attr(feature = "serde", serde(rename = "t_ns"))]
    pub at: Time,
    /// The kind of the event, with its details.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub kind: EventKind<S>,
}

/// An event with a text of its own. It takes 64 bytes, and its text when it has one.
pub type OwnedEvent = Event<Text>;

impl<S: AsRef<str>> Event<S> {
    /// Returns the same event with a borrowed text.
    #[inline]
    pub fn borrowed(&self) -> Event<&str> {
        Event { sequence: self.sequence, at: self.at, kind: self.kind.map_text(|text| text.as_ref()) }
    }
}

impl From<&Event<&str>> for OwnedEvent {
    /// Copies the text of the event.
    #[inline]
    fn from(event: &Event<&str>) -> Self {
        Self { sequence: event.sequence, at: event.at, kind: event.kind.map_text(|text| Text::from(*text)) }
    }
}

/// The kind of an [`Event`], with its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "event", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum EventKind<S> {
    /// The run started with this pattern and these limits.
    RunStarted {
        /// The pattern of the run.
        pattern: Pattern,
        /// The maximum number of tasks in flight.
        limit: usize,
        /// The number of workers of a pool; `None` for the other patterns.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        workers: Option<usize>,
        /// The maximum number of tasks that are claimed and wait for a permit: a pool's queue, or a
        /// batch. `None` where a claimed task starts at once.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        queue_capacity: Option<usize>,
    },
    /// A delivery came in from the source and is now the last in the queue. Tasks get their permits
    /// in the order of the queue.
    Claimed {
        /// The task of the delivery.
        task: TaskId,
        /// The attempt that the delivery is.
        attempt: Attempt,
    },
    /// An entry of the source was not a task.
    Malformed {
        /// The place of the entry (a line, a key) and what is wrong with it.
        reason: S,
    },
    /// The first task in the queue was put aside: as many tasks with its key are in flight as may. It
    /// starts as soon as fewer are, before those in the queue.
    HeldBack {
        /// The task that was put aside.
        task: TaskId,
        /// The attempt that was put aside.
        attempt: Attempt,
        /// The maximum number of tasks in flight with the same key.
        per_key: usize,
        /// The maximum number of tasks that wait for others of their key.
        held_back: usize,
    },
    /// The source lost the lease of a task that waits for its start. The task leaves the queue, and
    /// does not start.
    LeaseLost {
        /// The task whose lease is lost.
        task: TaskId,
        /// The attempt that does not start.
        attempt: Attempt,
    },
    /// The first task in the queue, or one that was held back, got a permit, and its handler was
    /// called.
    Started {
        /// The task that started.
        task: TaskId,
        /// The attempt that started.
        attempt: Attempt,
        /// The number of the permit that the attempt holds, counted from 0.
        permit: usize,
        /// The number of the pool's worker that runs the attempt, counted from 0; `None` for the
        /// other patterns.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        worker: Option<usize>,
    },
    /// The handler returned, panicked or was dropped; its permit is free again.
    Ended {
        /// The task whose attempt ended.
        task: TaskId,
        /// The attempt that ended.
        attempt: Attempt,
        /// The number of the permit that is free again.
        permit: usize,
        /// The number of the pool's worker that is idle again; `None` for the other patterns.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        worker: Option<usize>,
        /// The outcome of the attempt.
        outcome: Outcome,
        /// The reason of a failure, a timeout or a panic; `None` for other outcomes.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        reason: Option<S>,
    },
    /// A failed task will be tried again.
    RetryScheduled {
        /// The task that failed.
        task: TaskId,
        /// The attempt that failed.
        attempt: Attempt,
        /// The pause before the next attempt, counted from the settlement of this one.
        #[cfg_attr(feature = "serde", serde(rename = "after_ns", with = "nanos"))]
        after: Duration,
    },
    /// The source accepted a verdict.
    Settled {
        /// The task that the verdict is about.
        task: TaskId,
        /// The attempt that the verdict ends.
        attempt: Attempt,
        /// The outcome of the attempt; `None` when it never started.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        outcome: Option<Outcome>,
        /// The fate of the delivery.
        #[cfg_attr(feature = "serde", serde(rename = "ending"))]
        disposition: Disposition,
    },
    /// A delivery was left behind, and no event about it follows. A run leaves a delivery to its
    /// lease when the source cannot be told; a program that keeps its tasks by hand may forget one
    /// that is running.
    Abandoned {
        /// The task that was left behind.
        task: TaskId,
        /// The attempt that was left behind.
        attempt: Attempt,
        /// The outcome of the attempt; `None` when it never started, or when its end is unknown.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        outcome: Option<Outcome>,
        /// The permit that is lost with the delivery: the attempt started, no
        /// [`Ended`](Self::Ended) follows, and the permit never becomes free. Such a leak happens
        /// in programs that keep tasks by hand; a run of this crate has none.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        permit: Option<usize>,
    },
    /// A batch was opened: the next `size` claims belong to it. The next batch opens after all of
    /// this one has ended.
    BatchOpened {
        /// The number of the batch, counted from 0.
        batch: u64,
        /// The number of tasks in the batch.
        size: usize,
    },
    /// All tasks of a batch have ended.
    BatchClosed {
        /// The number of the batch.
        batch: u64,
    },
    /// A task of the group failed for good, and its siblings are cancelled.
    GroupCancelled {
        /// The task that failed.
        cause: TaskId,
    },
    /// The limit changed, and the numbers that follow from it. Running tasks are not interrupted:
    /// until enough of them have ended, more tasks may be in flight or queued than the new numbers
    /// allow.
    LimitChanged {
        /// The maximum number of tasks in flight.
        limit: usize,
        /// The number of workers of a pool; `None` for the other patterns.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        workers: Option<usize>,
        /// The maximum number of tasks that are claimed and wait for a permit; `None` where a
        /// claimed task starts at once.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        queue_capacity: Option<usize>,
    },
    /// The run has room for tasks, and the source has none at the moment.
    SourceWaiting,
    /// The source may have more tasks, and the run does not claim them: back-pressure. The event is
    /// sent when back-pressure begins or its reason changes. Back-pressure lasts until the source
    /// waits or is exhausted, and pauses for each claim.
    SourceBlocked {
        /// The reason why the run does not claim.
        by: BlockedOn,
    },
    /// The source has no more tasks.
    SourceExhausted,
    /// The run stopped claiming; running tasks are finished.
    DrainStarted,
    /// The run drops its running tasks and gives them back to the source.
    AbortStarted,
    /// The run ended, and no event follows.
    RunEnded,
}

impl<S> EventKind<S> {
    /// Returns the name of the event as it is written in traces, such as `run_started`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run_started",
            Self::Claimed { .. } => "claimed",
            Self::Malformed { .. } => "malformed",
            Self::HeldBack { .. } => "held_back",
            Self::LeaseLost { .. } => "lease_lost",
            Self::Started { .. } => "started",
            Self::Ended { .. } => "ended",
            Self::RetryScheduled { .. } => "retry_scheduled",
            Self::Settled { .. } => "settled",
            Self::Abandoned { .. } => "abandoned",
            Self::BatchOpened { .. } => "batch_opened",
            Self::BatchClosed { .. } => "batch_closed",
            Self::GroupCancelled { .. } => "group_cancelled",
            Self::LimitChanged { .. } => "limit_changed",
            Self::SourceWaiting => "source_waiting",
            Self::SourceBlocked { .. } => "source_blocked",
            Self::SourceExhausted => "source_exhausted",
            Self::DrainStarted => "drain_started",
            Self::AbortStarted => "abort_started",
            Self::RunEnded => "run_ended",
        }
    }

    /// Returns whether a reader who steps through a run stops at this event: a failure, a retry, a
    /// task that ends other than done, or a change in how the run goes on.
    pub fn is_notable(&self) -> bool {
        match self {
            Self::Claimed { .. }
            | Self::HeldBack { .. }
            | Self::Started { .. }
            | Self::BatchOpened { .. }
            | Self::SourceWaiting
            | Self::SourceBlocked { .. } => false,
            Self::Ended { outcome, .. } => *outcome != Outcome::Succeeded,
            Self::Settled { disposition, .. } => !matches!(disposition, Disposition::Done | Disposition::Retried),
            _ => true,
        }
    }

    /// Returns the task that the event is about.
    pub fn task(&self) -> Option<TaskId> {
        match *self {
            Self::Claimed { task, .. }
            | Self::HeldBack { task, .. }
            | Self::LeaseLost { task, .. }
            | Self::Started { task, .. }
            | Self::Ended { task, .. }
            | Self::RetryScheduled { task, .. }
            | Self::Settled { task, .. }
            | Self::Abandoned { task, .. } => Some(task),
            Self::GroupCancelled { cause } => Some(cause),
            _ => None,
        }
    }

    /// Returns the text of the event, if it has one.
    pub fn text(&self) -> Option<&S> {
        match self {
            Self::Malformed { reason } => Some(reason),
            Self::Ended { reason, .. } => reason.as_ref(),
            _ => None,
        }
    }

    /// Returns the same event with another text.
    #[inline]
    fn map_text<'s, T>(&'s self, text: impl FnOnce(&'s S) -> T) -> EventKind<T> {
        match *self {
            Self::Malformed { ref reason } => EventKind::Malformed { reason: text(reason) },
            Self::Ended { task, attempt, permit, worker, outcome, ref reason } => {
                let reason = reason.as_ref().map(text);
                EventKind::Ended { task, attempt, permit, worker, outcome, reason }
            }
            Self::RunStarted { pattern, limit, workers, queue_capacity } => {
                EventKind::RunStarted { pattern, limit, workers, queue_capacity }
            }
            Self::Claimed { task, attempt } => EventKind::Claimed { task, attempt },
            Self::HeldBack { task, attempt, per_key, held_back } => {
                EventKind::HeldBack { task, attempt, per_key, held_back }
            }
            Self::LeaseLost { task, attempt } => EventKind::LeaseLost { task, attempt },
            Self::Started { task, attempt, permit, worker } => EventKind::Started { task, attempt, permit, worker },
            Self::RetryScheduled { task, attempt, after } => EventKind::RetryScheduled { task, attempt, after },
            Self::Settled { task, attempt, outcome, disposition } => {
                EventKind::Settled { task, attempt, outcome, disposition }
            }
            Self::Abandoned { task, attempt, outcome, permit } => {
                EventKind::Abandoned { task, attempt, outcome, permit }
            }
            Self::BatchOpened { batch, size } => EventKind::BatchOpened { batch, size },
            Self::BatchClosed { batch } => EventKind::BatchClosed { batch },
            Self::GroupCancelled { cause } => EventKind::GroupCancelled { cause },
            Self::LimitChanged { limit, workers, queue_capacity } => {
                EventKind::LimitChanged { limit, workers, queue_capacity }
            }
            Self::SourceWaiting => EventKind::SourceWaiting,
            Self::SourceBlocked { by } => EventKind::SourceBlocked { by },
            Self::SourceExhausted => EventKind::SourceExhausted,
            Self::DrainStarted => EventKind::DrainStarted,
            Self::AbortStarted => EventKind::AbortStarted,
            Self::RunEnded => EventKind::RunEnded,
        }
    }
}

/// Durations as whole nanoseconds.
#[cfg(feature = "serde")]
mod nanos {
    use core::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owned_event_fits_a_cache_line() {
        assert!(size_of::<OwnedEvent>() <= 64, "{} bytes", size_of::<OwnedEvent>());
    }
}
