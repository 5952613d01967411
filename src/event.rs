//! What happens in a run, as plain data.

mod record;

use core::time::Duration;

pub use self::record::Record;
use crate::{
    clock::Time,
    pattern::Pattern,
    task::{Attempt, TaskId},
};

/// One thing that happened. Everything that is shown of a run follows from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Counts up from 0 within the run, without gaps.
    pub sequence: u64,
    /// When, on the run's clock. Events of one poll share a time.
    pub at: Time,
    /// What.
    pub kind: EventKind<'a>,
}

/// How one attempt went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Outcome {
    /// The handler returned `Ok`.
    Succeeded,
    /// The handler returned `Err`.
    Failed,
    /// The handler took longer than the timeout and was dropped.
    TimedOut,
    /// The handler panicked.
    Panicked,
    /// The handler was dropped because the run was aborted or its group failed, or gave up because its task was cancelled.
    Cancelled,
}

impl Outcome {
    /// Its name, as it stands in traces and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the attempt came to nothing by itself: it failed, timed out or panicked.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Panicked)
    }
}

/// How a delivery ended, once its source has agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Disposition {
    /// The task is done.
    Done,
    /// The task will be tried again.
    Retried,
    /// The task will not be tried again.
    Dead,
    /// The task was given back, uncounted.
    Released,
    /// The lease had ended: somebody else has the task, and the verdict counts for nothing.
    LeaseLost,
}

impl Disposition {
    /// Its name, as it stands in traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Dead => "dead",
            Self::Released => "released",
            Self::LeaseLost => "lease_lost",
        }
    }
}

/// What keeps a run from claiming although its source may have more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum BlockedOn {
    /// Every permit is held, the queue is full, or the batch is still open.
    Room,
    /// The rate allows no further start yet.
    Rate,
    /// The source has yet to take the settlements that wait for it.
    Settling,
}

impl BlockedOn {
    /// Its name, as it stands in traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Rate => "rate",
            Self::Settling => "settling",
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// The run began.
    RunStarted {
        /// By which pattern.
        pattern: Pattern,
        /// How many tasks may be in flight.
        limit: usize,
        /// How many workers a pool has.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        workers: Option<usize>,
        /// How many tasks may be claimed and wait for a permit: a pool's queue, a batch. `None` where what is claimed starts
        /// at once.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        queue_capacity: Option<usize>,
    },
    /// A delivery came in from the source, and is the last in the queue. Those in front of it get their permits first.
    Claimed {
        /// Of this task.
        task: TaskId,
        /// Its attempt.
        attempt: Attempt,
    },
    /// Something came in that was no task.
    Malformed {
        /// Where it was and what is wrong with it.
        reason: &'a str,
    },
    /// The first in the queue got a permit, and its handler was called.
    Started {
        /// For this task.
        task: TaskId,
        /// This attempt at it.
        attempt: Attempt,
        /// Which permit it holds, counted from 0.
        permit: usize,
        /// Which worker of a pool is busy with it, counted from 0; those that are not are idle.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        worker: Option<usize>,
    },
    /// The handler ended, or was ended; its permit is free.
    Ended {
        /// For this task.
        task: TaskId,
        /// This attempt at it.
        attempt: Attempt,
        /// Which permit is free again.
        permit: usize,
        /// Which worker of a pool is idle again.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        worker: Option<usize>,
        /// How it went.
        outcome: Outcome,
        /// Why, unless it succeeded or was cancelled.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        reason: Option<&'a str>,
    },
    /// A failed task will be tried again.
    RetryScheduled {
        /// The task.
        task: TaskId,
        /// The attempt that failed.
        attempt: Attempt,
        /// How long it waits, from its settlement on.
        #[cfg_attr(feature = "serde", serde(rename = "after_ns", serialize_with = "serialize_nanos"))]
        after: Duration,
    },
    /// The source took the verdict.
    Settled {
        /// On this task.
        task: TaskId,
        /// At this attempt.
        attempt: Attempt,
        /// How the attempt had gone; `None` when it was never started.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        outcome: Option<Outcome>,
        /// What came of it.
        #[cfg_attr(feature = "serde", serde(rename = "ending"))]
        disposition: Disposition,
    },
    /// A delivery was left, and nobody will say more of it. A run leaves it to its lease when the source cannot be told; a program
    /// that keeps its tasks by hand may forget one that runs.
    Abandoned {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: Attempt,
        /// How the attempt had gone; `None` when it was never started, or when nobody knows.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        outcome: Option<Outcome>,
        /// The permit that it takes along: it was started, no [`Ended`](Self::Ended) is told of it, and the permit is not free
        /// again. This is a leak, which no run of this crate has.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        permit: Option<usize>,
    },
    /// A batch was claimed: the next so many that are claimed. The next batch waits for all of it.
    BatchOpened {
        /// Counts up from 0.
        batch: u64,
        /// How many tasks are in it.
        size: usize,
    },
    /// All of a batch has ended.
    BatchClosed {
        /// The batch.
        batch: u64,
    },
    /// A task of the group failed for good: its siblings are cancelled.
    GroupCancelled {
        /// The task that failed.
        cause: TaskId,
    },
    /// The limit, and what follows from it, is another one from now on. Nobody is interrupted: until enough have ended there
    /// may be more in flight, and more in the queue.
    LimitChanged {
        /// How many tasks may be in flight.
        limit: usize,
        /// How many workers a pool has.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        workers: Option<usize>,
        /// How many tasks may be claimed and wait for a permit.
        #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
        queue_capacity: Option<usize>,
    },
    /// There is room, and the source has nothing at the moment.
    SourceWaiting,
    /// The source may have more, and may not give it: back-pressure. Said when that begins or its reason changes; it lasts until
    /// the source waits or is exhausted, and opens for a moment for each claim.
    SourceBlocked {
        /// What holds it up.
        by: BlockedOn,
    },
    /// The source has nothing more.
    SourceExhausted,
    /// Nothing new is claimed any more; what has started is finished.
    DrainStarted,
    /// What runs is dropped and given back.
    AbortStarted,
    /// The run is over.
    RunEnded,
}

