//! The counters of a run.

use crate::event::{Disposition, EventKind, Outcome};

/// The counts of a run: attempts, tasks, and how many are queued or in flight.
///
/// `succeeded`, `failed`, `timed_out`, `panicked`, `cancelled` and `lease_lost` count attempts that
/// have ended, and add up to [`attempts`](Self::attempts); `done`, `dead`, `released` and
/// `malformed` count tasks that have ended, and add up to [`tasks`](Self::tasks).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Counters {
    /// Deliveries that were claimed; each attempt at a task is a delivery of its own.
    pub claimed: u64,
    /// Attempts whose handler returned `Ok`, and whose success the source accepted.
    pub succeeded: u64,
    /// Attempts whose handler returned `Err`.
    pub failed: u64,
    /// Attempts that took longer than the timeout.
    pub timed_out: u64,
    /// Attempts whose handler panicked.
    pub panicked: u64,
    /// Attempts that were dropped before their end, or gave up because their task was cancelled.
    pub cancelled: u64,
    /// Attempts whose verdict came too late: the lease had ended.
    pub lease_lost: u64,
    /// Attempts that failed and were followed by a retry.
    pub retried: u64,
    /// Tasks that are done.
    pub done: u64,
    /// Tasks that will not be tried again.
    pub dead: u64,
    /// Tasks that were given back to the source; their attempts do not count.
    pub released: u64,
    /// Entries of the source that were not tasks.
    pub malformed: u64,
    /// Deliveries that were left to their lease, and tasks that were forgotten while they ran.
    pub abandoned: u64,
    /// Tasks that are claimed and wait for a permit.
    pub queued: u64,
    /// The maximum of [`queued`](Self::queued) so far.
    pub peak_queued: u64,
    /// Attempts whose handler is running.
    pub in_flight: u64,
    /// The maximum of [`in_flight`](Self::in_flight) so far.
    pub peak_in_flight: u64,
    /// Batches that were opened.
    pub batches: u64,
}

impl Counters {
    /// Returns the number of attempts that have ended.
    pub fn attempts(&self) -> u64 {
        self.succeeded + self.failed + self.timed_out + self.panicked + self.cancelled + self.lease_lost
    }

    /// Returns the number of tasks that have ended.
    pub fn tasks(&self) -> u64 {
        self.done + self.dead + self.released + self.malformed
    }

    /// Applies an event to the counters.
    #[inline]
    pub fn apply(&mut self, event: &EventKind<&str>) {
        match event {
            EventKind::Claimed { .. } => {
                self.claimed += 1;
                self.queued += 1;
                self.peak_queued = self.peak_queued.max(self.queued);
            }
            EventKind::Malformed { .. } => self.malformed += 1,
            EventKind::Started { .. } => {
                self.queued = self.queued.saturating_sub(1);
                self.in_flight += 1;
                self.peak_in_flight = self.peak_in_flight.max(self.in_flight);
            }
            EventKind::Ended { outcome, .. } => {
                self.in_flight = self.in_flight.saturating_sub(1);
                *self.outcome(*outcome) += 1;
            }
            EventKind::Settled { outcome, disposition, .. } => {
                if outcome.is_none() {
                    self.queued = self.queued.saturating_sub(1);
                }
                self.settled(*outcome, *disposition);
            }
            EventKind::Abandoned { outcome, permit, .. } => {
                if permit.is_some() {
                    self.in_flight = self.in_flight.saturating_sub(1);
                    if let Some(outcome) = *outcome {
                        *self.outcome(outcome) += 1;
                    }
                } else if outcome.is_none() {
                    self.queued = self.queued.saturating_sub(1);
                }
                self.abandoned += 1;
            }
            EventKind::BatchOpened { .. } => self.batches += 1,
            _ => {}
        }
    }

    #[inline]
    fn settled(&mut self, outcome: Option<Outcome>, disposition: Disposition) {
        match disposition {
            Disposition::Done => self.done += 1,
            Disposition::Retried => self.retried += 1,
            Disposition::Dead => self.dead += 1,
            Disposition::Released => self.released += 1,
            Disposition::LeaseLost => {
                // Whatever the handler came to, it came too late: the attempt is counted once, as
                // lost.
                if let Some(outcome) = outcome {
                    let counted = self.outcome(outcome);
                    *counted = counted.saturating_sub(1);
                    self.lease_lost += 1;
                }
            }
        }
    }

    #[inline]
    fn outcome(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Succeeded => &mut self.succeeded,
            Outcome::Failed => &mut self.failed,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::Panicked => &mut self.panicked,
            Outcome::Cancelled => &mut self.cancelled,
        }
    }
}
