//! What a claim brought in.

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::fmt;

use super::Delivery;

/// What a source says when a claim returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimStatus {
    /// There may be more.
    Open,
    /// Nothing more will come.
    Exhausted,
}

/// Where a source puts the deliveries of a claim.
pub struct Claims<P, R> {
    pub(crate) deliveries: VecDeque<Delivery<P, R>>,
    pub(crate) malformed: Vec<String>,
    pub(crate) startable: usize,
}

impl<P, R> Claims<P, R> {
    /// Room for the deliveries of one claim after another.
    pub const fn new() -> Self {
        Self { deliveries: VecDeque::new(), malformed: Vec::new(), startable: usize::MAX }
    }

    /// Adds a delivery. It is held by the run from now on.
    pub fn push(&mut self, delivery: Delivery<P, R>) {
        self.deliveries.push_back(delivery);
    }

    /// Counts an entry that was no task at all. The source has already put its raw bytes among the dead letters; the
    /// reason names where it was (a line, a key) and what is wrong with it.
    pub fn malformed(&mut self, reason: impl Into<String>) {
        self.malformed.push(reason.into());
    }

    /// The number of deliveries that the run can begin at once; those beyond it wait in the run's queue.
    /// `usize::MAX` where no run has said otherwise.
    pub fn startable(&self) -> usize {
        self.startable
    }

    /// Says how many deliveries the run can begin at once, before it claims.
    pub fn set_startable(&mut self, startable: usize) {
        self.startable = startable;
    }

    /// How many deliveries are in it.
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    /// Takes the deliveries out, in the order they were pushed.
    pub fn drain(&mut self) -> impl Iterator<Item = Delivery<P, R>> + '_ {
        self.deliveries.drain(..)
    }

    /// Takes the reasons of the malformed entries out, in the order they came.
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
