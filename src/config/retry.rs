//! Retries: exponential backoff with equal jitter.

use core::time::Duration;

use crate::{
    failure::Failure,
    random,
    task::{Attempt, TaskId},
};

/// The number of retries of a failed task, and the pauses before them: exponential backoff with
/// equal jitter.
///
/// Before retry `n` (1, 2, …) a task waits a random time between half and all of `min(base *
/// 2^(n-1), max)`. The random draw depends on the seed, the task and the attempt only.
///
/// ```
/// use core::time::Duration;
/// use fourfold::{Attempt, Failure, Retry, TaskId};
/// let retry = Retry::new(1);
/// let failure = Failure::transient("connection reset");
/// let pause = retry.delay(&failure, TaskId(7), Attempt::FIRST, 0).unwrap();
/// assert!(pause >= Duration::from_millis(50) && pause <= Duration::from_millis(100));
/// assert_eq!(retry.delay(&failure, TaskId(7), Attempt::FIRST.next(), 0), None);
/// let in_step = retry.jitter(false);
/// assert_eq!(in_step.delay(&failure, TaskId(7), Attempt::FIRST, 0), Some(Duration::from_millis(100)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// The maximum number of retries of one task. Default: 3. With 0, the first failure is final.
    pub retries: u32,
    /// The longest pause before the first retry. Default: `None`, which means 100 ms, and no pause in
    /// a run without a clock. Each further pause is at most twice as long as the one before. A pause
    /// that is set needs a clock.
    pub base: Option<Duration>,
    /// The longest pause before any retry. Default: `None`, which means 30 s. A maximum that is set
    /// needs a clock.
    pub max: Option<Duration>,
    /// Whether the pause is drawn at random. Default: true. Without jitter, tasks that failed
    /// together come back together.
    pub jitter: bool,
}

impl Default for Retry {
    /// Makes a policy of three retries, with pauses of 100 ms to 30 s.
    fn default() -> Self {
        Self::new(3)
    }
}

impl Retry {
    /// The policy without retries: the first failure of a task is final.
    pub const NEVER: Self = Self::new(0);

    /// The longest pause before the first retry, where none is set.
    pub const BASE: Duration = Duration::from_millis(100);

    /// The longest pause before any retry, where none is set.
    pub const MAX: Duration = Duration::from_secs(30);

    /// Makes a policy with this number of retries, and pauses of 100 ms to 30 s with jitter.
    #[must_use]
    pub const fn new(retries: u32) -> Self {
        Self { retries, base: None, max: None, jitter: true }
    }

    /// Sets [`base`](Self#structfield.base): the longest pause before the first retry.
    #[must_use]
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = Some(base);
        self
    }

    /// Sets [`max`](Self#structfield.max): the longest pause before any retry.
    #[must_use]
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = Some(max);
        self
    }

    /// Sets [`jitter`](Self#structfield.jitter): whether the pause is drawn at random.
    #[must_use]
    pub const fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// Whether a pause is set that is longer than none.
    pub(crate) fn has_pause(&self) -> bool {
        [self.base, self.max].into_iter().flatten().any(|pause| !pause.is_zero())
    }

    /// Returns the pause before the next attempt of a task; `None` when the task gets no further
    /// attempt.
    pub fn delay(&self, failure: &Failure, task: TaskId, attempt: Attempt, seed: u64) -> Option<Duration> {
        if failure.is_permanent() || attempt.get() > self.retries {
            return None;
        }
        if let Some(after) = failure.after() {
            return Some(after);
        }
        let doublings = (attempt.get() - 1).min(31);
        let (base, max) = (self.base.unwrap_or(Self::BASE), self.max.unwrap_or(Self::MAX));
        let ceiling = base.saturating_mul(1 << doublings).min(max);
        if !self.jitter {
            return Some(ceiling);
        }
        let half = ceiling / 2;
        let nanos = u64::try_from((ceiling - half).as_nanos()).unwrap_or(u64::MAX);
        let draw = random::draw(seed, task, u64::from(attempt.get()));
        Some(half + Duration::from_nanos(random::below(draw, nanos.saturating_add(1))))
    }
}
