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

/// Counts one more. Counters may come from anywhere, so that they end at the end of their range.
#[inline]
fn up(count: &mut u64) {
    *count = count.saturating_add(1);
}

fn sum<const N: usize>(counts: [u64; N]) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

impl Counters {
    /// Returns the number of attempts that have ended.
    pub fn attempts(&self) -> u64 {
        let Self { succeeded, failed, timed_out, panicked, cancelled, lease_lost, .. } = *self;
        sum([succeeded, failed, timed_out, panicked, cancelled, lease_lost])
    }

    /// Returns the number of tasks that have ended.
    pub fn tasks(&self) -> u64 {
        sum([self.done, self.dead, self.released, self.malformed])
    }

    /// Applies an event to the counters.
    #[inline]
    pub fn apply(&mut self, event: &EventKind<&str>) {
        match event {
            EventKind::Claimed { .. } => {
                up(&mut self.claimed);
                up(&mut self.queued);
                self.peak_queued = self.peak_queued.max(self.queued);
            }
            EventKind::Malformed { .. } => up(&mut self.malformed),
            EventKind::Started { .. } => {
                self.queued = self.queued.saturating_sub(1);
                up(&mut self.in_flight);
                self.peak_in_flight = self.peak_in_flight.max(self.in_flight);
            }
            EventKind::Ended { outcome, .. } => {
                self.in_flight = self.in_flight.saturating_sub(1);
                up(self.outcome(*outcome));
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
                        up(self.outcome(outcome));
                    }
                } else if outcome.is_none() {
                    self.queued = self.queued.saturating_sub(1);
                }
                up(&mut self.abandoned);
            }
            EventKind::BatchOpened { .. } => up(&mut self.batches),
            _ => {}
        }
    }

    #[inline]
    fn settled(&mut self, outcome: Option<Outcome>, disposition: Disposition) {
        match disposition {
            Disposition::Done => up(&mut self.done),
            Disposition::Retried => up(&mut self.retried),
            Disposition::Dead => up(&mut self.dead),
            Disposition::Released => up(&mut self.released),
            Disposition::LeaseLost => {
                // Whatever the handler came to, it came too late: the attempt is counted once, as
                // lost.
                if let Some(outcome) = outcome {
                    let counted = self.outcome(outcome);
                    *counted = counted.saturating_sub(1);
                    up(&mut self.lease_lost);
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
