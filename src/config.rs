//! How a run goes about its work.

use core::{num::NonZeroUsize, time::Duration};

use crate::{
    failure::Failure,
    pattern::Pattern,
    random,
    task::{Attempt, TaskId},
};

/// Everything that shapes a run, beside its source, clock and handler.
///
/// ```
/// use core::{num::NonZeroUsize, time::Duration};
/// use fourfold::{Config, Pattern, Retry};
/// let config = Config {
///     timeout: Some(Duration::from_secs(30)),
///     retry: Retry { retries: 5, ..Retry::default() },
///     ..Config::new(Pattern::WorkerPool, NonZeroUsize::new(16).unwrap())
/// };
/// assert_eq!(config.queue_capacity(), 16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Which of the four patterns.
    pub pattern: Pattern,
    /// How many tasks may be in flight.
    pub limit: NonZeroUsize,
    /// How many workers a pool has. Default: as many as the limit; they follow it when it changes.
    pub workers: Option<NonZeroUsize>,
    /// How many claimed tasks a pool's queue holds. Default: the limit, and it follows it when it changes.
    pub queue_capacity: Option<NonZeroUsize>,
    /// How many tasks a batch has at most. Default: four times the limit, as it is when the batch is claimed.
    pub batch_size: Option<NonZeroUsize>,
    /// How long one attempt may take. Default: as long as it likes.
    pub timeout: Option<Duration>,
    /// What follows a failed attempt.
    pub retry: Retry,
    /// How many tasks are started per second, at most.
    pub rate: Option<Rate>,
    /// The run ends when so many tasks have ended.
    pub max_tasks: Option<u64>,
    /// How long a drain may take before it turns into an abort. Default: as long as it likes.
    pub grace: Option<Duration>,
    /// What the jitter of retries is drawn from, per task and attempt.
    pub seed: u64,
}

impl Config {
    /// A pattern and a limit; default retries, and no other bound.
    pub fn new(pattern: Pattern, limit: NonZeroUsize) -> Self {
        Self {
            pattern,
            limit,
            workers: None,
            queue_capacity: None,
            batch_size: None,
            timeout: None,
            retry: Retry::default(),
            rate: None,
            max_tasks: None,
            grace: None,
            seed: 0,
        }
    }

    /// How many claimed tasks a pool's queue holds.
    pub fn queue_capacity(&self) -> usize {
        self.queue_capacity_at(self.limit)
    }

    /// The same once the limit has become another one.
    pub(crate) fn queue_capacity_at(&self, limit: NonZeroUsize) -> usize {
        self.queue_capacity.unwrap_or(limit).get()
    }

    /// How many tasks a batch has at most.
    pub fn batch_size(&self) -> usize {
        self.batch_size_at(self.limit)
    }

    /// The same once the limit has become another one.
    pub(crate) fn batch_size_at(&self, limit: NonZeroUsize) -> usize {
        self.batch_size.map_or_else(|| limit.get().saturating_mul(4), NonZeroUsize::get)
    }
}

impl Default for Config {
    /// A worker pool with a limit of 5.
    fn default() -> Self {
        const FIVE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);
        Self::new(Pattern::WorkerPool, FIVE)
    }
}

/// How often a failed task is tried again, and when: exponential backoff with equal jitter.
///
/// Before retry `n` (1, 2, …) a task waits a random time between half and all of `min(base * 2^(n-1), max)`; the draw
/// depends on the seed, the task and the attempt only.
///
/// ```
/// use core::time::Duration;
/// use fourfold::{Attempt, Failure, Retry, TaskId};
/// let retry = Retry { retries: 1, ..Retry::default() };
/// let failure = Failure::transient("connection reset");
/// let wait = retry.delay(&failure, TaskId(7), Attempt::FIRST, 0).unwrap();
/// assert!(wait >= Duration::from_millis(50) && wait <= Duration::from_millis(100));
/// assert_eq!(retry.delay(&failure, TaskId(7), Attempt::FIRST.next(), 0), None);
/// let in_step = Retry { jitter: false, ..retry };
/// assert_eq!(in_step.delay(&failure, TaskId(7), Attempt::FIRST, 0), Some(Duration::from_millis(100)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How many further attempts a task gets.
    pub retries: u32,
    /// The longest wait before the first of them.
    pub base: Duration,
    /// The longest wait before any of them.
    pub max: Duration,
    /// Whether the wait is drawn, between half and all of what it may be. Where it is not, those that failed together come back together.
    pub jitter: bool,
}

impl Default for Retry {
    /// Three retries, 100 ms to 30 s.
    fn default() -> Self {
        Self { retries: 3, base: Duration::from_millis(100), max: Duration::from_secs(30), jitter: true }
    }
}

impl Retry {
    /// No second attempt.
    pub const NEVER: Self = Self { retries: 0, base: Duration::ZERO, max: Duration::ZERO, jitter: true };

    /// How long a task waits for its next attempt; `None` when it gets none.
    pub fn delay(&self, failure: &Failure, task: TaskId, attempt: Attempt, seed: u64) -> Option<Duration> {
        if failure.is_permanent() || attempt.get() > self.retries {
            return None;
        }
        if let Some(after) = failure.after() {
            return Some(after);
        }
        let doublings = (attempt.get() - 1).min(31);
        let ceiling = self.base.saturating_mul(1 << doublings).min(self.max);
        if !self.jitter {
            return Some(ceiling);
        }
        let half = ceiling / 2;
        let nanos = u64::try_from((ceiling - half).as_nanos()).unwrap_or(u64::MAX);
        let draw = random::draw(seed, task, u64::from(attempt.get()));
        Some(half + Duration::from_nanos(random::below(draw, nanos.saturating_add(1))))
    }
}

/// A number of starts per second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// So many per second; `None` unless it is a positive, finite number.
    ///
    /// ```
    /// use fourfold::Rate;
    /// assert!(Rate::per_second(0.5).is_some());
    /// assert!(Rate::per_second(0.0).is_none() && Rate::per_second(f64::NAN).is_none());
    /// ```
    pub fn per_second(rate: f64) -> Option<Self> {
        (rate.is_finite() && rate > 0.0).then_some(Self(rate))
    }

    /// How many per second.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The time between two starts, in nanoseconds.
    pub(crate) fn interval_ns(self) -> u64 {
        // `as` saturates: a rate beyond one per nanosecond is one per nanosecond.
        ((1e9 / self.0) as u64).max(1)
    }
}
