//! A set of running tasks, topped up as they end.

use alloc::{collections::VecDeque, vec::Vec};
use core::{
    fmt,
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::pin,
    task::{Context, Poll},
};

use super::Full;
use crate::{
    config::{ConfigError, Limit, at_least_one},
    executor::{Executor, Start},
};

/// A set of at most `limit` running tasks, whose results come as they finish.
///
/// What is in the set runs while the set is awaited: in [`spawn`](Self::spawn) as long as that waits for room, in
/// [`next`](Self::next), in [`join`](Self::join), and in [`drive`](Self::drive), which is how to await anything else without
/// leaving the tasks alone. A task is first polled when it is spawned. Results wait in the set, and do not count
/// against the limit, until they are taken.
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
/// let lengths = block_on(async {
///     let mut set = TaskSet::new(2).unwrap();
///     let mut lengths = Vec::new();
///     for word in words {
///         set.spawn(measure(word)).await; // waits while two are running
///         lengths.extend(set.prune()); // what has finished by now
///     }
///     lengths.extend(set.join().await);
///     lengths
/// });
/// assert_eq!(lengths, [3, 3, 5, 4]);
/// ```
pub struct TaskSet<F: Future> {
    tasks: Executor<F>,
    limit: NonZeroUsize,
    finished: VecDeque<F::Output>,
}

impl<F: Future> TaskSet<F> {
    /// Makes an empty set with room for this many tasks.
    ///
    /// # Errors
    /// [`ConfigError::ZeroLimit`] when the limit is 0.
    pub fn new(limit: impl Limit) -> Result<Self, ConfigError> {
        let limit = at_least_one(limit, ConfigError::ZeroLimit)?;
        Ok(Self { tasks: Executor::new(), limit, finished: VecDeque::new() })
    }

    /// How many tasks are running.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether none is running. There may still be results.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether another task may start now.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.tasks.len() < self.limit.get()
    }

    /// How many tasks may run.
    pub fn limit(&self) -> usize {
        self.limit.get()
    }

    /// From now on so many tasks may run. A smaller limit stops none; nothing is started until fewer are running.
    ///
    /// # Errors
    /// [`ConfigError::ZeroLimit`] when the limit is 0; it stays what it was.
    pub fn set_limit(&mut self, limit: impl Limit) -> Result<(), ConfigError> {
        self.limit = at_least_one(limit, ConfigError::ZeroLimit)?;
        Ok(())
    }

    /// Waits for room, then starts a task. The others go on meanwhile.
    ///
    /// Dropping this while it waits drops the task that was to be started, and nothing else.
    pub async fn spawn(&mut self, future: F) {
        while !self.has_room() {
            // A set without room is not empty.
            poll_fn(|cx| self.poll_one(cx)).await;
        }
        self.start(future);
    }

    /// Starts a task if there is room now.
    ///
    /// # Errors
    /// [`Full`] gives the future back.
    ///
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
    pub fn try_spawn(&mut self, future: F) -> Result<(), Full<F>> {
        if !self.has_room() {
            return Err(Full(future));
        }
        self.start(future);
        Ok(())
    }

    #[inline]
    fn start(&mut self, future: F) {
        if let Start::Finished(result) = self.tasks.start(future) {
            self.finished.push_back(result);
        }
    }

    /// Takes the results that have come so far, the earliest first, without waiting.
    pub fn prune(&mut self) -> impl ExactSizeIterator<Item = F::Output> + '_ {
        self.finished.drain(..)
    }

    /// The next result; `None` when there is none and nothing is running. Dropping this loses nothing.
    ///
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
        if self.finished.is_empty() {
            poll_fn(|cx| self.poll_one(cx)).await;
        }
        self.finished.pop_front()
    }

    /// Waits until nothing is running; gives the results that were not taken before, in the order in which they came.
    ///
    /// Dropping this loses nothing: results stay in the set.
    pub async fn join(&mut self) -> Vec<F::Output> {
        while poll_fn(|cx| self.poll_one(cx)).await {}
        core::mem::take(&mut self.finished).into()
    }

    /// Awaits something else while the tasks go on. Dropping this drops that other future only.
    ///
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
            while !self.tasks.is_empty() && self.poll_one(cx).is_ready() {}
            future.as_mut().poll(cx)
        })
        .await
    }

    /// Polls on until a task has finished; false when none is running.
    fn poll_one(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.tasks.poll_next(cx).map(|finished| {
            let came = finished.is_some();
            self.finished.extend(finished.map(|(_, result)| result));
            came
        })
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
