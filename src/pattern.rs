//! The four patterns: what they share, and which one to choose.

use core::{fmt, str::FromStr};

/// Which of the four ways to keep at most `limit` tasks in flight.
///
/// | | [`TaskSet`](Self::TaskSet) | [`SemaphoreBatch`](Self::SemaphoreBatch) | [`WorkerPool`](Self::WorkerPool) | [`TaskGroup`](Self::TaskGroup) |
/// |---|---|---|---|---|
/// | in asyncio | `create_task`, prune, `gather` | `Semaphore` and `gather` in batches | `Queue`, workers, `join` | `TaskGroup` and `Semaphore` |
/// | the limit is | the size of the set | permits | permits, shared by the workers | a permit taken before the spawn |
/// | claims | as many as there is room | a batch, then waits for all of it | as many as its queue has places | as many as there are permits |
/// | claimed, not started | 0 | the batch | the queue's capacity | 0 |
/// | a slow task holds up | nobody | its batch | one worker | nobody |
/// | a task fails for good | counted | counted | counted | siblings cancelled, the run ends |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Pattern {
    /// A set of running tasks, topped up as they end.
    #[cfg_attr(feature = "serde", serde(rename = "set"))]
    TaskSet,
    /// Batch after batch, each under a semaphore.
    #[cfg_attr(feature = "serde", serde(rename = "batch"))]
    SemaphoreBatch,
    /// Workers that take from a bounded queue.
    #[default]
    #[cfg_attr(feature = "serde", serde(rename = "pool"))]
    WorkerPool,
    /// Tasks that succeed or fail together.
    #[cfg_attr(feature = "serde", serde(rename = "group"))]
    TaskGroup,
}

impl Pattern {
    /// All four, in the order in which they are always shown.
    pub const ALL: [Self; 4] = [Self::TaskSet, Self::SemaphoreBatch, Self::WorkerPool, Self::TaskGroup];

    /// Its short name: `set`, `batch`, `pool`, `group`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TaskSet => "set",
            Self::SemaphoreBatch => "batch",
            Self::WorkerPool => "pool",
            Self::TaskGroup => "group",
        }
    }

    /// When to choose it, in a sentence.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::TaskSet => "a simple script: the least machinery, and the next task starts as soon as one ends",
            Self::SemaphoreBatch => {
                "results in order, batch by batch, and for learning: easy to reason about, but a slow task holds up its batch"
            }
            Self::WorkerPool => {
                "a production service: a bounded queue, steady workers, and one task's failure is nobody else's"
            }
            Self::TaskGroup => "modern structured code: all or nothing, the first final failure cancels the others",
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Not the name of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPattern;

impl fmt::Display for UnknownPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown pattern: expected set, batch, pool or group")
    }
}

impl core::error::Error for UnknownPattern {}

impl FromStr for Pattern {
    type Err = UnknownPattern;

    fn from_str(name: &str) -> Result<Self, UnknownPattern> {
        Self::ALL.into_iter().find(|pattern| pattern.name() == name).ok_or(UnknownPattern)
    }
}

/// What the rule of a pattern looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) limit: usize,
    pub(crate) in_flight: usize,
    pub(crate) queued: usize,
    pub(crate) queue_capacity: usize,
    pub(crate) batch_size: usize,
    pub(crate) batch_open: bool,
}

impl Pattern {
    /// How many tasks may be claimed now: what makes the four different.
    #[inline]
    pub(crate) fn room(self, view: &View) -> usize {
        match self {
            // A group's tasks each have their permit before they are claimed, a set's their place.
            Self::TaskSet | Self::TaskGroup => view.limit.saturating_sub(view.in_flight + view.queued),
            // A whole batch, once the one before has ended.
            Self::SemaphoreBatch if view.batch_open => 0,
            Self::SemaphoreBatch => view.batch_size,
            Self::WorkerPool => view.queue_capacity.saturating_sub(view.queued),
        }
    }

    /// Whether claimed tasks may have to wait for their start.
    pub(crate) const fn queues(self) -> bool {
        matches!(self, Self::SemaphoreBatch | Self::WorkerPool)
    }
}
