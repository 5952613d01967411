//! Synthetic tasks, the same for the same seed on every platform, and the handler that performs
//! them.

use core::time::Duration;

use crate::{
    clock::Clock,
    failure::Failure,
    random,
    task::{Task, TaskId},
};

/// A task that only waits, and fails or panics as its fields say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
#[non_exhaustive]
pub struct SyntheticTask {
    /// The time that an attempt takes, in milliseconds.
    pub ms: u64,
    /// The number of attempts that fail before one succeeds.
    pub fail: u32,
    /// Whether every attempt panics.
    pub panic: bool,
}

impl SyntheticTask {
    /// Makes a task whose attempts take this many milliseconds and succeed.
    #[must_use]
    pub const fn new(ms: u64) -> Self {
        Self { ms, fail: 0, panic: false }
    }

    /// Sets the number of attempts that fail before one succeeds.
    #[must_use]
    pub const fn fail(mut self, attempts: u32) -> Self {
        self.fail = attempts;
        self
    }

    /// Sets whether every attempt panics.
    #[must_use]
    pub const fn panic(mut self, panic: bool) -> Self {
        self.panic = panic;
        self
    }

    /// Performs one attempt on a clock.
    ///
    /// A panic is performed as the failure that a contained panic becomes, so that it is the same
    /// where panics abort.
    ///
    /// # Errors
    /// Returns a failure when the task says that this attempt fails or panics.
    pub async fn perform<C: Clock>(&self, clock: &C, attempt: crate::task::Attempt) -> Result<(), Failure> {
        if self.ms > 0 {
            clock.sleep(Duration::from_millis(self.ms)).await;
        }
        if self.panic {
            return Err(Failure::panicked("scripted panic"));
        }
        if attempt.get() <= self.fail {
            return Err(Failure::transient("scripted failure"));
        }
        Ok(())
    }
}

/// A distribution that synthetic tasks are drawn from.
///
/// By default most tasks are short, one in ten takes long, and one in twenty fails once or twice
/// before it succeeds.
///
/// ```
/// use fourfold::sim::{Workload, WorkloadSpec};
/// let steady = WorkloadSpec::default().ms((10, 10)).tail(0, (0, 0)).fail(0, 0);
/// assert!(Workload::new(50, 7).spec(steady).all(|work| work.ms == 10 && work.fail == 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct WorkloadSpec {
    /// The shortest and the longest time of an attempt, in milliseconds. Default: 5 to 20.
    pub ms: (u64, u64),
    /// The number of tasks in a thousand that take long. Default: 100.
    pub tail_permille: u32,
    /// The shortest and the longest time of an attempt at a task that takes long, in milliseconds.
    /// Default: 50 to 200.
    pub tail_ms: (u64, u64),
    /// The number of tasks in a thousand that fail before they succeed. Default: 50.
    pub fail_permille: u32,
    /// The maximum number of attempts that fail at such a task; at least one fails. Default: 2.
    pub fail_attempts: u32,
    /// The number of tasks in a thousand at which every attempt panics. Default: 0.
    pub panic_permille: u32,
}

impl Default for WorkloadSpec {
    /// Makes the default distribution, see [`WorkloadSpec`].
    fn default() -> Self {
        Self {
            ms: (5, 20),
            tail_permille: 100,
            tail_ms: (50, 200),
            fail_permille: 50,
            fail_attempts: 2,
            panic_permille: 0,
        }
    }
}

impl WorkloadSpec {
    /// Sets the shortest and the longest time of an attempt, in milliseconds.
    #[must_use]
    pub const fn ms(mut self, ms: (u64, u64)) -> Self {
        self.ms = ms;
        self
    }

    /// Sets the number of tasks in a thousand that take long, and the shortest and the longest time
    /// of an attempt at these.
    #[must_use]
    pub const fn tail(mut self, permille: u32, ms: (u64, u64)) -> Self {
        (self.tail_permille, self.tail_ms) = (permille, ms);
        self
    }

    /// Sets the number of tasks in a thousand that fail before they succeed, and the maximum number
    /// of attempts that fail at these.
    #[must_use]
    pub const fn fail(mut self, permille: u32, attempts: u32) -> Self {
        (self.fail_permille, self.fail_attempts) = (permille, attempts);
        self
    }

    /// Sets the number of tasks in a thousand at which every attempt panics.
    #[must_use]
    pub const fn panic(mut self, permille: u32) -> Self {
        self.panic_permille = permille;
        self
    }

