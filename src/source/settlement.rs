//! Verdicts on deliveries, on their way to the source.

use alloc::string::String;
use core::{fmt, time::Duration};

use super::Delivery;
use crate::task::{Attempt, TaskId};

/// The decision about a task at the end of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The task is done, and the source forgets it.
    Done,
    /// The task is to be delivered again as its next attempt, after a pause.
    Retry {
        /// The pause before the next attempt.
        after: Duration,
        /// The reason why this attempt failed.
        reason: String,
    },
    /// The task will not be tried again, and the source keeps it among its dead letters.
    Dead {
        /// The reason why the task is dead.
        reason: String,
    },
    /// The task is given back as if it had never been claimed; the attempt is not counted.
    Release,
}

/// A delivery with its verdict, on its way to the source.
pub struct Settlement<P, R> {
    delivery: Option<Delivery<P, R>>,
    task: TaskId,
    attempt: Attempt,
    verdict: Verdict,
    lost: bool,
}

impl<P, R> Settlement<P, R> {
    /// Makes a settlement of a delivery with a verdict.
    pub fn new(delivery: Delivery<P, R>, verdict: Verdict) -> Self {
        let (task, attempt) = (delivery.task.id, delivery.task.attempt);
        Self { delivery: Some(delivery), task, attempt, verdict, lost: false }
    }

    /// Returns the id of the task.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// Returns the attempt that ends.
    pub fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// Returns the verdict on the delivery.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Returns the delivery, unless it was taken out.
    pub fn delivery(&self) -> Option<&Delivery<P, R>> {
        self.delivery.as_ref()
    }

    /// Takes the delivery out. The source is responsible for it from now on.
    pub fn take(&mut self) -> Option<Delivery<P, R>> {
        self.delivery.take()
    }

    /// Marks the delivery as lost: its lease ended before the verdict, and another process may have
    /// the task.
    pub fn mark_lease_lost(&mut self) {
        self.lost = true;
    }

    /// Returns whether the lease of the delivery was lost.
    pub fn is_lease_lost(&self) -> bool {
        self.lost
    }
}

impl<P, R> fmt::Debug for Settlement<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settlement")
            .field("task", &self.task)
            .field("attempt", &self.attempt)
            .field("verdict", &self.verdict)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
