//! A source of tasks that live in this process.

use alloc::{boxed::Box, collections::VecDeque, string::String, vec::Vec};
use core::{
    cell::{Cell, RefCell},
    convert::Infallible,
    fmt,
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use async_channel::{Receiver, Sender, TryRecvError};
use futures_lite::Stream;

use super::{ClaimStatus, Claims, Delivery, Overflow, Settlement, Source, Verdict, redeliveries::Redeliveries};
use crate::{
    clock::Clock,
    config::{ConfigError, Limit, at_least_one},
    task::Task,
};

/// The default of [`MemorySource::overflow`].
const OVERFLOW: usize = 1_000_000;

/// The largest capacity whose places a channel makes at its beginning; with a larger one it grows as it is filled.
const BOUNDED_MAX: usize = 1 << 24;

/// A task that will not be tried again, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter<P> {
    /// The task, with the number of its last attempt.
    pub task: Task<P>,
    /// The reason why the task is dead.
    pub reason: String,
}

/// A source of tasks from an iterator, from a stream, or from a bounded channel that other threads
/// can fill.
///
/// An iterator or a stream is advanced as the run claims. Retries wait in the source for their time, on the
/// clock of the run. Dead letters are kept until [`take_dead`](Self::take_dead).
///
/// ```
/// use core::convert::Infallible;
/// use fourfold::{MemorySource, Run, Task};
/// use futures_lite::future::block_on;
///
/// let (producer, source) = MemorySource::channel(8).unwrap();
/// std::thread::spawn(move || {
///     for n in 0..100_u32 {
///         producer.send_blocking(n).unwrap(); // waits while the channel is full
///     }
/// });
/// let report = block_on(Run::new(&source, async |_: &Task<u32>| Ok::<_, Infallible>(())).into_future()).unwrap();
/// assert_eq!(report.counters.done, 100);
/// ```
pub struct MemorySource<'a, P> {
    feed: RefCell<Feed<'a, P>>,
    /// Tasks that were pushed and wait for their first claim.
    pushed: RefCell<VecDeque<P>>,
    overflow: usize,
    redeliveries: Redeliveries<P>,
    dead: RefCell<Vec<DeadLetter<P>>>,
    next_id: Cell<u64>,
}

enum Feed<'a, P> {
    Iterator(Box<dyn Iterator<Item = P> + 'a>),
    Channel(Receiver<P>),
    Stream(Pin<Box<dyn Stream<Item = P> + 'a>>),
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
            // A claim that finds nothing polls the stream again, with a waker.
            Feed::Stream(stream) => match stream.as_mut().poll_next(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(next) => next,
                Poll::Pending => return None,
            },
            Feed::Ended => return None,
        };
        if next.is_none() {
            *self = Feed::Ended;
        }
        next
    }
}

