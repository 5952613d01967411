//! A set of running tasks, topped up as they end.

use alloc::{collections::VecDeque, vec::Vec};
use core::{
    fmt,
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use futures_lite::Stream;

use super::Full;
use crate::{
    config::{ConfigError, Limit, at_least_one},
    executor::{Budget, Executor, Start},
};

/// A set of at most `limit` running tasks, whose results come as they finish.
///
/// Whoever owns the set drives it: tasks run while the set is awaited, in [`spawn`](Self::spawn) when that waits for room, in
/// [`next`](Self::next), in [`join`](Self::join), and in [`drive`](Self::drive), which is how to await anything else without
/// leaving the tasks alone. [`try_next`](Self::try_next) polls them once. [`prune`](Self::prune),
/// [`try_spawn`](Self::try_spawn) and [`has_room`](Self::has_room) poll none that runs already: a loop of these and of awaits
/// of something else never gets on. A task is first polled when it is spawned. Results wait in the set, and do not count
/// against the limit, until they are taken. A set is a `Stream` of its results, too.
///
/// The futures are of one type. Those of several go in boxed, as `Pin<Box<dyn Future<Output = T> + '_>>`. They may
/// borrow, and need not be `Send`. A panic in a task passes through whoever polls it; the task is gone then, the others are
/// not. Dropping the set drops them all.
///
/// ```
/// use fourfold::TaskSet;
/// use futures_lite::future::{block_on, yield_now};
///
/// let words = ["one", "two", "three", "four"];
/// let measure = async |word: &str| {
///     yield_now().await;
///     word.len()
/// };
/// let mut lengths = block_on(async {
///     let mut set = TaskSet::new(2).unwrap();
///     let mut lengths = Vec::new();
///     for word in words {
///         set.spawn(measure(word)).await; // waits while two are running
///         lengths.extend(set.prune()); // what has finished by now
///     }
///     lengths.extend(set.join().await);
///     lengths
/// });
/// lengths.sort();
/// assert_eq!(lengths, [3, 3, 4, 5]);
/// ```
pub struct TaskSet<F: Future> {
    tasks: Executor<F>,
    limit: NonZeroUsize,
    finished: VecDeque<(TaskKey, F::Output)>,
    /// Of the task in each slot.
    numbers: Vec<u64>,
    spawned: u64,
    budget: Budget,
}

impl<F: Future> TaskSet<F> {
    /// Makes an empty set with room for this many tasks.
    ///
    /// # Errors
    /// [`ConfigError::ZeroLimit`] when the limit is 0.
    pub fn new(limit: impl Limit) -> Result<Self, ConfigError> {
        let limit = at_least_one(limit, ConfigError::ZeroLimit)?;
        let (finished, numbers) = (VecDeque::new(), Vec::new());
        Ok(Self { tasks: Executor::new(), limit, finished, numbers, spawned: 0, budget: Budget::default() })
    }

    /// Returns the number of tasks that are running.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Says whether no task is running. There may still be results.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Says whether another task may start now.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.tasks.len() < self.limit.get()
    }

    /// Returns the maximum number of tasks that run.
    pub fn limit(&self) -> usize {
        self.limit.get()
    }

    /// Sets the maximum number of tasks that run, from the next start on. A smaller limit stops none; nothing is started until fewer are running.
    ///
    /// # Errors
    /// [`ConfigError::ZeroLimit`] when the limit is 0; it stays what it was.
    pub fn set_limit(&mut self, limit: impl Limit) -> Result<(), ConfigError> {
        self.limit = at_least_one(limit, ConfigError::ZeroLimit)?;
        Ok(())
    }

    /// Allocates memory for `tasks` tasks that run at once, at most for as many as the limit, so that
    /// spawning them allocates nothing. Without a reserve, memory is allocated as it is needed.
    ///
    /// # Panics
    /// Panics as [`Vec::reserve`] does when the list of tasks would be larger than memory can be.
    pub fn reserve(&mut self, tasks: usize) {
        let tasks = tasks.min(self.limit.get());
        self.tasks.reserve(tasks);
        self.finished.reserve(tasks);
        self.numbers.reserve(tasks.saturating_sub(self.numbers.len()));
    }

    /// Waits for room, then starts a task. The others go on meanwhile.
    ///
    /// The first poll of a task is one of those that a turn may make, so a set that is only ever spawned into returns to
    /// its caller's caller from time to time, too.
    ///
    /// # Cancel safety
    /// Dropping this while it waits drops the task that was to be started, and nothing else.
    pub fn spawn(&mut self, future: F) -> Spawn<'_, F> {
        Spawn { set: self, future: Some(future) }
    }

    /// Starts a task if there is room now. Starting tasks in a loop without an await lets nothing else run.
    ///
    /// # Errors
    /// [`Full`] gives the future back.
    ///
    /// # Examples
    /// ```
    /// # use core::future::pending;
    /// # use fourfold::TaskSet;
    /// let mut set = TaskSet::new(1).unwrap();
    /// assert!(set.try_spawn(pending::<u8>()).is_ok());
    /// let future = set.try_spawn(pending()).unwrap_err().into_inner();
    /// set.set_limit(2).unwrap();
    /// assert!(set.try_spawn(future).is_ok());
    /// ```
    #[inline]
    pub fn try_spawn(&mut self, future: F) -> Result<TaskKey, Full<F>> {
        if !self.has_room() {
            return Err(Full(future));
        }
        Ok(self.start(future))
    }

    #[inline]
    fn start(&mut self, future: F) -> TaskKey {
        let polling = self.tasks.gate().begin_turn();
        if polling.is_new {
            self.budget.refill();
        }
        self.budget.spend();
        let key = TaskKey { slot: self.tasks.next_slot(), number: self.spawned };
        self.spawned += 1;
        match self.tasks.start(future) {
            Start::Finished(result) => self.finished.push_back((key, result)),
            Start::Running(slot) if slot == self.numbers.len() => self.numbers.push(key.number),
            Start::Running(slot) => self.numbers[slot] = key.number,
        }
        key
    }

    /// Takes the results that have come so far, the earliest first. Polls no task.
    pub fn prune(&mut self) -> impl ExactSizeIterator<Item = F::Output> + '_ {
        Pruned { finished: &mut self.finished }
    }

    /// Waits for the next result; `None` when there is none and nothing is running.
    ///
    /// All tasks that are ready are polled before the first of their results is handed out, so what they go on to wait
    /// for is under way while the caller uses that result.
    ///
    /// # Cancel safety
    /// Dropping this loses nothing.
    ///
    /// # Examples
    /// ```
    /// # use fourfold::TaskSet;
    /// # use futures_lite::future::{block_on, ready};
    /// let mut set = TaskSet::new(1).unwrap();
    /// block_on(async {
    ///     set.spawn(ready(7)).await;
    ///     assert_eq!(set.next().await, Some(7));
    ///     assert_eq!(set.next().await, None);
    /// });
    /// ```
    pub async fn next(&mut self) -> Option<F::Output> {
        self.next_with_key().await.map(|(_, result)| result)
    }

    /// Waits for the next result as [`next`](Self::next) does, and says whose it is.
    ///
    /// # Examples
    /// ```
    /// # use fourfold::TaskSet;
    /// # use futures_lite::future::{block_on, ready};
    /// let mut set = TaskSet::new(1).unwrap();
    /// block_on(async {
    ///     let seven = set.spawn(ready(7)).await;
    ///     assert_eq!(set.next_with_key().await, Some((seven, 7)));
    /// });
    /// ```
    pub async fn next_with_key(&mut self) -> Option<(TaskKey, F::Output)> {
        poll_fn(|cx| self.poll_next_with_key(cx)).await
    }

    /// Polls for the next result, as [`next`](Self::next) does.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        self.poll_next_with_key(cx).map(|next| next.map(|(_, result)| result))
    }

    /// Polls for the next result and whose it is, as [`next_with_key`](Self::next_with_key) does.
    pub fn poll_next_with_key(&mut self, cx: &mut Context<'_>) -> Poll<Option<(TaskKey, F::Output)>> {
        if self.finished.is_empty() && !self.is_empty() {
            ready!(self.poll_tick(cx));
        }
        Poll::Ready(self.finished.pop_front())
    }

    /// Polls the tasks that are ready, once, and takes the next result if there is one.
    ///
    /// This waits for nothing, and has nobody woken when there is more to do: a loop around it drives the tasks only as
    /// often as it comes by.
    ///
    /// # Examples
    /// ```
    /// # use fourfold::TaskSet;
    /// # use futures_lite::future::{block_on, yield_now};
    /// let mut set = TaskSet::new(1).unwrap();
    /// block_on(async {
    ///     set.spawn(yield_now()).await;
    ///     while set.try_next().is_none() {
    ///         yield_now().await; // something else
    ///     }
    /// });
    /// ```
    pub fn try_next(&mut self) -> Option<F::Output> {
        self.try_next_with_key().map(|(_, result)| result)
    }

    /// Takes the next result if there is one, as [`try_next`](Self::try_next) does, and says whose it is.
    pub fn try_next_with_key(&mut self) -> Option<(TaskKey, F::Output)> {
        if self.finished.is_empty() && !self.is_empty() {
            let inside = self.tasks.gate().visit();
            self.budget.renew(&inside);
            if !self.tick() {
                inside.end_turn();
            }
        }
        self.finished.pop_front()
    }

    /// Waits until nothing is running; gives the results that were not taken before, in the order in which they came.
    ///
    /// # Cancel safety
    /// Dropping this loses nothing: results stay in the set.
    pub async fn join(&mut self) -> Vec<F::Output> {
        poll_fn(|cx| {
            while !self.is_empty() {
                ready!(self.poll_tick(cx));
            }
            Poll::Ready(())
        })
        .await;
        self.prune().collect()
    }

    /// Awaits something else while the tasks go on.
    ///
    /// # Cancel safety
    /// Dropping this drops that other future only.
    ///
    /// # Examples
    /// ```
    /// # use core::cell::Cell;
    /// # use fourfold::TaskSet;
    /// # use futures_lite::future::{block_on, yield_now};
    /// let ticks = Cell::new(0);
    /// block_on(async {
    ///     let mut set = TaskSet::new(1).unwrap();
    ///     set.spawn(async {
    ///         loop {
    ///             ticks.set(ticks.get() + 1);
    ///             yield_now().await;
    ///         }
    ///     })
    ///     .await;
    ///     set.drive(async {
    ///         while ticks.get() < 10 {
    ///             yield_now().await;
    ///         }
    ///     })
    ///     .await;
    /// });
    /// assert!(ticks.get() >= 10);
    /// ```
    pub async fn drive<G: Future>(&mut self, future: G) -> G::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            // The tasks before the future: what they let go of, it can have in the same turn.
            while !self.is_empty() && self.poll_tick(cx).is_ready() {}
            future.as_mut().poll(cx)
        })
        .await
    }

    /// Drops a task that is running; says whether it was. A task that was aborted has no result.
    ///
    /// # Examples
    /// ```
    /// # use core::future::pending;
    /// # use fourfold::TaskSet;
    /// # use futures_lite::future::block_on;
    /// let mut set = TaskSet::new(1).unwrap();
    /// block_on(async {
    ///     let stuck = set.spawn(pending::<u8>()).await;
    ///     assert!(set.abort(stuck));
    ///     assert!(!set.abort(stuck));
    ///     assert_eq!(set.next().await, None);
    /// });
    /// ```
    pub fn abort(&mut self, task: TaskKey) -> bool {
        self.numbers.get(task.slot) == Some(&task.number) && self.tasks.cancel(task.slot)
    }

    /// Drops all tasks that are running. Results that have come stay in the set.
    pub fn abort_all(&mut self) {
        self.tasks.clear();
    }

    /// Waits for room and for a poll that the turn may still make.
    #[cold]
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.has_room() || self.budget.is_spent() {
            ready!(self.poll_tick(cx));
        }
        Poll::Ready(())
    }

    /// Ticks until a task has finished. Ready also when the budget has been renewed meanwhile and nothing is running.
    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let inside = self.tasks.gate().enter(cx);
        self.budget.renew(&inside);
        if self.tick() || (self.is_empty() && !self.budget.is_spent()) {
            inside.leave_ready();
            return Poll::Ready(());
        }
        if self.budget.is_spent() {
            // Also when nothing is ready: what is to be started is known only to the caller.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Ticks until a task has finished, and says whether one has. The tick in which it does is brought to its end first.
    fn tick(&mut self) -> bool {
        let before = self.finished.len();
        while !self.budget.is_spent() && self.tasks.begin_tick() {
            let (finished, numbers) = (&mut self.finished, &self.numbers);
            self.tasks.tick(&mut self.budget, |slot, result| {
                finished.push_back((TaskKey { slot, number: numbers[slot] }, result));
            });
            if self.finished.len() > before {
                return true;
            }
        }
        false
    }
}

