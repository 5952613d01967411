//! The small enums that events are told with, and their names in traces.

/// The way in which an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Outcome {
    /// The handler returned `Ok`.
    Succeeded,
    /// The handler returned `Err`.
    Failed,
    /// The handler took longer than the timeout and was dropped.
    TimedOut,
    /// The handler panicked, and its panic was contained.
    Panicked,
    /// The handler was dropped because the run was aborted or its group failed, or it gave up
    /// because its task was cancelled.
    Cancelled,
}

impl Outcome {
    #[cfg(feature = "serde")]
    pub(crate) const ALL: &[Self] = &[Self::Succeeded, Self::Failed, Self::TimedOut, Self::Panicked, Self::Cancelled];

    /// Returns the name of the outcome as it is written in traces and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the outcome with this [`name`](Self::name).
    #[cfg(feature = "serde")]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.name() == name)
    }

    /// Returns whether the attempt failed, timed out or panicked.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Panicked)
    }
}

/// The fate of a delivery, once its source has accepted the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Disposition {
    /// The task is done.
    Done,
    /// The task will be tried again.
    Retried,
    /// The task will not be tried again.
    Dead,
    /// The task was given back, and the attempt is not counted.
    Released,
    /// The lease had ended: another process may have the task, and the verdict has no effect.
    LeaseLost,
}

impl Disposition {
    #[cfg(feature = "trace")]
    pub(crate) const ALL: &[Self] = &[Self::Done, Self::Retried, Self::Dead, Self::Released, Self::LeaseLost];

    /// Returns the name of the disposition as it is written in traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Dead => "dead",
            Self::Released => "released",
            Self::LeaseLost => "lease_lost",
        }
    }

    /// Returns the disposition with this [`name`](Self::name).
    #[cfg(feature = "trace")]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|disposition| disposition.name() == name)
    }
}

/// The reason why a run does not claim, although its source may have more tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BlockedOn {
    /// Every permit is held, the queue is full, or the batch is still open.
    Room,
    /// The rate allows no further start yet.
    Rate,
    /// The number of tasks that wait for others of their key is at its maximum.
    Keys,
    /// Too many settlements wait for the source to accept them.
    Settling,
}

impl BlockedOn {
    #[cfg(feature = "serde")]
    pub(crate) const ALL: &[Self] = &[Self::Room, Self::Rate, Self::Keys, Self::Settling];

    /// Returns the name of the reason as it is written in traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Rate => "rate",
            Self::Keys => "keys",
            Self::Settling => "settling",
        }
    }

    /// Returns the reason with this [`name`](Self::name).
    #[cfg(feature = "serde")]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|by| by.name() == name)
    }
}
