//! What a state shows of single tasks, of the source, and of the phase of a run.

use alloc::string::String;
use core::time::Duration;

use crate::{
    clock::Time,
    event::{BlockedOn, Outcome},
    task::{Attempt, TaskId},
};

/// The phase of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RunPhase {
    /// The run has not started.
    #[default]
    Waiting,
    /// The run claims and runs tasks.
    Running,
    /// The run claims no more and finishes the running tasks.
    Draining,
    /// The run gives its tasks back to the source.
    Aborting,
    /// The run has ended.
    Ended,
}

/// The state of the source of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SourceState {
    /// The source hands out tasks when the run claims.
    #[default]
    Open,
    /// The run has claimed, and the source has no task at the moment.
    Waiting,
    /// The source may have more tasks, and the run does not claim them: back-pressure.
    Blocked {
        /// The reason why the run does not claim.
        by: BlockedOn,
    },
    /// The source has no more tasks.
    Exhausted,
}

/// A batch that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OpenBatch {
    /// The number of the batch, counted from 0.
    pub number: u64,
    /// The number of tasks in the batch.
    pub size: usize,
    /// The number of its attempts that have ended.
    pub ended: usize,
}

/// The state of a task that the run holds, that waits for its next attempt, or that was abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TaskState {
    /// The present attempt, or the one that failed last.
    pub attempt: Attempt,
    /// The time at which its first attempt in this run was claimed.
    pub first_claimed_at: Time,
    /// The time at which the present attempt was claimed.
    pub claimed_at: Time,
    /// The number of the batch that the present attempt belongs to, if there are batches.
    pub batch: Option<u64>,
    /// The phase of the task.
    pub phase: TaskPhase,
}

/// The phase of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TaskPhase {
    /// The task is claimed and waits for a permit.
    Queued,
    /// The task is claimed and waits until fewer tasks with its key are in flight.
    HeldBack {
        /// The time at which this phase began.
        since: Time,
    },
    /// The handler of the task is running.
    Running {
        /// The time at which this phase began.
        since: Time,
        /// The number of the permit that it holds.
        permit: usize,
        /// The number of the pool's worker that runs it; `None` for other patterns.
        worker: Option<usize>,
    },
    /// The handler of the task has ended, and the source has yet to accept the verdict.
    Ended {
        /// The time at which this phase began.
        since: Time,
        /// The outcome of the attempt.
        outcome: Outcome,
        /// The pause before the next attempt, counted from the settlement; `None` when none is
        /// scheduled.
        retry_after: Option<Duration>,
    },
    /// The task is back at its source and waits for its next attempt.
    Waiting {
        /// The time at which this phase began.
        since: Time,
        /// The earliest time of the next attempt.
        due: Time,
    },
    /// The task was left behind, and no event about it follows.
    Abandoned {
        /// The time at which this phase began.
        since: Time,
        /// The permit that is lost with it: see
        /// [`EventKind::Abandoned`](crate::event::EventKind::Abandoned).
        permit: Option<usize>,
        /// The outcome of its attempt, if that is known.
        outcome: Option<Outcome>,
    },
}

impl TaskState {
    /// Returns whether the task waits for its next attempt.
    pub fn is_waiting(&self) -> bool {
        matches!(self.phase, TaskPhase::Waiting { .. })
    }

    /// Returns whether the task was left behind.
    pub fn is_abandoned(&self) -> bool {
        matches!(self.phase, TaskPhase::Abandoned { .. })
    }
}

/// A failed attempt, kept for display.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RecentFailure {
    /// The time of the failure.
    pub at: Time,
    /// The task that failed.
    pub task: TaskId,
    /// The attempt that failed.
    pub attempt: Attempt,
    /// The outcome of the attempt: a failure, a timeout or a panic.
    pub outcome: Outcome,
    /// The reason of the failure.
    pub reason: String,
}