impl<'a, P> MemorySource<'a, P> {
    /// Makes a source of the items of `tasks`, each of which is taken from the iterator when the
    /// run claims it.
    pub fn new<I: IntoIterator<Item = P, IntoIter: 'a>>(tasks: I) -> Self {
        Self::with_feed(Feed::Iterator(Box::new(tasks.into_iter())))
    }

    /// Makes a source that hands out what is sent into a channel of this capacity, from this thread
    /// or from others. The source is exhausted when all senders are dropped. A capacity above
    /// 16,777,216 is no bound: the channel grows as it is filled.
    ///
    /// # Errors
    /// [`ConfigError::ZeroQueueCapacity`] when the capacity is 0.
    pub fn channel(capacity: impl Limit) -> Result<(Sender<P>, Self), ConfigError> {
        let capacity = at_least_one(capacity, ConfigError::ZeroQueueCapacity)?;
        let (sender, receiver) = match capacity.get() {
            places @ ..=BOUNDED_MAX => async_channel::bounded(places),
            _ => async_channel::unbounded(),
        };
        Ok((sender, Self::with_feed(Feed::Channel(receiver))))
    }

    /// Makes a source of the items of a stream, which is polled only while the run claims: a stream
    /// that fetches its next item has the run's back-pressure.
    ///
    /// ```
    /// use fourfold::{Failure, MemorySource, Run, Task};
    /// use futures_lite::{future::block_on, stream};
    ///
    /// let pages = stream::unfold(1_u32, |page| async move { (page <= 40).then_some((page, page + 1)) });
    /// let source = MemorySource::stream(pages);
    /// let run = Run::new(&source, async |_: &Task<u32>| Ok::<_, Failure>(()));
    /// assert_eq!(block_on(run.into_future()).unwrap().counters.done, 40);
    /// ```
    pub fn stream(tasks: impl Stream<Item = P> + 'a) -> Self {
        Self::with_feed(Feed::Stream(Box::pin(tasks)))
    }

    fn with_feed(feed: Feed<'a, P>) -> Self {
        Self {
            feed: RefCell::new(feed),
            pushed: RefCell::default(),
            overflow: OVERFLOW,
            redeliveries: Redeliveries::new(),
            dead: RefCell::default(),
            next_id: Cell::new(0),
        }
    }

    /// Sets the maximum number of tasks that were [pushed](Self::push) and wait for their first claim.
    /// Default: 1,000,000.
    #[must_use]
    pub fn overflow(mut self, tasks: usize) -> Self {
        self.overflow = tasks;
        self
    }

    /// Adds a task, which is claimed before those of the iterator, the stream or the channel. It does not wait, so
    /// that handlers can push: tasks make tasks.
    ///
    /// A source is not exhausted while a task is claimed, so what a handler pushes is claimed in the
    /// same run. What is pushed later waits for the next one.
    ///
    /// ```
    /// use core::convert::Infallible;
    /// use fourfold::{MemorySource, Run, Task, source::Overflow};
    ///
    /// let source = MemorySource::new([1_u64]);
    /// let run = Run::new(&source, async |task: &Task<u64>| -> Result<(), Overflow<u64>> {
    ///     if task.payload < 500 {
    ///         source.push(2 * task.payload)?;
    ///         source.push(2 * task.payload + 1)?;
    ///     }
    ///     Ok(())
    /// });
    /// let report = futures_lite::future::block_on(run.into_future()).unwrap();
    /// assert_eq!(report.counters.done, 999);
    /// ```
    ///
    /// # Errors
    /// [`Overflow`] with the task when as many pushed tasks wait as [may](Self::overflow).
    pub fn push(&self, task: P) -> Result<(), Overflow<P>> {
        let mut pushed = self.pushed.borrow_mut();
        if pushed.len() >= self.overflow {
            return Err(Overflow(task));
        }
        pushed.push_back(task);
        drop(pushed);
        self.redeliveries.notify();
        Ok(())
    }

    /// Takes the dead letters out, in the order in which the tasks died.
    pub fn take_dead(&self) -> Vec<DeadLetter<P>> {
        self.dead.take()
    }

    /// Returns the number of deliveries that are claimed and not settled.
    pub fn held(&self) -> usize {
        self.redeliveries.held()
    }

    /// Returns the number of tasks that wait for the time of their next attempt.
    pub fn delayed(&self) -> usize {
        self.redeliveries.delayed()
    }

    /// Takes the remaining tasks out: those that a drained run gave back, those that wait for a
    /// retry, those that were pushed, and those that were never claimed. Tasks that the senders of a channel have not sent
    /// yet stay with them.
    pub fn take_rest(&self) -> Vec<Task<P>> {
        let mut rest = self.redeliveries.take_rest();
        rest.extend(self.pushed.take().into_iter().map(|payload| self.first(payload)));
        let mut feed = self.feed.borrow_mut();
        rest.extend(core::iter::from_fn(|| feed.pull()).map(|payload| self.first(payload)));
        rest
    }

    fn first(&self, payload: P) -> Task<P> {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        Task::new(id, payload)
    }

    fn hand_out(&self, max: usize, claims: &mut Claims<P, ()>, clock: &impl Clock) -> usize {
        let before = claims.len();
        self.redeliveries.hand_out(max, claims, clock);
        while claims.len() - before < max
            && let Some(payload) = self.pop_pushed()
        {
            claims.push(Delivery { task: self.first(payload), receipt: () });
        }
        let mut feed = self.feed.borrow_mut();
        while claims.len() - before < max
            && let Some(payload) = feed.pull()
        {
            claims.push(Delivery { task: self.first(payload), receipt: () });
        }
        let count = claims.len() - before;
        self.redeliveries.hold(count);
        count
    }

    fn pop_pushed(&self) -> Option<P> {
        self.pushed.borrow_mut().pop_front()
    }

    fn is_exhausted(&self) -> bool {
        self.redeliveries.is_clear() && self.pushed.borrow().is_empty() && matches!(*self.feed.borrow(), Feed::Ended)
    }

    fn poll_stream(&self, cx: &mut Context<'_>) -> Poll<Option<P>> {
        match &mut *self.feed.borrow_mut() {
            Feed::Stream(stream) => stream.as_mut().poll_next(cx),
            _ => Poll::Pending,
        }
    }

    /// Waits until there may be a task to hand out.
    async fn change(&self, clock: &impl Clock) {
        let due = self.redeliveries.next_due(clock);
        let sleep = async {
            match due {
                Some(due) => clock.sleep(due).await,
                None => core::future::pending().await,
            }
        };
        let receiver = match &*self.feed.borrow() {
            Feed::Channel(receiver) => Some(receiver.clone()),
            Feed::Iterator(_) | Feed::Stream(_) | Feed::Ended => None,
        };
        let arrival = async {
            match &receiver {
                Some(receiver) => receiver.recv().await.ok(),
                None => poll_fn(|cx| self.poll_stream(cx)).await,
            }
        };
        let (mut sleep, mut arrival) = (pin!(sleep), pin!(arrival));
        let mut told = false;
        poll_fn(|cx: &mut Context<'_>| {
            if let Poll::Ready(arrived) = arrival.as_mut().poll(cx) {
                match arrived {
                    Some(payload) => self.redeliveries.arrive(self.first(payload)),
                    None => *self.feed.borrow_mut() = Feed::Ended,
                }
                return Poll::Ready(());
            }
            if core::mem::replace(&mut told, true) {
                return Poll::Ready(());
            }
            self.redeliveries.wait(cx);
            sleep.as_mut().poll(cx)
        })
        .await;
    }
}

