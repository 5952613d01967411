//! Workers that take from a bounded queue.

mod error;
mod queue;

use core::{
    future::{Future, poll_fn},
    num::NonZeroUsize,
    task::{Context, Poll},
};

pub use self::{
    error::PushError,
    queue::{JoinQueue, Push, Queue, QueueHandle},
};
use super::line::Room;
use crate::{
    config::{ConfigError, Limit, at_least_one},
    executor::{Budget, Executor, Start},
    panic::{Panic, catch},
    scope::{Permit, Permits},
};

/// Has a number of workers handle what `body` pushes to a queue with a number of places, while `body` runs.
///
/// Pushing to a full queue waits. A handler gets a [`QueueHandle`] with its task, by which it can push more; that never
/// waits. When the body has returned, what is queued is finished, with all that handlers push meanwhile, and then the
/// pool ends with what the body returned. Body and workers are polled together, so nothing is pushed and then forgotten.
///
/// A panic in the handler costs no worker and holds up nobody: the task counts as finished, and the first panic goes on
/// when all of the queue has been handled. (Without the feature `std` it cannot be held back.) A panic in the body passes
/// through at once. Dropping the pool drops everything, queued or running.
///
/// ```
/// use core::cell::Cell;
/// use fourfold::{scope::PushError, worker_pool};
/// use futures_lite::future::{block_on, yield_now};
///
/// let sum = Cell::new(0);
/// let handler = async |n: u32, _: &_| {
///     yield_now().await;
///     sum.set(sum.get() + n);
/// };
/// let result = block_on(worker_pool(3, 8, handler, async |queue| {
///     for n in 1..=100 {
///         queue.push(n).await?; // waits while the queue is full
///     }
///     queue.join().await; // all of them are finished
///     Ok::<u32, PushError<u32>>(sum.get())
/// }));
/// assert_eq!(result, Ok(Ok(5050)));
/// ```
///
/// # Errors
/// [`ConfigError`] when the number of workers or the capacity is 0.
pub async fn worker_pool<T, R>(
    workers: impl Limit,
    capacity: impl Limit,
    handler: impl AsyncFn(T, &QueueHandle<T>),
    body: impl AsyncFnOnce(&Queue<T>) -> R,
) -> Result<R, ConfigError> {
    let workers = at_least_one(workers, ConfigError::ZeroWorkers)?;
    let queue = Queue::new(capacity)?;
    let handle = queue.handle();
    Ok(pool(workers, None, &queue, |task, _| handler(task, &handle), body).await)
}

/// Runs a [`worker_pool`] whose workers need a permit for each task, of permits that are shared with others or whose limit changes.
///
/// A worker takes a task only when it has its permit; nobody holds a permit while the queue is empty. When the permits are
/// closed, the queue is closed and what is queued is dropped.
///
/// ```
/// use core::cell::Cell;
/// use fourfold::{Permits, scope::worker_pool_with};
/// use futures_lite::future::{block_on, yield_now};
///
/// let permits = Permits::new(2);
/// let peak = Cell::new(0);
/// let handler = async |_: u8, _: &_| {
///     peak.set(peak.get().max(permits.held()));
///     yield_now().await;
/// };
/// block_on(worker_pool_with(&permits, 8, 8, handler, async |queue| {
///     for n in 0..20 {
///         queue.push(n).await.unwrap();
///     }
/// }))
/// .unwrap();
/// assert_eq!((peak.get(), permits.held()), (2, 0));
/// ```
///
/// # Errors
/// [`ConfigError`] when the number of workers or the capacity is 0.
pub async fn worker_pool_with<T, R>(
    permits: &Permits,
    workers: impl Limit,
    capacity: impl Limit,
    handler: impl AsyncFn(T, &QueueHandle<T>),
    body: impl AsyncFnOnce(&Queue<T>) -> R,
) -> Result<R, ConfigError> {
    let workers = at_least_one(workers, ConfigError::ZeroWorkers)?;
    let queue = Queue::new(capacity)?;
    let (handler, handle) = (&handler, &queue.handle());
    let make = |task, permit| async move {
        handler(task, handle).await;
        drop::<Option<Permit>>(permit);
    };
    Ok(pool(workers, Some(permits), &queue, make, body).await)
}

