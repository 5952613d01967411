//! Tasks that live in this process.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    string::String,
    vec::Vec,
};
use core::{
    cell::{Cell, RefCell},
    convert::Infallible,
    fmt,
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::pin,
    task::{Context, Poll},
};

use async_channel::{Receiver, Sender, TryRecvError};

use super::{Claims, Delivery, Settlement, Source, Supply, Verdict};
use crate::{Attempt, Clock, Task, TaskId, Time, signal::Signal};

/// A task that will not be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter<P> {
    /// The task, with the number of its last attempt.
    pub task: Task<P>,
    /// Why it is dead.
    pub reason: String,
}

/// Tasks from an iterator, pulled as there is room, or from a bounded channel that other threads may fill.
///
/// Retries wait here for their time, on the clock given; dead letters are kept until
/// [`take_dead`](Self::take_dead).
///
/// ```
/// use core::{convert::Infallible, num::NonZeroUsize};
/// use fourfold::{MemorySource, NativeClock, Run, Task};
/// use futures_lite::future::block_on;
///
/// let capacity = NonZeroUsize::new(8).unwrap();
/// let (producer, source) = MemorySource::channel(NativeClock::new(), capacity);
/// std::thread::spawn(move || {
///     for n in 0..100_u32 {
///         producer.send_blocking(n).unwrap(); // waits while the channel is full
///     }
/// });
/// let report = block_on(Run::new(&source, async |_: &Task<u32>| Ok::<_, Infallible>(())).into_future()).unwrap();
/// assert_eq!(report.tally.done, 100);
/// ```
pub struct MemorySource<'a, P, C> {
    clock: C,
    feed: RefCell<Feed<'a, P>>,
    /// Given back or due again: delivered before anything new.
    returned: RefCell<VecDeque<Task<P>>>,
    delayed: RefCell<BTreeMap<(Time, u64), Task<P>>>,
    dead: RefCell<Vec<DeadLetter<P>>>,
    next_id: Cell<u64>,
    held: Cell<usize>,
    changed: Signal,
}

enum Feed<'a, P> {
    Iterator(Box<dyn Iterator<Item = P> + 'a>),
    Channel(Receiver<P>),
    Ended,
}

impl<P> Feed<'_, P> {
    /// The next new payload, if there is one now.
    #[inline]
    fn pull(&mut self) -> Option<P> {
        let next = match self {
            Feed::Iterator(iterator) => iterator.next(),
            Feed::Channel(receiver) => match receiver.try_recv() {
                Ok(payload) => Some(payload),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Closed) => None,
            },
            Feed::Ended => return None,
        };
        if next.is_none() {
            *self = Feed::Ended;
        }
        next
    }
}

