//! The four patterns, when to choose which, and the rules in which they differ.

use core::{fmt, str::FromStr};

/// One of four ways to keep at most `limit` tasks in flight.
///
/// | | [`TaskSet`](Self::TaskSet) | [`SemaphoreBatch`](Self::SemaphoreBatch) | [`WorkerPool`](Self::WorkerPool) | [`TaskGroup`](Self::TaskGroup) |
/// |---|---|---|---|---|
/// | in asyncio | `create_task`, prune, `gather` | `Semaphore` and `gather` in batches | `Queue`, workers, `join` | `TaskGroup` and `Semaphore` |
/// | the limit is | the size of the set | permits | permits, shared by the workers | a permit taken before the spawn |
/// | claims | as many as there is room | a batch, then waits for all of it | as many as its queue has places | as many as there are permits |
/// | claimed, not started | 0 | the batch | the queue's capacity | 0 |
/// | a slow task holds up | no other | its batch | one worker | no other |
/// | a task fails for good | counted | counted | counted | siblings cancelled, the run ends |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Pattern {
    /// A set of running tasks that is topped up as they end.
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
    /// All four patterns, in the order in which they are always shown.
    pub const ALL: [Self; 4] = [Self::TaskSet, Self::SemaphoreBatch, Self::WorkerPool, Self::TaskGroup];

    /// Returns the short name: `set`, `batch`, `pool` or `group`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TaskSet => "set",
            Self::SemaphoreBatch => "batch",
            Self::WorkerPool => "pool",
            Self::TaskGroup => "group",
        }
    }

    /// Returns a sentence about when to choose the pattern.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::TaskSet => "a simple script: the least machinery, and the next task starts as soon as one ends",
            Self::SemaphoreBatch => {
                "results in order, batch by batch, and for learning: easy to reason about, but a slow task holds up its batch"
            }
            Self::WorkerPool => {
                "a production service: a bounded queue, steady workers, and the failure of one task does not touch the others"
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

/// The error of a text that is not the name of a pattern.
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

/// The rules in which the four patterns differ. Everything else about a run is the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// How much may be claimed at a time, and so whether a claimed task may have to wait for its start.
    pub(crate) claims: ClaimRule,
    /// Whether permits belong to numbered workers, of which there may be fewer than the limit.
    pub(crate) has_workers: bool,
    /// Whether the first final failure cancels the other tasks and ends the run.
    pub(crate) fails_together: bool,
}

/// How much a run may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimRule {
    /// What can start at once: each task has its permit before it is claimed.
    FreePermits,
    /// A whole batch, once every task of the batch before it has ended.
    WholeBatch,
    /// What fits into the queue.
    FreePlaces,
}

impl Pattern {
    /// Returns the rules of this pattern: what makes the four different.
    pub(crate) const fn rules(self) -> Rules {
        match self {
            Self::TaskSet => Rules { claims: ClaimRule::FreePermits, has_workers: false, fails_together: false },
            Self::SemaphoreBatch => Rules { claims: ClaimRule::WholeBatch, has_workers: false, fails_together: false },
            Self::WorkerPool => Rules { claims: ClaimRule::FreePlaces, has_workers: true, fails_together: false },
            Self::TaskGroup => Rules { claims: ClaimRule::FreePermits, has_workers: false, fails_together: true },
        }
    }
}

impl Rules {
    /// Picks the bounds that this pattern has from those that a configuration gives for all of them.
    pub(crate) fn bounds(self, limit: usize, workers: usize, queue_capacity: usize, batch_size: usize) -> Bounds {
        Bounds {
            limit,
            workers: self.has_workers.then_some(workers),
            queue_capacity: match self.claims {
                ClaimRule::FreePermits => None,
                ClaimRule::WholeBatch => Some(batch_size),
                ClaimRule::FreePlaces => Some(queue_capacity),
            },
        }
    }

    /// Returns the number of the worker whose permit this is: workers and permits have the same numbers.
    #[inline]
    pub(crate) fn worker(self, permit: usize) -> Option<usize> {
        self.has_workers.then_some(permit)
    }

    /// Returns the number of tasks that may be claimed beside those in flight and queued.
    pub(crate) fn room(self, bounds: &Bounds, in_flight: usize, queued: usize, is_batch_open: bool) -> usize {
        let capacity = bounds.queue_capacity.unwrap_or(0);
        match self.claims {
            ClaimRule::FreePermits => bounds.limit.saturating_sub(in_flight + queued),
            ClaimRule::WholeBatch if is_batch_open => 0,
            ClaimRule::WholeBatch => capacity,
            ClaimRule::FreePlaces => capacity.saturating_sub(queued),
        }
    }

    /// Whether a claimed task may have to wait for its start.
    #[inline]
    pub(crate) fn may_wait(self) -> bool {
        self.claims != ClaimRule::FreePermits
    }

    /// Whether what one claim brings is a batch.
    #[inline]
    pub(crate) fn is_batched(self) -> bool {
        self.claims == ClaimRule::WholeBatch
    }
}

/// The numbers that bound a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The maximum number of tasks in flight.
    pub(crate) limit: usize,
    /// The number of workers, where there are any.
    pub(crate) workers: Option<usize>,
    /// The maximum number of claimed tasks that wait for a permit: a pool's queue, a batch. `None` where what is claimed
    /// starts at once.
    pub(crate) queue_capacity: Option<usize>,
}

impl Bounds {
    /// Returns the number of permits: the limit, or the number of workers where that is smaller.
    pub(crate) fn permits(&self) -> usize {
        self.workers.map_or(self.limit, |workers| workers.min(self.limit))
    }
}
