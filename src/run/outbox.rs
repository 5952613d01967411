//! Settlements in waiting.

use alloc::vec::Vec;

use crate::{
    event::Outcome,
    source::{Delivery, Settlement, Verdict},
};

/// Settlements, and how each attempt had gone (`None`: it was never started). Two lists side by side, so that the one can be
/// lent to the source as it is.
pub(super) struct Outbox<P, R> {
    pub(super) settlements: Vec<Settlement<P, R>>,
    outcomes: Vec<Option<Outcome>>,
}

impl<P, R> Outbox<P, R> {
    pub(super) const fn new() -> Self {
        Self { settlements: Vec::new(), outcomes: Vec::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, delivery: Delivery<P, R>, verdict: Verdict, outcome: Option<Outcome>) {
        self.settlements.push(Settlement::new(delivery, verdict));
        self.outcomes.push(outcome);
    }

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
