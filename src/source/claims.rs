//! The deliveries of a claim.

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::fmt;

use super::Delivery;

/// The answer of a source to a claim: whether further tasks may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimStatus {
    /// The source may have more tasks.
    Open,
    /// No further task will come.
    Exhausted,
}

/// The buffer into which a source pushes the deliveries of a claim.
pub struct Claims<P, R> {
    pub(crate) deliveries: VecDeque<Delivery<P, R>>,
    pub(crate) malformed: Vec<String>,
    pub(crate) startable: usize,
}

impl<P, R> Claims<P, R> {
    /// Makes an empty buffer, which can serve one claim after another.
    pub const fn new() -> Self {
        Self { deliveries: VecDeque::new(), malformed: Vec::new(), startable: usize::MAX }
    }

    /// Adds a delivery, which belongs to the run from now on.
    pub fn push(&mut self, delivery: Delivery<P, R>) {
        self.deliveries.push_back(delivery);
    }

    /// Adds an entry that was not a task. The source has kept its raw bytes among the dead letters
    /// by then; the reason names the place of the entry (a line, a key) and what is wrong with it.
    pub fn malformed(&mut self, reason: impl Into<String>) {
        self.malformed.push(reason.into());
    }

    /// Returns the number of deliveries that the run can start at once. Further deliveries wait in the
    /// queue of the run. Default: `usize::MAX`.
    pub fn startable(&self) -> usize {
        self.startable
    }

    /// Sets the number of deliveries that the run can start at once. A run sets it before each claim.
    pub fn set_startable(&mut self, startable: usize) {
        self.startable = startable;
    }

    /// Returns the number of deliveries in the buffer.
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Returns whether there is no delivery in the buffer.
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// Takes the deliveries out, in the order in which they were pushed.
    pub fn drain(&mut self) -> impl Iterator<Item = Delivery<P, R>> + '_ {
        self.deliveries.drain(..)
    }

    /// Takes the reasons of the malformed entries out, in the order in which they were added.
    pub fn take_malformed(&mut self) -> Vec<String> {
        core::mem::take(&mut self.malformed)
    }
}

impl<P, R> Default for Claims<P, R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P, R> fmt::Debug for Claims<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("deliveries", &self.deliveries.len())
            .field("malformed", &self.malformed)
            .finish()
    }
}
