//! Deliveries that have ended and are not settled yet.

use alloc::vec::Vec;

use crate::{
    event::Outcome,
    source::{Delivery, Settlement, Verdict},
};

/// Settlements, each with the outcome of its attempt (`None`: it was never started). They are two lists side by side, so
/// that the one can be lent to the source as it is.
pub(super) struct Pending<P, R> {
    pub(super) settlements: Vec<Settlement<P, R>>,
    outcomes: Vec<Option<Outcome>>,
}

impl<P, R> Pending<P, R> {
    /// Makes room for this many settlements.
    pub(super) fn reserve(&mut self, settlements: usize) {
        self.settlements.reserve_exact(settlements);
        self.outcomes.reserve_exact(settlements);
    }

    #[inline]
    pub(super) fn push(&mut self, delivery: Delivery<P, R>, verdict: Verdict, outcome: Option<Outcome>) {
        self.settlements.push(Settlement::new(delivery, verdict));
        self.outcomes.push(outcome);
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.settlements.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.settlements.is_empty()
    }

    pub(super) fn drain(&mut self) -> impl DoubleEndedIterator<Item = (Settlement<P, R>, Option<Outcome>)> {
        self.settlements.drain(..).zip(self.outcomes.drain(..))
    }
}

impl<P, R> Default for Pending<P, R> {
    fn default() -> Self {
        Self { settlements: Vec::new(), outcomes: Vec::new() }
    }
}
