//! The bounded queue between a pool's body and its workers.

use alloc::{collections::VecDeque, vec::Vec};
use core::{
    cell::{Cell, RefCell},
    fmt,
    future::Future,
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    scope::{Acquire, Permit, Permits},
    sync::MultiWakerRegistration,
};

/// What the body of a [`worker_pool`](crate::worker_pool) pushes tasks to.
pub struct Queue<T> {
    places: Permits,
    /// Each with its place, which is free again when the task is taken.
    tasks: RefCell<VecDeque<(T, Permit)>>,
    running: Cell<usize>,
    /// How often everything pushed was finished.
    idle: Cell<u64>,
    closed: Cell<bool>,
    changed: MultiWakerRegistration,
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self {
            places: Permits::new(capacity),
            tasks: RefCell::default(),
            running: Cell::new(0),
            idle: Cell::new(0),
            closed: Cell::new(false),
            changed: MultiWakerRegistration::default(),
        }
    }

    /// Waits for a place in the queue and puts a task there. Places go to those who push in the order in which they
    /// were first polled.
    ///
    /// Dropping the future while it waits drops its task.
    ///
    /// # Errors
    /// [`PushError`] gives the task back when the queue is closed, before or meanwhile.
    pub fn push(&self, task: T) -> Push<'_, T> {
        Push { queue: self, task: Some(task), place: self.places.acquire() }
    }

    /// Puts a task into the queue if there is a place now.
    ///
    /// # Errors
    /// [`TryPushError`] gives the task back.
    ///
    /// ```
    /// # use fourfold::{scope::TryPushError, worker_pool};
    /// # use futures_lite::future::block_on;
    /// block_on(worker_pool(1, 1, async |_: u8| (), async |queue| {
    ///     assert_eq!(queue.try_push(1), Ok(()));
    ///     assert_eq!(queue.try_push(2), Err(TryPushError::Full(2)));
    ///     queue.close();
    ///     assert_eq!(queue.try_push(3), Err(TryPushError::Closed(3)));
    /// }))
    /// .unwrap();
    /// ```
    pub fn try_push(&self, task: T) -> Result<(), TryPushError<T>> {
        if self.is_closed() {
            return Err(TryPushError::Closed(task));
        }
        match self.places.try_acquire() {
            Some(place) => {
                self.tasks.borrow_mut().push_back((task, place));
                Ok(())
            }
            None => Err(TryPushError::Full(task)),
        }
    }

    /// Waits until everything that was pushed is finished, one way or another; the workers need not be done for that,
    /// and more may be pushed after it.
    pub fn join(&self) -> JoinQueue<'_, T> {
        JoinQueue { queue: self, idle: self.idle.get() }
    }

    /// Lets nothing more in. What is queued is finished nevertheless. The end of the body does this by itself.
    pub fn close(&self) {
        self.closed.set(true);
        self.changed.notify();
    }

    /// Whether nothing more is let in.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Takes out what is queued and not started.
    ///
    /// ```
    /// # use fourfold::worker_pool;
    /// # use futures_lite::future::block_on;
    /// let rest = block_on(worker_pool(1, 2, async |_: &str| (), async |queue| {
    ///     queue.push("never").await.unwrap();
    ///     queue.push("mind").await.unwrap();
    ///     queue.take_rest()
    /// }));
    /// assert_eq!(rest.unwrap(), ["never", "mind"]);
    /// ```
    pub fn take_rest(&self) -> Vec<T> {
        let tasks = self.tasks.take();
        let rest = tasks.into_iter().map(|(task, _place)| task).collect();
        self.look_whether_idle();
        rest
    }

    /// How many tasks are queued.
    pub fn len(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// Whether none is queued. Some may be running.
    pub fn is_empty(&self) -> bool {
        self.tasks.borrow().is_empty()
    }

    /// How many tasks are queued or running.
    pub fn unfinished(&self) -> usize {
        self.len() + self.running.get()
    }

    /// How many tasks may be queued.
    pub fn capacity(&self) -> usize {
        self.places.limit()
    }

    /// The first task, for a worker.
    pub(super) fn take(&self) -> Option<(T, Unfinished<'_, T>)> {
        let (task, _place) = self.tasks.borrow_mut().pop_front()?;
        self.running.set(self.running.get() + 1);
        Some((task, Unfinished(self)))
    }

    fn look_whether_idle(&self) {
        if self.unfinished() == 0 {
            self.idle.set(self.idle.get() + 1);
            self.changed.notify();
        }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("running", &self.running.get())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// A task that a worker has; finished when this is dropped.
pub(super) struct Unfinished<'q, T>(&'q Queue<T>);

impl<T> Drop for Unfinished<'_, T> {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        self.0.look_whether_idle();
    }
}

/// The future of [`Queue::push`].
#[must_use = "futures do nothing unless polled"]
pub struct Push<'q, T> {
    queue: &'q Queue<T>,
    task: Option<T>,
    place: Acquire,
}

impl<T> Unpin for Push<'_, T> {}

impl<T> Future for Push<'_, T> {
    type Output = Result<(), PushError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let queue = self.queue;
        if queue.is_closed() {
            return match self.task.take() {
                Some(task) => Poll::Ready(Err(PushError(task))),
                None => Poll::Ready(Ok(())),
            };
        }
        match Pin::new(&mut self.place).poll(cx) {
            Poll::Ready(place) => {
                queue.tasks.borrow_mut().extend(self.task.take().map(|task| (task, place)));
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                queue.changed.wait(cx);
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for Push<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// The future of [`Queue::join`].
#[must_use = "futures do nothing unless polled"]
pub struct JoinQueue<'q, T> {
    queue: &'q Queue<T>,
    idle: u64,
}

impl<T> Future for JoinQueue<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // That it was idle in the meantime counts, even if more was pushed since then.
        if self.queue.unfinished() == 0 || self.queue.idle.get() != self.idle {
            return Poll::Ready(());
        }
        self.queue.changed.wait(cx);
        Poll::Pending
    }
}

impl<T> fmt::Debug for JoinQueue<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinQueue").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// The queue is closed; this is the task that was not pushed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PushError<T>(pub T);

impl<T> PushError<T> {
    /// The task.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// The task was not pushed; here it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPushError<T> {
    /// All places are taken.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

impl<T> TryPushError<T> {
    /// The task.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(task) | Self::Closed(task) => task,
        }
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushError(..)")
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is closed")
    }
}

impl<T> core::error::Error for PushError<T> {}

impl<T> fmt::Debug for TryPushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TryPushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::Closed(_) => "the queue is closed",
        })
    }
}

impl<T> core::error::Error for TryPushError<T> {}