impl<'a, P, C: Clock> MemorySource<'a, P, C> {
    /// The items of `tasks`, each pulled when it is claimed.
    pub fn new<I: IntoIterator<Item = P, IntoIter: 'a>>(clock: C, tasks: I) -> Self {
        Self::with_feed(clock, Feed::Iterator(Box::new(tasks.into_iter())))
    }

    /// What producers send, from this thread or others; it is exhausted when all of them are gone.
    pub fn channel(clock: C, capacity: NonZeroUsize) -> (Sender<P>, Self) {
        let (sender, receiver) = async_channel::bounded(capacity.get());
        (sender, Self::with_feed(clock, Feed::Channel(receiver)))
    }

    fn with_feed(clock: C, feed: Feed<'a, P>) -> Self {
        Self {
            clock,
            feed: RefCell::new(feed),
            returned: RefCell::default(),
            delayed: RefCell::default(),
            dead: RefCell::default(),
            next_id: Cell::new(0),
            held: Cell::new(0),
            changed: Signal::default(),
        }
    }

    /// Takes the dead letters out, in the order they died.
    pub fn take_dead(&self) -> Vec<DeadLetter<P>> {
        self.dead.take()
    }

    /// How many deliveries are claimed and not settled.
    pub fn held(&self) -> usize {
        self.held.get()
    }

    /// How many tasks wait for the time of their next attempt.
    pub fn delayed(&self) -> usize {
        self.delayed.borrow().len()
    }

    /// Takes out what is left, due or not: what a run that was drained gave back and what it never claimed (what a
    /// channel's producers have not sent yet is still theirs).
    pub fn take_rest(&self) -> Vec<Task<P>> {
        let mut rest: Vec<Task<P>> = self.returned.take().into();
        rest.extend(self.delayed.take().into_values());
        let mut feed = self.feed.borrow_mut();
        rest.extend(core::iter::from_fn(|| feed.pull()).map(|payload| self.first(payload)));
        rest
    }

    fn first(&self, payload: P) -> Task<P> {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        Task { id: TaskId(id), attempt: Attempt::FIRST, payload }
    }

    fn return_due(&self) {
        let mut delayed = self.delayed.borrow_mut();
        if delayed.is_empty() {
            return;
        }
        let now = self.clock.now();
        while let Some(entry) = delayed.first_entry()
            && entry.key().0 <= now
        {
            self.returned.borrow_mut().push_back(entry.remove());
        }
    }

    fn hand_out(&self, max: usize, claims: &mut Claims<P, ()>) -> usize {
        self.return_due();
        let before = claims.len();
        let mut returned = self.returned.borrow_mut();
        while claims.len() - before < max
            && let Some(task) = returned.pop_front()
        {
            claims.push(Delivery { task, receipt: () });
        }
        let mut feed = self.feed.borrow_mut();
        while claims.len() - before < max
            && let Some(payload) = feed.pull()
        {
            claims.push(Delivery { task: self.first(payload), receipt: () });
        }
        let count = claims.len() - before;
        self.held.set(self.held.get() + count);
        count
    }

    fn is_exhausted(&self) -> bool {
        self.held.get() == 0
            && matches!(*self.feed.borrow(), Feed::Ended)
            && self.returned.borrow().is_empty()
            && self.delayed.borrow().is_empty()
    }

    /// Waits until there may be something to hand out.
    async fn change(&self) {
        let due = self.delayed.borrow().first_key_value().map(|((due, _), _)| *due);
        let sleep = async {
            match due {
                Some(due) => self.clock.sleep(due.since(self.clock.now())).await,
                None => core::future::pending().await,
            }
        };
        let receiver = match &*self.feed.borrow() {
            Feed::Channel(receiver) => Some(receiver.clone()),
            Feed::Iterator(_) | Feed::Ended => None,
        };
        let arrival = async {
            match &receiver {
                Some(receiver) => receiver.recv().await.ok(),
                None => core::future::pending().await,
            }
        };
        let (mut sleep, mut arrival) = (pin!(sleep), pin!(arrival));
        let mut told = false;
        poll_fn(|cx: &mut Context<'_>| {
            if let Poll::Ready(arrived) = arrival.as_mut().poll(cx) {
                match arrived {
                    Some(payload) => self.returned.borrow_mut().push_back(self.first(payload)),
                    None => *self.feed.borrow_mut() = Feed::Ended,
                }
                return Poll::Ready(());
            }
            if core::mem::replace(&mut told, true) {
                return Poll::Ready(());
            }
            self.changed.wait(cx);
            sleep.as_mut().poll(cx)
        })
        .await;
    }

    fn give_back(&self, task: Task<P>) {
        self.returned.borrow_mut().push_front(task);
        self.end_hold();
    }

    fn end_hold(&self) {
        // Settling what was never claimed would be a defect of the run; it must not turn the count over.
        self.held.set(self.held.get().saturating_sub(1));
    }
}

impl<P, C: Clock> Source for MemorySource<'_, P, C> {
    type Payload = P;
    type Receipt = ();
    type Error = Infallible;

    async fn claim(&self, max: NonZeroUsize, claims: &mut Claims<P, ()>) -> Result<Supply, Infallible> {
        loop {
            if self.hand_out(max.get(), claims) > 0 {
                return Ok(Supply::Open);
            }
            if self.is_exhausted() {
                return Ok(Supply::Exhausted);
            }
            self.change().await;
        }
    }

    async fn settle(&self, settlements: &mut [Settlement<P, ()>]) -> Result<(), Infallible> {
        let mut released = false;
        for settlement in settlements.iter_mut() {
            if *settlement.verdict() == Verdict::Release {
                released = true;
                continue;
            }
            let Some(Delivery { mut task, .. }) = settlement.take() else { continue };
            self.end_hold();
            match settlement.verdict() {
                Verdict::Retry { after, .. } => {
                    task.attempt = task.attempt.next();
                    let due = self.clock.now() + *after;
                    // The id keeps apart what is due at the same time, in an order that no scheduling can change.
                    self.delayed.borrow_mut().insert((due, task.id.0), task);
                }
                Verdict::Dead { reason } => {
                    self.dead.borrow_mut().push(DeadLetter { task, reason: reason.clone() });
                }
                Verdict::Done | Verdict::Release => {}
            }
        }
        if released {
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

    fn abandon(&self, delivery: Delivery<P, ()>) {
        self.give_back(delivery.task);
        self.changed.notify();
    }
}

impl<P, C> fmt::Debug for MemorySource<'_, P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySource")
            .field("held", &self.held.get())
            .field("returned", &self.returned.borrow().len())
            .field("delayed", &self.delayed.borrow().len())
            .field("dead", &self.dead.borrow().len())
            .finish_non_exhaustive()
    }
}
