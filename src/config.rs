//! The configuration of a run: pattern, limits, timeout, retries, rate.

mod limit;
mod lost;
mod rate;
mod retry;
mod timed;

use core::{num::NonZeroUsize, time::Duration};

pub(crate) use self::limit::at_least_one;
pub use self::{
    limit::{ConfigError, Limit},
    lost::OnLost,
    rate::Rate,
    retry::Retry,
    timed::TimedSetting,
};
use crate::pattern::Pattern;

/// Everything that a run can be told beside its source, clock and handler.
///
/// A configuration is made with [`new`](Self::new) and the methods named like its fields.
/// [`Run`](crate::run::Run) has the same methods;
/// [`Control::set_config`](crate::control::Control::set_config) changes the configuration of a run
/// that goes on.
///
/// ```
/// use core::time::Duration;
/// use fourfold::{Config, Pattern, Retry};
/// let config = Config::new(Pattern::WorkerPool, 16).timeout(Duration::from_secs(30)).retry(Retry::new(5));
/// assert_eq!((config.limit, config.workers, config.max_tasks), (16, None, None));
/// assert!(config.check().is_ok() && config.limit(0).check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The pattern of the run. Default: the worker pool. It cannot change during a run.
    pub pattern: Pattern,
    /// The maximum number of tasks in flight. Default: 5. A change takes effect with the next task
    /// that starts; running tasks are not interrupted.
    pub limit: usize,
    /// The number of workers of a pool; other patterns ignore it. Default: `None`, which means the
    /// limit, and follows it when it changes. Workers beyond the limit wait for a permit. A change
    /// takes effect with the next task that starts.
    pub workers: Option<usize>,
    /// The maximum number of claimed tasks in a pool's queue; other patterns ignore it. Default:
    /// `None`, which means the limit, and follows it when it changes. A larger queue hides the
    /// latency of the source better, and holds more tasks that other processes could run. A change
    /// takes effect with the next claim.
    pub queue_capacity: Option<usize>,
    /// The maximum number of tasks in a batch; other patterns ignore it. Default: `None`, which
    /// means four times the limit. Larger batches wait less often for their slowest task. A change
    /// takes effect with the next batch.
    pub batch_size: Option<usize>,
    /// The maximum time for one attempt. Default: `None`, which means no limit. An attempt that
    /// takes longer is dropped, counted as timed out, and retried. A change takes effect with the
    /// next attempt. A timeout needs a clock.
    pub timeout: Option<Duration>,
    /// The number of retries of a failed task, and the pauses before them. Default: three retries.
    /// A change takes effect with the next failure.
    pub retry: Retry,
    /// The maximum number of starts per second. Default: `None`, which means no limit. A change
    /// takes effect with the next task that starts. A rate needs a clock.
    pub rate: Option<Rate>,
    /// The number of tasks after which the run ends, counting tasks that ended in any way. Default:
    /// `None`, which means that the run goes on until its source is exhausted. A change takes
    /// effect at once.
    pub max_tasks: Option<u64>,
    /// The maximum time for a drain; after it the run aborts. Default: `None`, which means no
    /// limit. A change takes effect with the next drain. A grace period needs a clock.
    pub grace: Option<Duration>,
    /// The number of tasks in flight for which memory is allocated before the first claim. Default:
    /// 0, which means that the memory grows with the number of tasks that have been in flight at
    /// once. With the limit or more, tasks that succeed allocate nothing from the first claim on, but
    /// for what their handlers and the source allocate. Memory is reserved neither beyond the limit
    /// nor for more than 65,536 tasks. It cannot change during a run.
    pub reserve: usize,
    /// The treatment of a handler whose lease is lost while it runs. Default: [`OnLost::Cancel`]. A
    /// change takes effect with the next attempt.
    pub on_lost: OnLost,
    /// The seed of random draws: the jitter of retries, per task and attempt. Default: 0. It cannot
    /// change during a run.
    pub seed: u64,
}

impl Config {
    /// Makes a configuration with this pattern and this limit, and defaults for everything else.
    pub fn new(pattern: Pattern, limit: impl Limit) -> Self {
        Self {
            pattern,
            limit: limit.get(),
            workers: None,
            queue_capacity: None,
            batch_size: None,
            timeout: None,
            retry: Retry::default(),
            rate: None,
            max_tasks: None,
            grace: None,
            reserve: 0,
            on_lost: OnLost::default(),
            seed: 0,
        }
    }