async fn pool<T, R, F: Future<Output = ()>>(
    workers: NonZeroUsize,
    permits: Option<&Permits>,
    queue: &Queue<T>,
    make: impl Fn(T, Option<Permit>) -> F,
    body: impl AsyncFnOnce(&Queue<T>) -> R,
) -> R {
    let mut pool = Pool::new(workers, permits, queue, make);
    pool.body.spawn(body(queue));
    let output = poll_fn(|cx| pool.poll(cx)).await;
    if let Some(panic) = pool.panic.take() {
        panic.resume();
    }
    output
}

struct Pool<'q, T, B: Future, M, F: Future> {
    queue: &'q Queue<T>,
    room: Room,
    make: M,
    // A worker is a slot: it takes no part in anything while it has no task, and cannot be lost.
    tasks: Executor<F>,
    body: Executor<B>,
    output: Option<B::Output>,
    panic: Option<Panic>,
    budget: Budget,
}

impl<'q, T, B, M, F> Pool<'q, T, B, M, F>
where
    B: Future,
    M: Fn(T, Option<Permit>) -> F,
    F: Future<Output = ()>,
{
    fn new(workers: NonZeroUsize, permits: Option<&Permits>, queue: &'q Queue<T>, make: M) -> Self {
        let tasks = Executor::new();
        let room = Room::new(workers.get(), permits, &tasks);
        let body = tasks.sibling();
        Self { queue, room, make, tasks, body, output: None, panic: None, budget: Budget::default() }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<B::Output> {
        let inside = self.tasks.gate().enter(cx);
        self.budget.renew(&inside);
        loop {
            let mut went_on = false;
            if self.body.begin_tick() {
                went_on = true;
                if let Some((_, output)) = self.body.next_in_tick(&mut self.budget) {
                    self.output = Some(output);
                }
            }
            went_on |= self.start();
            went_on |= self.tick();
            if self.tasks.is_empty()
                && self.queue.is_empty()
                && let Some(output) = self.output.take()
            {
                return Poll::Ready(output);
            }
            if self.budget.is_spent() {
                // The gate wakes for what is ready; what could start is known only here.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !went_on {
                return Poll::Pending;
            }
        }
    }

    /// Has idle workers take what is queued, the first first.
    fn start(&mut self) -> bool {
        let mut started = false;
        self.room.look();
        if self.room.is_closed() && !self.queue.is_closed() {
            self.queue.end();
        }
        while !self.budget.is_spent()
            && !self.queue.is_empty()
            && let Some(permit) = self.room.permit(self.tasks.len())
            && let Some(task) = self.queue.take()
        {
            let (tasks, make) = (&mut self.tasks, &self.make);
            match catch(|| tasks.start(make(task, permit))) {
                Ok(Start::Finished(())) => self.queue.finish(),
                Ok(Start::Running(_)) => {}
                Err(panic) => self.keep(panic),
            }
            self.budget.spend();
            started = true;
        }
        if self.queue.is_empty() {
            self.room.leave();
        }
        started
    }

    fn tick(&mut self) -> bool {
        self.room.keep_up();
        if !self.tasks.begin_tick() {
            return false;
        }
        loop {
            let Self { tasks, budget, queue, .. } = self;
            match catch(|| tasks.tick(budget, |_, ()| queue.finish())) {
                Ok(()) => return true,
                Err(panic) => self.keep(panic),
            }
        }
    }

    /// The task has ended by a panic. The first panic is the one that is told.
    #[cold]
    fn keep(&mut self, panic: Panic) {
        self.queue.finish();
        self.panic.get_or_insert(panic);
    }
}
