//! The tasks that a source in this process has handed out, and those that came back.

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

/// The number of deliveries that are held, and the tasks that are to be delivered again before any
/// new one.
pub(super) struct Redeliveries<P> {
    returned: RefCell<VecDeque<Task<P>>>,
    /// The next one due is on top.
    delayed: RefCell<BinaryHeap<Delayed<P>>>,
    held: Cell<usize>,
    changed: MultiWakerRegistration,
}

/// A task with the earliest time of its next delivery. The earliest task is the greatest; among
/// tasks of the same time the id decides, so that scheduling cannot change the order.
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

    /// Returns the number of deliveries that are claimed and not settled.
    pub(super) fn held(&self) -> usize {
        self.held.get()
    }

    /// Returns the number of tasks that wait for the time of their next attempt.
    pub(super) fn delayed(&self) -> usize {
        self.delayed.borrow().len()
    }

    /// Returns the number of tasks that wait only for a claim.
    pub(super) fn returned(&self) -> usize {
        self.returned.borrow().len()
    }

    /// Returns whether no delivery is held and no task is to be delivered again.
    pub(super) fn is_clear(&self) -> bool {
        self.held.get() == 0 && self.returned.borrow().is_empty() && self.delayed.borrow().is_empty()
    }

    /// Returns the time until the next task is due.
    pub(super) fn next_due<C: Clock>(&self, clock: &C) -> Option<core::time::Duration> {
        let due = self.delayed.borrow().peek()?.due;
        Some(due.since(clock.now()))
    }

    /// Hands out at most `max` tasks that came back. The source then adds new tasks, and counts all
    /// with [`hold`](Self::hold).
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

    /// Counts this many more deliveries as held.
    pub(super) fn hold(&self, count: usize) {
        self.held.set(self.held.get() + count);
    }

    /// Adds a new task that waits for a claim.
    pub(super) fn arrive(&self, task: Task<P>) {
        self.returned.borrow_mut().push_back(task);
    }

    /// Takes a task back with its attempt uncounted.
    pub(super) fn give_back(&self, task: Task<P>) {
        self.returned.borrow_mut().push_front(task);
        self.end_hold();
        self.changed.notify();
    }

    /// Ends deliveries. `bury` takes out and keeps the task of a settlement whose verdict is dead.
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
            // From the last to the first, so that they stand at the front of the queue in their old
            // order.
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
        // Settling what was never claimed would be a defect of the run; it must not turn the count
        // over.
        self.held.set(self.held.get().saturating_sub(1));
    }

    /// Registers the waker of `cx` for the next end or return of a delivery.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        self.changed.wait(cx);
    }

    /// Takes out the tasks that are to be delivered again, due or not.
    pub(super) fn take_rest(&self) -> Vec<Task<P>> {
        let mut rest: Vec<Task<P>> = self.returned.take().into();
        let mut delayed = self.delayed.take();
        rest.extend(core::iter::from_fn(|| delayed.pop()).map(|next| next.task));
        rest
    }
}