    /// Sets [`pattern`](Self#structfield.pattern): the pattern of the run.
    #[must_use]
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.pattern = pattern;
        self
    }

    /// Sets [`limit`](Self#structfield.limit): the maximum number of tasks in flight.
    #[must_use]
    pub fn limit(mut self, limit: impl Limit) -> Self {
        self.limit = limit.get();
        self
    }

    /// Sets [`workers`](Self#structfield.workers): the number of workers of a pool.
    #[must_use]
    pub fn workers(mut self, workers: impl Limit) -> Self {
        self.workers = Some(workers.get());
        self
    }

    /// Sets [`queue_capacity`](Self#structfield.queue_capacity): the maximum number of claimed
    /// tasks in a pool's queue.
    #[must_use]
    pub fn queue_capacity(mut self, tasks: impl Limit) -> Self {
        self.queue_capacity = Some(tasks.get());
        self
    }

    /// Sets [`batch_size`](Self#structfield.batch_size): the maximum number of tasks in a batch.
    #[must_use]
    pub fn batch_size(mut self, tasks: impl Limit) -> Self {
        self.batch_size = Some(tasks.get());
        self
    }

    /// Sets [`timeout`](Self#structfield.timeout): the maximum time for one attempt.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets [`retry`](Self#structfield.retry): the number of retries and the pauses before them.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets [`rate`](Self#structfield.rate): the maximum number of starts per second.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Sets [`max_tasks`](Self#structfield.max_tasks): the number of tasks after which the run
    /// ends.
    #[must_use]
    pub fn max_tasks(mut self, tasks: u64) -> Self {
        self.max_tasks = Some(tasks);
        self
    }

    /// Sets [`grace`](Self#structfield.grace): the maximum time for a drain.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Sets [`reserve`](Self#structfield.reserve): the number of tasks for which memory is allocated
    /// before the first claim.
    #[must_use]
    pub fn reserve(mut self, tasks: usize) -> Self {
        self.reserve = tasks;
        self
    }

    /// Sets [`on_lost`](Self#structfield.on_lost): the treatment of a handler whose lease is lost.
    #[must_use]
    pub fn on_lost(mut self, on_lost: OnLost) -> Self {
        self.on_lost = on_lost;
        self
    }

    /// Sets [`seed`](Self#structfield.seed): the seed of random draws.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Checks that a run can start with this configuration. A run checks it too, before its first
    /// claim.
    ///
    /// # Errors
    /// [`ConfigError`] when one of the limits is 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        at_least_one(self.limit, ConfigError::ZeroLimit)?;
        for (size, error) in [
            (self.workers, ConfigError::ZeroWorkers),
            (self.queue_capacity, ConfigError::ZeroQueueCapacity),
            (self.batch_size, ConfigError::ZeroBatchSize),
        ] {
            size.map(|size| at_least_one(size, error)).transpose()?;
        }
        Ok(())
    }

    /// Returns the first setting that needs a clock; `None` if the configuration needs none. A run
    /// without a clock ends with [`RunError::NeedsClock`](crate::run::RunError::NeedsClock) for it.
    pub fn needs_clock(&self) -> Option<TimedSetting> {
        let settings = [
            (self.timeout.is_some(), TimedSetting::Timeout),
            (self.rate.is_some(), TimedSetting::Rate),
            (self.grace.is_some(), TimedSetting::Grace),
            (self.retry.has_pause(), TimedSetting::RetryPause),
        ];
        settings.into_iter().find_map(|(is_set, setting)| is_set.then_some(setting))
    }

    /// The same configuration for a run without a clock: retries come without a pause.
    pub(crate) fn without_clock(mut self) -> Self {
        self.retry = self.retry.base(Duration::ZERO);
        self
    }

    /// The limit of a configuration that was checked.
    pub(crate) fn checked_limit(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.limit).unwrap_or(NonZeroUsize::MIN)
    }

    /// The number of workers of a pool with this limit.
    pub(crate) fn workers_at(&self, limit: NonZeroUsize) -> usize {
        self.workers.unwrap_or(limit.get())
    }

    /// The capacity of a pool's queue with this limit.
    pub(crate) fn queue_capacity_at(&self, limit: NonZeroUsize) -> usize {
        self.queue_capacity.unwrap_or(limit.get())
    }

    /// The size of a batch with this limit.
    pub(crate) fn batch_size_at(&self, limit: NonZeroUsize) -> usize {
        self.batch_size.unwrap_or_else(|| limit.get().saturating_mul(4))
    }
}

impl Default for Config {
    /// Makes the configuration of a worker pool with a limit of 5.
    fn default() -> Self {
        Self::new(Pattern::WorkerPool, 5)
    }
}