#[cfg(feature = "serde")]
impl Outcome {
    /// As it is written.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "timed_out" => Self::TimedOut,
            "panicked" => Self::Panicked,
            "cancelled" => Self::Cancelled,
            _ => return None,
        })
    }
}

#[cfg(feature = "serde")]
impl BlockedOn {
    /// As it is written.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "room" => Self::Room,
            "rate" => Self::Rate,
            "settling" => Self::Settling,
            _ => return None,
        })
    }
}

#[cfg(feature = "trace")]
impl Disposition {
    /// As it is written.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "done" => Self::Done,
            "retried" => Self::Retried,
            "dead" => Self::Dead,
            "released" => Self::Released,
            "lease_lost" => Self::LeaseLost,
            _ => return None,
        })
    }
}

impl EventKind<'_> {
    /// Whether somebody who goes through a run would stop here: a failure, a retry, a task that ends other than done, a change
    /// in how the run goes on. What is left is the steady flow of tasks.
    pub fn is_notable(&self) -> bool {
        match self {
            Self::Claimed { .. }
            | Self::Started { .. }
            | Self::BatchOpened { .. }
            | Self::SourceWaiting
            | Self::SourceBlocked { .. } => false,
            Self::Ended { outcome, .. } => *outcome != Outcome::Succeeded,
            Self::Settled { disposition, .. } => !matches!(disposition, Disposition::Done | Disposition::Retried),
            _ => true,
        }
    }

    /// The task that it is about.
    pub fn task(&self) -> Option<TaskId> {
        match *self {
            Self::Claimed { task, .. }
            | Self::Started { task, .. }
            | Self::Ended { task, .. }
            | Self::RetryScheduled { task, .. }
            | Self::Settled { task, .. }
            | Self::Abandoned { task, .. } => Some(task),
            Self::GroupCancelled { cause } => Some(cause),
            _ => None,
        }
    }
}

#[cfg(feature = "serde")]
fn serialize_nanos<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// Is told what happens in a run, as it happens.
///
/// ```
/// use core::convert::Infallible;
/// use fourfold::{MemorySource, Run, Task, event::{EventKind, observer_fn}};
/// use futures_lite::future::block_on;
///
/// let source = MemorySource::new((), 0..3_u8);
/// let mut started = Vec::new();
/// let observer = observer_fn(|event| {
///     if let EventKind::Started { task, .. } = event.kind {
///         started.push(task.0);
///     }
/// });
/// let run = Run::new(&source, async |_: &Task<u8>| Ok::<_, Infallible>(())).observer(observer);
/// block_on(run.into_future()).unwrap();
/// assert_eq!(started, [0, 1, 2]);
/// ```
pub trait Observer {
    /// Whether it looks at events at all. Where it does not, they are not even made.
    const ACTIVE: bool = true;

    /// An event happened.
    fn event(&mut self, event: &Event<'_>);
}

/// Looks at nothing and costs nothing.
impl Observer for () {
    const ACTIVE: bool = false;

    fn event(&mut self, _: &Event<'_>) {}
}

impl<O: Observer + ?Sized> Observer for &mut O {
    const ACTIVE: bool = O::ACTIVE;

    fn event(&mut self, event: &Event<'_>) {
        (**self).event(event);
    }
}

/// Both see every event, the first one first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    const ACTIVE: bool = A::ACTIVE || B::ACTIVE;

    fn event(&mut self, event: &Event<'_>) {
        self.0.event(event);
        self.1.event(event);
    }
}

/// The observer that calls `f` with every event.
pub fn observer_fn<F: FnMut(&Event<'_>)>(f: F) -> ObserverFn<F> {
    ObserverFn { f }
}

/// A closure that observes: see [`observer_fn`].
#[derive(Clone, Copy)]
pub struct ObserverFn<F> {
    f: F,
}

impl<F: FnMut(&Event<'_>)> Observer for ObserverFn<F> {
    fn event(&mut self, event: &Event<'_>) {
        (self.f)(event);
    }
}

impl<F> core::fmt::Debug for ObserverFn<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ObserverFn").finish_non_exhaustive()
    }
}
