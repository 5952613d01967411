//! Workers that take from a bounded queue.

mod error;
mod queue;

use core::{
    future::{Future, poll_fn},
    num::NonZeroUsize,
    task::{Context, Poll},
};

use self::queue::Unfinished;
pub use self::{
    error::PushError,
    queue::{JoinQueue, Push, Queue, QueueHandle},
};
use super::line::Line;
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
    pool(workers, capacity, None, handler, body).await
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
    pool(workers, capacity, Some(permits), handler, body).await
}

async fn pool<T, R>(
    workers: impl Limit,
    capacity: impl Limit,
    permits: Option<&Permits>,
    handler: impl AsyncFn(T, &QueueHandle<T>),
    body: impl AsyncFnOnce(&Queue<T>) -> R,
) -> Result<R, ConfigError> {
    let workers = at_least_one(workers, ConfigError::ZeroWorkers)?;
    let queue = Queue::new(at_least_one(capacity, ConfigError::ZeroQueueCapacity)?);
    let (handler, handle) = (&handler, &queue.handle());
    let make = |task, unfinished, permit| async move {
        handler(task, handle).await;
        drop::<(Option<Permit>, Unfinished<'_, T>)>((permit, unfinished));
    };
    let mut pool = Pool::new(workers, permits, &queue, make);
    pool.body.spawn(body(&queue));
    let output = poll_fn(|cx| pool.poll(cx)).await;
    if let Some(panic) = pool.panic.take() {
        panic.resume();
    }
    Ok(output)
}

struct Pool<'q, T, B: Future, M, F: Future> {
    queue: &'q Queue<T>,
    workers: usize,
    line: Option<Line>,
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
    M: Fn(T, Unfinished<'q, T>, Option<Permit>) -> F,
    F: Future<Output = ()>,
{
    fn new(workers: NonZeroUsize, permits: Option<&Permits>, queue: &'q Queue<T>, make: M) -> Self {
        let tasks = Executor::new();
        let line = permits.map(|permits| Line::new(permits.clone(), &tasks));
        let body = tasks.sibling();
        let workers = workers.get();
        Self { queue, workers, line, make, tasks, body, output: None, panic: None, budget: Budget::default() }
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
        if let Some(line) = &mut self.line {
            line.look();
            if line.is_closed() && !self.queue.is_closed() {
                self.queue.end();
            }
        }
        while !self.budget.is_spent()
            && self.tasks.len() < self.workers
            && !self.queue.is_empty()
            && let Some(permit) = self.permit()
            && let Some((task, unfinished)) = self.queue.take()
        {
            let (tasks, make) = (&mut self.tasks, &self.make);
            match catch(|| tasks.start(make(task, unfinished, permit))) {
                Ok(Start::Finished(()) | Start::Running(_)) => {}
                Err(panic) => self.keep(panic),
            }
            self.budget.spend();
            started = true;
        }
        if self.queue.is_empty()
            && let Some(line) = &mut self.line
        {
            line.leave();
        }
        started
    }

    /// The permit for a task, where one is needed; `None` while it has to be waited for.
    #[inline]
    fn permit(&mut self) -> Option<Option<Permit>> {
        match &mut self.line {
            None => Some(None),
            Some(line) => line.permit().map(Some),
        }
    }

    fn tick(&mut self) -> bool {
        if let Some(line) = &mut self.line {
            line.keep_up();
        }
        if !self.tasks.begin_tick() {
            return false;
        }
        loop {
            let (tasks, budget) = (&mut self.tasks, &mut self.budget);
            match catch(|| tasks.next_in_tick(budget)) {
                Ok(Some((_, ()))) => {}
                Ok(None) => return true,
                Err(panic) => self.keep(panic),
            }
        }
    }

    /// The first panic is the one that is told.
    #[cold]
    fn keep(&mut self, panic: Panic) {
        self.panic.get_or_insert(panic);
    }
}
