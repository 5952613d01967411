//! The bounded queue between a pool's body and its workers.

use alloc::{collections::VecDeque, rc::Rc, rc::Weak, vec::Vec};
use core::{
    cell::{Cell, RefCell},
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::error::PushError;
use crate::{
    config::{ConfigError, Limit, at_least_one},
    sync::{Left, Semaphore, WaitList},
};

/// The default of [`Queue::set_overflow`].
const OVERFLOW: usize = 1_000_000;

/// The queue to which the body of a [`worker_pool`](crate::worker_pool) pushes tasks.
pub struct Queue<T> {
    shared: Rc<Shared<T>>,
}

struct Shared<T> {
    tasks: RefCell<VecDeque<T>>,
    /// A place is taken by whoever pushes, and free again when the task is taken.
    places: Semaphore,
    overflow: Cell<usize>,
    running: Cell<usize>,
    /// Those who wait until everything is finished.
    joins: RefCell<WaitList<()>>,
}

impl<T> Shared<T> {
    fn unfinished(&self) -> usize {
        self.tasks.borrow().len() + self.running.get()
    }

    /// Puts a task in whose place is taken already.
    #[inline]
    fn put(&self, task: T) {
        self.tasks.borrow_mut().push_back(task);
    }

    fn try_push(&self, task: T) -> Result<(), PushError<T>> {
        if self.places.is_closed() {
            return Err(PushError::Closed(task));
        }
        if !self.places.try_take(1) {
            return Err(PushError::Full(task));
        }
        self.put(task);
        Ok(())
    }

    /// Puts a task in beside the places, if need be.
    fn push_beyond(&self, task: T) -> Result<(), PushError<T>> {
        if self.places.is_closed() {
            return Err(PushError::Closed(task));
        }
        if self.tasks.borrow().len() >= self.places.limit().saturating_add(self.overflow.get()) {
            return Err(PushError::Full(task));
        }
        self.places.take_beyond();
        self.put(task);
        Ok(())
    }

    fn take_rest(&self) -> VecDeque<T> {
        let tasks = self.tasks.take();
        self.places.release(tasks.len());
        self.look_whether_idle();
        tasks
    }

    /// All those who wait for the end of everything have it, when it is there, even if more is pushed right after.
    #[inline]
    fn look_whether_idle(&self) {
        if self.running.get() == 0 && self.tasks.borrow().is_empty() {
            self.wake_joins();
        }
    }

    fn wake_joins(&self) {
        // Only those who wait now: who is woken may join again at once.
        let waiting = self.joins.borrow().len();
        for _ in 0..waiting {
            let next = self.joins.borrow_mut().wake_first(true);
            let Some(waker) = next else { return };
            waker.wake();
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn new(capacity: impl Limit) -> Result<Self, ConfigError> {
        let capacity = at_least_one(capacity, ConfigError::ZeroQueueCapacity)?;
        let shared = Shared {
            tasks: RefCell::default(),
            places: Semaphore::new(capacity.get()),
            overflow: Cell::new(OVERFLOW),
            running: Cell::new(0),
            joins: RefCell::default(),
        };
        Ok(Self { shared: Rc::new(shared) })
    }

    /// Waits for a place in the queue and puts a task there. Places go to those who push in the order in which they
    /// were first polled.
    ///
    /// # Errors
    /// [`PushError::Closed`] gives the task back when the queue is closed, before or meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future while it waits drops its task.
    pub fn push(&self, task: T) -> Push<'_, T> {
        Push { queue: self, task: Some(task), ticket: None }
    }

    /// Puts a task into the queue if there is a place now that nobody waits for.
    ///
    /// # Errors
    /// [`PushError`] gives the task back.
    ///
    /// # Examples
    /// ```
    /// # use fourfold::{scope::PushError, worker_pool};
    /// # use futures_lite::future::block_on;
    /// block_on(worker_pool(1, 1, async |_: u8, _| (), async |queue| {
    ///     assert_eq!(queue.try_push(1), Ok(()));
    ///     assert_eq!(queue.try_push(2), Err(PushError::Full(2)));
    ///     queue.close();
    ///     assert_eq!(queue.try_push(3), Err(PushError::Closed(3)));
    /// }))
    /// .unwrap();
    /// ```
    pub fn try_push(&self, task: T) -> Result<(), PushError<T>> {
        self.shared.try_push(task)
    }

    /// Makes a handle to push by that can be cloned and kept, as every handler gets one.
    pub fn handle(&self) -> QueueHandle<T> {
        QueueHandle { shared: Rc::downgrade(&self.shared) }
    }

    /// Waits until everything that was pushed is finished, one way or another; the workers need not be done for that,
    /// and more may be pushed after it. What was pushed before the first poll of the future counts.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub fn join(&self) -> JoinQueue<'_, T> {
        JoinQueue { queue: self, place: None }
    }

    /// Lets nothing more in. What is queued is finished nevertheless. The end of the body does this by itself, as soon as
    /// nothing is queued or running that could push more.
    pub fn close(&self) {
        self.shared.places.close();
    }

    /// Says whether the queue is closed to new tasks.
    pub fn is_closed(&self) -> bool {
        self.shared.places.is_closed()
    }

    /// Takes out what is queued and not started.
    ///
    /// # Examples
    /// ```
    /// # use fourfold::worker_pool;
    /// # use futures_lite::future::block_on;
    /// let rest = block_on(worker_pool(1, 2, async |_: &str, _| (), async |queue| {
    ///     queue.push("never").await.unwrap();
    ///     queue.push("mind").await.unwrap();
    ///     queue.take_rest()
    /// }));
    /// assert_eq!(rest.unwrap(), ["never", "mind"]);
    /// ```
    pub fn take_rest(&self) -> Vec<T> {
        self.shared.take_rest().into()
    }

    /// Returns the number of tasks that are queued.
    pub fn len(&self) -> usize {
        self.shared.tasks.borrow().len()
    }

    /// Says whether no task is queued. Some may be running.
    pub fn is_empty(&self) -> bool {
        self.shared.tasks.borrow().is_empty()
    }

    /// Returns the number of tasks that are queued or running.
    pub fn unfinished(&self) -> usize {
        self.shared.unfinished()
    }

    /// Returns the number of tasks that may be queued before a push waits.
    pub fn capacity(&self) -> usize {
        self.shared.places.limit()
    }

    /// Sets the number of tasks that handles may push beyond the capacity. The default is 1,000,000; a larger number lets
    /// handlers make more tasks than are done, for the price of their memory. It counts from the next push on.
    pub fn set_overflow(&self, tasks: usize) {
        self.shared.overflow.set(tasks);
    }

    /// The first task, for a worker.
    #[inline]
    pub(super) fn take(&self) -> Option<T> {
        let task = self.shared.tasks.borrow_mut().pop_front()?;
        self.shared.running.set(self.shared.running.get() + 1);
        self.shared.places.release(1);
        Some(task)
    }

    /// A task that was taken has ended, one way or another.
    #[inline]
    pub(super) fn finish(&self) {
        self.shared.running.set(self.shared.running.get() - 1);
        self.shared.look_whether_idle();
    }

    /// Closes the queue and drops what is in it: a task may hold a handle to its own queue.
    pub(super) fn end(&self) {
        self.close();
        drop(self.shared.take_rest());
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("running", &self.shared.running.get())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// A handle by which handlers push more tasks. A clone pushes to the same queue; once the pool has ended, it gives tasks back.
///
/// A push by a handle never waits. If it did, workers that all wait to push would wait for ever.
pub struct QueueHandle<T> {
    shared: Weak<Shared<T>>,
}

impl<T> Clone for QueueHandle<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> QueueHandle<T> {
    /// Puts a task into the queue, past its capacity if need be, up to the [overflow](Queue::set_overflow).
    ///
    /// # Errors
    /// [`PushError::Full`] gives the task back when the queue has no room beyond its capacity either,
    /// [`PushError::Closed`] when it is closed or the pool has ended.
    ///
    /// # Examples
    /// ```
    /// # use core::cell::Cell;
    /// # use fourfold::{scope::PushError, worker_pool};
    /// # use futures_lite::future::block_on;
    /// let sum = Cell::new(0);
    /// let count_down = async |n: u32, queue: &fourfold::scope::QueueHandle<u32>| {
    ///     sum.set(sum.get() + n);
    ///     if n > 0 {
    ///         queue.push(n - 1).unwrap();
    ///     }
    /// };
    /// let handle = block_on(worker_pool(1, 1, count_down, async |queue| {
    ///     queue.push(100).await.unwrap();
    ///     queue.handle()
    /// }))
    /// .unwrap();
    /// assert_eq!(sum.get(), 5050);
    /// assert_eq!(handle.push(7), Err(PushError::Closed(7)));
    /// ```
    pub fn push(&self, task: T) -> Result<(), PushError<T>> {
        match self.shared.upgrade() {
            Some(shared) => shared.push_beyond(task),
            None => Err(PushError::Closed(task)),
        }
    }

    /// Puts a task into the queue if there is a place now below its capacity that nobody waits for.
    ///
    /// # Errors
    /// [`PushError`] gives the task back.
    pub fn try_push(&self, task: T) -> Result<(), PushError<T>> {
        match self.shared.upgrade() {
            Some(shared) => shared.try_push(task),
            None => Err(PushError::Closed(task)),
        }
    }

    /// Returns the number of tasks that are queued.
    pub fn len(&self) -> usize {
        self.shared.upgrade().map_or(0, |shared| shared.tasks.borrow().len())
    }

    /// Says whether no task is queued. Some may be running.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> fmt::Debug for QueueHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueHandle").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The future of [`Queue::push`].
#[must_use = "futures do nothing unless polled"]
pub struct Push<'q, T> {
    queue: &'q Queue<T>,
    task: Option<T>,
    ticket: Option<usize>,
}

impl<T> Unpin for Push<'_, T> {}

impl<T> Future for Push<'_, T> {
    type Output = Result<(), PushError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Push { queue, task, ticket } = self.get_mut();
        let shared = &*queue.shared;
        shared.places.poll_take(1, ticket, cx).map(|has_place| match task.take() {
            Some(task) if has_place && shared.places.is_closed() => {
                shared.places.release(1);
                Err(PushError::Closed(task))
            }
            Some(task) if has_place => {
                shared.put(task);
                Ok(())
            }
            Some(task) => Err(PushError::Closed(task)),
            None => Ok(()),
        })
    }
}

impl<T> Drop for Push<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.queue.shared.places.give_up(1, &mut self.ticket);
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
    place: Option<usize>,
}

impl<T> Future for JoinQueue<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let shared = &*self.queue.shared;
        match self.place {
            None if shared.unfinished() == 0 => return Poll::Ready(()),
            None => {
                let waker = cx.waker().clone();
                self.place = Some(shared.joins.borrow_mut().enter(waker, ()));
            }
            Some(place) => {
                let waits = shared.joins.borrow_mut().wait_on(place, cx.waker());
                if waits.is_none() {
                    // That everything was finished in the meantime counts, even if more was pushed since then.
                    self.leave();
                    return Poll::Ready(());
                }
            }
        }
        Poll::Pending
    }
}

impl<T> JoinQueue<'_, T> {
    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            let left: (Left, _) = self.queue.shared.joins.borrow_mut().remove(place);
            drop(left); // and with it a waker, with nothing borrowed
        }
    }
}

impl<T> Drop for JoinQueue<'_, T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> fmt::Debug for JoinQueue<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinQueue").field("queue", &self.queue).finish_non_exhaustive()
    }
}
