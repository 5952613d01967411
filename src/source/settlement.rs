//! How a delivery ends.

use alloc::string::String;
use core::{fmt, time::Duration};

use super::Delivery;
use crate::task::{Attempt, TaskId};

/// What becomes of a delivered task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done; the source forgets it.
    Done,
    /// It is to be delivered again, with the next attempt, not before `after` has passed.
    Retry {
        /// How long it waits.
        after: Duration,
        /// Why this attempt failed.
        reason: String,
    },
    /// It will not be tried again; the source keeps it among its dead letters.
    Dead {
        /// Why.
        reason: String,
    },
    /// It is given back as if it had never been claimed: no attempt is counted.
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
    /// A delivery and how it ends.
    pub fn new(delivery: Delivery<P, R>, verdict: Verdict) -> Self {
        let (task, attempt) = (delivery.task.id, delivery.task.attempt);
        Self { delivery: Some(delivery), task, attempt, verdict, lost: false }
    }

    /// The task's id.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// The attempt that ends.
    pub fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// How it ends.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The delivery, unless it was taken out.
    pub fn delivery(&self) -> Option<&Delivery<P, R>> {
        self.delivery.as_ref()
    }

    /// Takes the delivery out: the source answers for it from now on.
    pub fn take(&mut self) -> Option<Delivery<P, R>> {
        self.delivery.take()
    }

    /// Says that the delivery was no longer this run's to settle: its lease ended and somebody else has it.
    pub fn mark_lease_lost(&mut self) {
        self.lost = true;
    }

    /// Whether the source refused it.
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
