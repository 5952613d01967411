//! The tasks that a source in this process has handed out, and those that came back.

use alloc::{
    collections::{BinaryHeap, VecDeque},
    vec::Vec,
};
use core::{
    cell::{Cell, RefCell},
    cmp::Ordering,
    fmt,
    future::{Future, pending, poll_fn},
    pin::pin,
    task::Context,
};

use super::{Claims, Delivery, Settlement, Verdict};
use crate::{
    clock::{Clock, Time},
    sync::MultiWakerRegistration,
    task::{Task, TaskId},
};

/// The deliveries of a source: the number of those that are held, and the tasks that are to be
/// delivered again, each as its next attempt and not before its time.
///
/// A source of your own hands out from here first, and settles through it:
///
/// ```
/// use core::{cell::Cell, convert::Infallible, num::NonZeroUsize};
/// use fourfold::{
///     Clock, Failure, Retry, Run, Source, Task,
///     source::{ClaimStatus, Claims, Delivery, Redeliveries, Settlement},
/// };
///
/// /// A source that counts down.
/// struct Countdown {
///     next: Cell<u64>,
///     redeliveries: Redeliveries<u64>,
/// }
///
/// impl Source for Countdown {
///     type Payload = u64;
///     type Receipt = ();
///     type Error = Infallible;
///
///     async fn claim(
///         &self,
///         max: NonZeroUsize,
///         claims: &mut Claims<u64, ()>,
///         clock: &impl Clock,
///     ) -> Result<ClaimStatus, Infallible> {
///         loop {
///             self.redeliveries.hand_out(max.get(), claims, clock);
///             while claims.len() < max.get() && let Some(n) = self.next.get().checked_sub(1) {
///                 self.next.set(n);
///                 claims.push(Delivery::new(Task::new(n, n), ()));
///             }
///             self.redeliveries.hold(claims.len());
///             if !claims.is_empty() {
///                 return Ok(ClaimStatus::Open);
///             }
///             if self.redeliveries.is_clear() {
///                 return Ok(ClaimStatus::Exhausted);
///             }
///             self.redeliveries.changed(clock).await;
///         }
///     }
///
///     async fn settle(&self, settlements: &mut [Settlement<u64, ()>], clock: &impl Clock) -> Result<(), Infallible> {
///         self.redeliveries.settle(settlements, clock, |dead| {
///             dead.take(); // a source that keeps dead letters would do it here
///             Ok(())
///         })
///     }
///
///     fn abandon(&self, delivery: Delivery<u64, ()>) {
///         self.redeliveries.give_back(delivery.task);
///     }
/// }
///
/// let source = Countdown { next: Cell::new(10), redeliveries: Redeliveries::new() };
/// let run = Run::new(&source, async |task: &Task<u64>| match (task.payload, task.attempt.get()) {
///     (3, 1) => Err(Failure::transient("not at the first attempt")),
///     _ => Ok(()),
/// });
/// let report = futures_lite::future::block_on(run.into_future()).unwrap();
/// assert_eq!((report.counters.done, report.counters.retried), (10, 1));
/// ```
pub struct Redeliveries<P> {
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
    /// Makes an empty store.
    pub fn new() -> Self {
        Self {
            returned: RefCell::default(),
            delayed: RefCell::default(),
            held: Cell::new(0),
            changed: MultiWakerRegistration::default(),
        }
    }

    /// Returns the number of deliveries that are claimed and not settled.
    pub fn held(&self) -> usize {
        self.held.get()
    }

    /// Returns the number of tasks that wait for the time of their next attempt.
    pub fn delayed(&self) -> usize {
        self.delayed.borrow().len()
    }

    /// Returns the number of tasks that wait only for a claim.
    pub fn returned(&self) -> usize {
        self.returned.borrow().len()
    }

    /// Returns whether no delivery is held and no task is to be delivered again.
    pub fn is_clear(&self) -> bool {
        self.held.get() == 0 && self.returned.borrow().is_empty() && self.delayed.borrow().is_empty()
    }

    /// Returns the time until the next task is due.
    pub(super) fn next_due<C: Clock>(&self, clock: &C) -> Option<core::time::Duration> {
        let due = self.delayed.borrow().peek()?.due;
        Some(due.since(clock.now()))
    }

    /// Pushes at most `max` tasks to `claims` that came back and are due. The source then adds new
    /// tasks, and counts all with [`hold`](Self::hold).
    pub fn hand_out(&self, max: usize, claims: &mut Claims<P, ()>, clock: &impl Clock) {
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
    pub fn hold(&self, count: usize) {
        self.held.set(self.held.get() + count);
    }

    /// Adds a new task that waits for a claim.
    pub fn arrive(&self, task: Task<P>) {
        self.returned.borrow_mut().push_back(task);
    }

    /// Takes a task back with its attempt uncounted.
    pub fn give_back(&self, task: Task<P>) {
        self.returned.borrow_mut().push_front(task);
        self.end_hold();
        self.changed.notify();
    }

    /// Ends deliveries: a retry is kept for its time, and what is released is handed out next. `bury`
    /// takes out and keeps the task of a settlement whose verdict is dead.
    ///
    /// # Errors
    /// Returns the first error of `bury`; the settlements from there on are left as they are.
    pub fn settle<E>(
        &self,
        settlements: &mut [Settlement<P, ()>],
        clock: &impl Clock,
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

    /// Wakes those who wait for a change: the source has a new task.
    pub(super) fn notify(&self) {
        self.changed.notify();
    }

    /// Registers the waker of `cx` for the next end or return of a delivery.
    pub(super) fn wait(&self, cx: &Context<'_>) {
        self.changed.wait(cx);
    }

    /// Waits until a delivery has ended or come back, or a task is due.
    ///
    /// # Cancel safety
    /// Dropping it loses nothing.
    pub async fn changed(&self, clock: &impl Clock) {
        let due = self.next_due(clock);
        let sleep = async {
            match due {
                Some(due) => clock.sleep(due).await,
                None => pending().await,
            }
        };
        let (mut sleep, mut is_registered) = (pin!(sleep), false);
        poll_fn(|cx| {
            if core::mem::replace(&mut is_registered, true) {
                return core::task::Poll::Ready(());
            }
            self.wait(cx);
            sleep.as_mut().poll(cx)
        })
        .await;
    }

    /// Takes out the tasks that are to be delivered again, due or not.
    pub fn take_rest(&self) -> Vec<Task<P>> {
        let mut rest: Vec<Task<P>> = self.returned.take().into();
        let mut delayed = self.delayed.take();
        rest.extend(core::iter::from_fn(|| delayed.pop()).map(|next| next.task));
        rest
    }
}

impl<P> Default for Redeliveries<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> fmt::Debug for Redeliveries<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redeliveries")
            .field("held", &self.held())
            .field("returned", &self.returned())
            .field("delayed", &self.delayed())
            .finish_non_exhaustive()
    }
}
