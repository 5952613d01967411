//! What a state shows of single tasks, and of where a run is.

use alloc::string::String;
use core::time::Duration;

use crate::{
    clock::Time,
    event::{BlockedOn, Outcome},
    task::{Attempt, TaskId},
};

/// Where a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RunPhase {
    /// It has not begun.
    #[default]
    Waiting,
    /// It claims and runs tasks.
    Running,
    /// It finishes what has started.
    Draining,
    /// It gives back what was running.
    Aborting,
    /// It is over.
    Ended,
}

/// How it is with the source of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SourceState {
    /// It gives tasks when it is asked.
    #[default]
    Open,
    /// It was asked and has nothing at the moment.
    Waiting,
    /// It may have more, and is not asked but for as much as there is room: back-pressure.
    Blocked {
        /// What holds it up.
        by: BlockedOn,
    },
    /// It has nothing more.
    Exhausted,
}

/// The batch that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct OpenBatch {
    /// Counts up from 0.
    pub number: u64,
    /// How many tasks are in it.
    pub size: usize,
    /// How many of its attempts have ended.
    pub ended: usize,
}

/// A task that the run holds, that waits for its next attempt, or that was abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TaskState {
    /// The present attempt, or the one that failed last.
    pub attempt: Attempt,
    /// When its first attempt in this run was claimed.
    pub first_claimed_at: Time,
    /// When the present attempt was claimed.
    pub claimed_at: Time,
    /// The batch with which the present attempt was claimed.
    pub batch: Option<u64>,
    /// Where it is.
    pub phase: TaskPhase,
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TaskPhase {
    /// Claimed; it waits for a permit.
    Queued,
    /// Its handler runs.
    Running {
        /// Since when.
        since: Time,
        /// With which permit.
        permit: usize,
        /// In the hands of which worker of a pool.
        worker: Option<usize>,
    },
    /// Its handler has ended; the source is yet to be told.
    Ended {
        /// Since when.
        since: Time,
        /// How it ended.
        outcome: Outcome,
        /// It will be tried again so long after its settlement.
        retry_after: Option<Duration>,
    },
    /// With its source again, for another attempt.
    Waiting {
        /// Since when.
        since: Time,
        /// Not before this time.
        due: Time,
    },
    /// Left: nobody will say more of it.
    Abandoned {
        /// Since when.
        since: Time,
        /// The permit that it took along: see [`EventKind::Abandoned`](crate::event::EventKind::Abandoned).
        permit: Option<usize>,
        /// How its attempt had gone, if that is known.
        outcome: Option<Outcome>,
    },
}

impl TaskState {
    /// Whether it is with its source again, for another attempt.
    pub fn is_waiting(&self) -> bool {
        matches!(self.phase, TaskPhase::Waiting { .. })
    }

    /// Whether it was left, and nobody will say more of it.
    pub fn is_abandoned(&self) -> bool {
        matches!(self.phase, TaskPhase::Abandoned { .. })
    }
}

/// A failed attempt, for display.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RecentFailure {
    /// When.
    pub at: Time,
    /// The task.
    pub task: TaskId,
    /// Its attempt.
    pub attempt: Attempt,
    /// How it failed.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}
