//! How much of a turn is left.

use super::{Entered, POLLS_PER_TURN};

/// The number of polls of tasks that a turn may still make; executors that share a turn share one.
#[derive(Debug)]
pub struct Budget {
    left: usize,
    whole: usize,
}

impl Budget {
    /// Makes a budget of this number of polls a turn.
    pub const fn new(polls: usize) -> Self {
        Budget { left: polls, whole: polls }
    }

    /// Makes the budget whole again if a turn has begun. Keep a budget beside its executor and renew it at every entrance:
    /// a parent that comes back within the same turn goes on with what is left.
    ///
    /// ```
    /// use core::task::{Context, Waker};
    /// use fourfold::executor::{Budget, Executor};
    ///
    /// let executor = Executor::<core::future::Ready<()>>::new();
    /// let mut budget = Budget::new(1);
    /// budget.spend();
    /// let inside = executor.gate().enter(&Context::from_waker(Waker::noop()));
    /// budget.renew(&inside);
    /// assert!(!budget.is_spent());
    /// ```
    #[inline]
    pub fn renew(&mut self, inside: &Entered) {
        if inside.is_new_turn() {
            self.refill();
        }
    }

    #[inline]
    pub(crate) const fn refill(&mut self) {
        self.left = self.whole;
    }

    /// Says whether the budget is used up.
    #[inline]
    pub const fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Takes a poll off a budget that is not spent.
    #[inline]
    pub(super) const fn take(&mut self) {
        self.left -= 1;
    }

    /// Takes a poll that was made elsewhere, such as by [`Executor::start`](super::Executor::start), off the budget.
    #[inline]
    pub const fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}

impl Default for Budget {
    fn default() -> Self {
        Budget::new(POLLS_PER_TURN)
    }
}