impl<F: Future> Unpin for TaskSet<F> {}

/// The results as they come, until nothing is running.
impl<F: Future> Stream for TaskSet<F> {
    type Item = F::Output;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        self.get_mut().poll_next(cx)
    }
}

impl<F: Future> fmt::Debug for TaskSet<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskSet")
            .field("len", &self.len())
            .field("limit", &self.limit)
            .field("finished", &self.finished.len())
            .finish_non_exhaustive()
    }
}

/// The future of [`TaskSet::spawn`].
#[must_use = "futures do nothing unless polled"]
pub struct Spawn<'s, F: Future> {
    set: &'s mut TaskSet<F>,
    future: Option<F>,
}

// The future that is to be started is pinned only in the set.
impl<F: Future> Unpin for Spawn<'_, F> {}

impl<F: Future> Future for Spawn<'_, F> {
    type Output = TaskKey;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TaskKey> {
        let Spawn { set, future } = self.get_mut();
        if !set.has_room() || set.budget.is_spent() {
            ready!(set.poll_room(cx));
        }
        let future = future.take().expect("a future is not polled after it was ready");
        Poll::Ready(set.start(future))
    }
}

impl<F: Future> fmt::Debug for Spawn<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawn").field("set", &self.set).finish_non_exhaustive()
    }
}

/// The results that have come; those that are not taken are dropped with it.
struct Pruned<'s, T> {
    finished: &'s mut VecDeque<(TaskKey, T)>,
}

impl<T> Iterator for Pruned<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.finished.pop_front().map(|(_, result)| result)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.finished.len(), Some(self.finished.len()))
    }
}

impl<T> ExactSizeIterator for Pruned<'_, T> {}

impl<T> Drop for Pruned<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.finished.is_empty() {
            self.finished.clear();
        }
    }
}

/// A task of a [`TaskSet`]: unique within its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKey {
    number: u64,
    slot: usize,
}
