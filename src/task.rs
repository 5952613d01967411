//! What is run: a payload with an identity and the number of the attempt.

use core::{fmt, num::NonZeroU32};

/// Names a task within its source, the same over all its attempts.
///
/// Sources give them out; random draws (backoff jitter, synthetic service times) are made per id, so that the order
/// in which tasks happen to run cannot shift them.
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

/// Which attempt at a task this is: 1 for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Attempt(NonZeroU32);

impl Attempt {
    /// The first attempt.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The attempt with this number; `None` for 0.
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

    /// The number, from 1.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The one after it (the largest number stays what it is).
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

/// One attempt at a payload, as the handler sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task<P> {
    /// Its name within the source.
    pub id: TaskId,
    /// How often it has been tried, this time included.
    pub attempt: Attempt,
    /// What there is to do.
    pub payload: P,
}

impl<P> Task<P> {
    /// A task at its first attempt.
    pub const fn new(id: u64, payload: P) -> Self {
        Self { id: TaskId(id), attempt: Attempt::FIRST, payload }
    }

    /// Sets the number of the attempt.
    #[must_use]
    pub fn with_attempt(mut self, attempt: Attempt) -> Self {
        self.attempt = attempt;
        self
    }
}
