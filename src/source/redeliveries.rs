//! What a source in this process knows of tasks that were claimed: how many are out, and which came back.

use alloc::{
    collections::{BinaryHeap, VecDeque},
    vec::Vec,
};
use core::{
    cell::{Cell, RefCell},
    cmp::Ordering,
    task::Context,
};

use super::{Claims, Delivery, Settlement, Verdict};
use crate::{
    clock::{Clock, Time},
    sync::MultiWakerRegistration,
    task::{Task, TaskId},
};

/// Deliveries that are out, and tasks that are to be delivered again, before anything new.
pub(super) struct Redeliveries<P> {
    returned: RefCell<VecDeque<Task<P>>>,
    /// The next one due is on top.
    delayed: RefCell<BinaryHeap<Delayed<P>>>,
    held: Cell<usize>,
    changed: MultiWakerRegistration,
}

/// A task with the time from which on it may be delivered. The earliest is the greatest; the id keeps apart what is due at the
/// same time, in an order that no scheduling can change.
struct Delayed<P> {
    due: Time,
    task: Task<P>,
}

impl<P> Delayed<P> {
    fn key(&self) -> (Time, TaskId) {
        (self.due, self.task.id)
    }
}

impl<P> Ord for Delayed<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<P> PartialOrd for Delayed<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> PartialEq for Delayed<P> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<P> Eq for Delayed<P> {}

impl<P> Redeliveries<P> {
    pub(super) fn new() -> Self {
        Self {
            returned: RefCell::default(),
            delayed: RefCell::default(),
            held: Cell::new(0),
            changed: MultiWakerRegistration::default(),
        }
    }

    /// How many deliveries are claimed and not settled.
    pub(super) fn held(&self) -> usize {
        self.held.get()
    }

    /// How many tasks wait for the time of their next attempt.
    pub(super) fn delayed(&self) -> usize {
        self.delayed.borrow().len()
    }

    /// How many tasks wait for nothing but a claim.
    pub(super) fn returned(&self) -> usize {
        self.returned.borrow().len()
    }

    /// Nothing is out, and nothing is to be delivered again.
    pub(super) fn is_clear(&self) -> bool {
        self.held.get() == 0 && self.returned.borrow().is_empty() && self.delayed.borrow().is_empty()
    }

    /// Until the next task is due.
    pub(super) fn next_due<C: Clock>(&self, clock: &C) -> Option<core::time::Duration> {
        let due = self.delayed.borrow().peek()?.due;
        Some(due.since(clock.now()))
    }

    /// Hands out what came back, at most `max`. Who claims adds what is new and says with [`hold`](Self::hold) how much it was in all.
    pub(super) fn hand_out<C: Clock>(&self, clock: &C, max: usize, claims: &mut Claims<P, ()>) {
        let mut delayed = self.delayed.borrow_mut();
        let mut returned = self.returned.borrow_mut();
        if !delayed.is_empty() {
            let now = clock.now();
            while delayed.peek().is_some_and(|next| next.due <= now) {
                returned.extend(delayed.pop().map(|next| next.task));
            }
        }
        let count = returned.len().min(max);
        returned.drain(..count).for_each(|task| claims.push(Delivery { task, receipt: () }));
    }

    /// So many more deliveries are out.
    pub(super) fn hold(&self, count: usize) {
        self.held.set(self.held.get() + count);
    }

    /// A new task that nobody has claimed yet.
    pub(super) fn arrive(&self, task: Task<P>) {
        self.returned.borrow_mut().push_back(task);
    }

    /// Takes tasks back as they were, uncounted.
    pub(super) fn give_back(&self, task: Task<P>) {
        self.returned.borrow_mut().push_front(task);
        self.end_hold();
        self.changed.notify();
    }

    /// Ends deliveries. `bury` keeps the task of a settlement that says dead, and takes it out.
    pub(super) fn settle<C: Clock, E>(
        &self,
        clock: &C,
        settlements: &mut [Settlement<P, ()>],
        mut bury: impl FnMut(&mut Settlement<P, ()>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut is_released = false;
        for settlement in settlements.iter_mut() {
            match settlement.verdict() {
                Verdict::Done => drop(settlement.take()),
                Verdict::Dead { .. } => bury(settlement)?,
                &Verdict::Retry { after, .. } => {
                    let Some(Delivery { mut task, .. }) = settlement.take() else { continue };
                    task.attempt = task.attempt.next();
                    self.delayed.borrow_mut().push(Delayed { due: clock.now() + after, task });
                }
                Verdict::Release => {
                    is_released = true;
                    continue;
                }
            }
            self.end_hold();
        }
        if is_released {
            // From the last to the first, so that they stand at the front of the queue in their old order.
            settlements
                .iter_mut()
                .rev()
                .filter_map(Settlement::take)
                .for_each(|delivery| self.give_back(delivery.task));
        }
        self.changed.notify();
        Ok(())
    }

    fn end_hold(&self) {
        // Settling what was never claimed would be a defect of the run; it must not turn the count over.
        self.held.set(self.held.get().saturating_sub(1));
    }

    /// The task of `cx` is woken when something ends or comes back.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        self.changed.wait(cx);
    }

    /// Takes out what is to be delivered again, due or not.
    pub(super) fn take_rest(&self) -> Vec<Task<P>> {
        let mut rest: Vec<Task<P>> = self.returned.take().into();
        let mut delayed = self.delayed.take();
        rest.extend(core::iter::from_fn(|| delayed.pop()).map(|next| next.task));
        rest
    }
}
