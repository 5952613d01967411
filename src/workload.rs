//! Synthetic tasks, the same for the same seed on every platform, and the handler that acts them out.

use core::time::Duration;

use crate::{Clock, Failure, Task, TaskId, random};

/// What a synthetic task does: its fields say how it wants to be acted out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Work {
    /// How long an attempt takes, in milliseconds.
    pub ms: u64,
    /// How many attempts fail before one succeeds.
    pub fail: u32,
    /// Whether every attempt panics.
    pub panic: bool,
}

impl Work {
    /// Acts one attempt out on a clock.
    ///
    /// A panic is acted out as the failure that a contained panic becomes, so that it is the same where panics abort.
    ///
    /// # Errors
    /// As scripted.
    pub async fn act<C: Clock>(&self, clock: &C, attempt: crate::Attempt) -> Result<(), Failure> {
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

/// A number of synthetic tasks, drawn from a seed: most are short, one in ten has a long tail, one in twenty fails once or twice
/// before it succeeds.
///
/// ```
/// use fourfold::Workload;
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
}

impl Workload {
    /// So many tasks, drawn from `seed`.
    pub const fn new(tasks: u64, seed: u64) -> Self {
        Self { next: 0, tasks, seed }
    }

    /// The task with this id. Nothing but seed and id is drawn from.
    pub(crate) fn work(seed: u64, id: TaskId) -> Work {
        let draw = |purpose, bound| random::below(random::draw(seed, id, purpose), bound);
        let ms = if draw(1, 10) == 0 { 50 + draw(2, 151) } else { 5 + draw(2, 16) };
        let fail = if draw(3, 20) == 0 { 1 + draw(4, 2) as u32 } else { 0 };
        Work { ms, fail, panic: false }
    }
}

impl Iterator for Workload {
    type Item = Work;

    fn next(&mut self) -> Option<Work> {
        let id = TaskId((self.next < self.tasks).then_some(self.next)?);
        self.next += 1;
        Some(Self::work(self.seed, id))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.tasks - self.next).unwrap_or(usize::MAX);
        (left, Some(left))
    }
}

/// Acts a synthetic task out on a clock: a handler, but for the clock.
///
/// # Errors
/// As scripted.
pub async fn act<C: Clock>(clock: &C, task: &Task<Work>) -> Result<(), Failure> {
    task.payload.act(clock, task.attempt).await
}
