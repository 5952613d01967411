//! Tasks: a payload, the id of the task, and the number of the attempt.

use core::{
    fmt,
    future::poll_fn,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};

/// The id of a task within its source, the same for all its attempts.
///
/// Sources assign ids. Random draws (the jitter of retries, synthetic service times) depend on the
/// id, so that the order in which tasks run cannot change them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct TaskId(pub u64);

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of an attempt at a task; the first is number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Attempt(NonZeroU32);

impl Attempt {
    /// The first attempt at a task.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Makes the attempt with this number; `None` for 0.
    ///
    /// ```
    /// use fourfold::Attempt;
    /// assert_eq!(Attempt::new(1), Some(Attempt::FIRST));
    /// assert_eq!(Attempt::new(0), None);
    /// assert_eq!(Attempt::FIRST.next().get(), 2);
    /// ```
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number, counted from 1.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Returns the next attempt. The largest number has no next one and stays as it is.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One attempt at a task, as its handler sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task<P> {
    /// The id of the task within its source.
    pub id: TaskId,
    /// The number of this attempt, counted from 1.
    pub attempt: Attempt,
    /// The work to do, as the source delivered it.
    pub payload: P,
    lost: Lost,
}

/// Whether the lease of an attempt is lost. It takes no part in comparisons.
#[derive(Debug, Default)]
struct Lost(AtomicBool);

impl Lost {
    const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clone for Lost {
    fn clone(&self) -> Self {
        Self(AtomicBool::new(self.get()))
    }
}

impl PartialEq for Lost {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Lost {}

impl<P> Task<P> {
    /// Makes a task at its first attempt.
    pub const fn new(id: u64, payload: P) -> Self {
        Self { id: TaskId(id), attempt: Attempt::FIRST, payload, lost: Lost::new() }
    }

    /// Returns whether the lease of this attempt is known to be lost: another process may have the task,
    /// and what the handler does has no effect on the source.
    pub fn is_lost(&self) -> bool {
        self.lost.get()
    }

    /// Waits until the lease of this attempt is known to be lost, where
    /// [`OnLost::Tell`](crate::config::OnLost::Tell) is set; the run polls the handler then. Wait for it
    /// beside the work, in the handler itself or in a combinator that polls all it holds.
    pub async fn lost(&self) {
        poll_fn(|_| if self.is_lost() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    pub(crate) fn set_lost(&self) {
        self.lost.0.store(true, Ordering::Relaxed);
    }

    /// Sets the number of the attempt.
    #[must_use]
    pub fn with_attempt(mut self, attempt: Attempt) -> Self {
        self.attempt = attempt;
        self
    }
}