impl<P> Source for MemorySource<'_, P> {
    type Payload = P;
    type Receipt = ();
    type Error = Infallible;

    async fn claim(
        &self,
        max: NonZeroUsize,
        claims: &mut Claims<P, ()>,
        clock: &impl Clock,
    ) -> Result<ClaimStatus, Infallible> {
        loop {
            if self.hand_out(max.get(), claims, clock) > 0 {
                return Ok(ClaimStatus::Open);
            }
            if self.is_exhausted() {
                return Ok(ClaimStatus::Exhausted);
            }
            self.change(clock).await;
        }
    }

    async fn settle(&self, settlements: &mut [Settlement<P, ()>], clock: &impl Clock) -> Result<(), Infallible> {
        self.redeliveries.settle(settlements, clock, |settlement| {
            let reason = match settlement.verdict() {
                Verdict::Dead { reason } => reason.clone(),
                _ => String::new(),
            };
            if let Some(Delivery { task, .. }) = settlement.take() {
                self.dead.borrow_mut().push(DeadLetter { task, reason });
            }
            Ok(())
        })
    }

    fn abandon(&self, delivery: Delivery<P, ()>) {
        self.redeliveries.give_back(delivery.task);
    }
}

impl<P> fmt::Debug for MemorySource<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySource")
            .field("pushed", &self.pushed.borrow().len())
            .field("redeliveries", &self.redeliveries)
            .field("dead", &self.dead.borrow().len())
            .finish_non_exhaustive()
    }
}