    /// Draws the task with this id. The draw depends on seed and id only, so that no other task can
    /// change it.
    pub fn draw(&self, seed: u64, id: TaskId) -> SyntheticTask {
        let draw = |purpose, bound| random::below(random::draw(seed, id, purpose), bound);
        let chance = |purpose, permille| draw(purpose, 1000) < u64::from(permille);
        let (low, high) = if chance(1, self.tail_permille) { self.tail_ms } else { self.ms };
        let ms = low + draw(2, high.saturating_sub(low).saturating_add(1));
        let attempts = u64::from(self.fail_attempts).max(1);
        // Below the bound, which came from 32 bits.
        let fail = if chance(3, self.fail_permille) { 1 + draw(4, attempts) as u32 } else { 0 };
        SyntheticTask { ms, fail, panic: chance(5, self.panic_permille) }
    }
}

/// An iterator of synthetic tasks, drawn from a seed and a [`WorkloadSpec`].
///
/// ```
/// use fourfold::sim::Workload;
/// let tasks: Vec<_> = Workload::new(200, 42).collect();
/// assert_eq!(tasks.len(), 200);
/// assert!(tasks.iter().eq(&Workload::new(200, 42).collect::<Vec<_>>()), "the same seed, the same tasks");
/// assert!(tasks.iter().any(|work| work.fail > 0) && tasks.iter().all(|work| !work.panic));
/// ```
#[derive(Clone, Debug)]
pub struct Workload {
    next: u64,
    tasks: u64,
    seed: u64,
    spec: WorkloadSpec,
}

impl Workload {
    /// Makes a workload of this many tasks, drawn from `seed` and the default distribution.
    pub fn new(tasks: u64, seed: u64) -> Self {
        Self { next: 0, tasks, seed, spec: WorkloadSpec::default() }
    }

    /// Sets the distribution that the tasks are drawn from.
    #[must_use]
    pub fn spec(mut self, spec: WorkloadSpec) -> Self {
        self.spec = spec;
        self
    }
}

impl Iterator for Workload {
    type Item = SyntheticTask;

    fn next(&mut self) -> Option<SyntheticTask> {
        let id = TaskId((self.next < self.tasks).then_some(self.next)?);
        self.next += 1;
        Some(self.spec.draw(self.seed, id))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.tasks - self.next).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

/// Performs a synthetic task on a clock; with a clock it is a handler.
///
/// # Errors
/// Returns a failure when the task says that this attempt fails or panics.
pub async fn perform<C: Clock>(clock: &C, task: &Task<SyntheticTask>) -> Result<(), Failure> {
    task.payload.perform(clock, task.attempt).await
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// As it was written down when the command first had a demo: whoever kept a seed has kept its
    /// tasks.
    fn first_draws(seed: u64, id: TaskId) -> SyntheticTask {
        let draw = |purpose, bound| random::below(random::draw(seed, id, purpose), bound);
        let ms = if draw(1, 10) == 0 { 50 + draw(2, 151) } else { 5 + draw(2, 16) };
        let fail = if draw(3, 20) == 0 { 1 + draw(4, 2) as u32 } else { 0 };
        SyntheticTask { ms, fail, panic: false }
    }

    #[test]
    fn the_default_spec_draws_what_it_always_drew() {
        for seed in [0, 42, u64::MAX] {
            for id in (0..5000).map(TaskId) {
                assert_eq!(WorkloadSpec::default().draw(seed, id), first_draws(seed, id));
            }
        }
    }

    #[test]
    fn a_spec_keeps_its_bounds_and_its_rates() {
        let spec = WorkloadSpec {
            ms: (3, 4),
            tail_permille: 200,
            tail_ms: (7, 7),
            fail_permille: 500,
            fail_attempts: 3,
            panic_permille: 10,
        };
        let works: Vec<SyntheticTask> = Workload::new(20_000, 1).spec(spec).collect();
        assert!(works.iter().all(|work| [3, 4, 7].contains(&work.ms) && work.fail <= 3));
        let count = |of: fn(&SyntheticTask) -> bool| works.iter().filter(|work| of(work)).count();
        let counts = [count(|work| work.ms == 7), count(|work| work.fail > 0), count(|work| work.panic)];
        for (count, expected) in counts.into_iter().zip([4000, 10_000, 200]) {
            assert!(count.abs_diff(expected) * 10 < expected * 2, "{count} of {expected}");
        }
    }

    #[test]
    fn a_spec_upside_down_draws_its_first_bound() {
        let spec = WorkloadSpec::default().ms((9, 2)).tail(0, (0, 0)).fail(1000, 0);
        assert!(Workload::new(100, 1).spec(spec).all(|work| work.ms == 9 && work.fail == 1));
    }
}
