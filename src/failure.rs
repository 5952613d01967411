//! Failures of attempts, and what they say about further attempts.

use alloc::{
    boxed::Box,
    string::{String, ToString},
};
use core::{fmt, time::Duration};

/// The failure of an attempt: its reason, and whether another attempt makes sense.
///
/// Any [`core::error::Error`] converts into a failure with `?`; the [`Retry`](crate::config::Retry)
/// policy of the run then decides about another attempt. For this conversion to exist, a failure
/// does not implement `Error` itself.
///
/// ```
/// use core::time::Duration;
/// use fourfold::Failure;
///
/// fn parse(text: &str) -> Result<u32, Failure> {
///     if text.is_empty() {
///         return Err(Failure::retry_after("nothing there yet", Duration::from_millis(50)));
///     }
///     Ok(text.parse::<u32>()?)
/// }
/// assert_eq!(parse("x").unwrap_err().reason(), "invalid digit found in string");
/// assert_eq!(parse("").unwrap_err().after(), Some(Duration::from_millis(50)));
/// assert!(Failure::permanent("no such user").is_permanent());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(Box<Inner>);

/// Boxed, so that the result of an attempt that succeeds, as most do, is small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    reason: String,
    remedy: Remedy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    Policy,
    Never,
    After(Duration),
    Panicked,
    Cancelled,
    TimedOut,
    Lost,
}

impl Failure {
    /// Makes a failure that may pass. The retry policy decides about another attempt.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::new(reason, Remedy::Policy)
    }

    fn new(reason: impl Into<String>, remedy: Remedy) -> Self {
        Self(Box::new(Inner { reason: reason.into(), remedy }))
    }

    /// Makes a failure that no further attempt can mend. The task is dead at once.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::new(reason, Remedy::Never)
    }

    /// Makes a failure that sets the pause before the next attempt. The retry policy still bounds
    /// the number of attempts.
    pub fn retry_after(reason: impl Into<String>, after: Duration) -> Self {
        Self::new(reason, Remedy::After(after))
    }

    /// Makes a failure that is counted as a panic: a run makes it of a contained panic, and a
    /// handler can return it where the build cannot contain panics.
    pub fn panicked(reason: impl Into<String>) -> Self {
        Self::new(reason, Remedy::Panicked)
    }

    /// Makes the result of a handler that gives up because its task was cancelled. The attempt
    /// counts as cancelled, and the task is dead; a group goes on without it.
    ///
    /// ```
    /// use fourfold::{Failure, MemorySource, Run, Task};
    /// let source = MemorySource::new(["wanted", "unwanted"]);
    /// let run = Run::new(&source, async |task: &Task<&str>| match task.payload {
    ///     "unwanted" => Err(Failure::cancelled("nobody wants it")),
    ///     _ => Ok(()),
    /// });
    /// let report = futures_lite::future::block_on(run.into_future()).unwrap();
    /// assert_eq!((report.counters.succeeded, report.counters.cancelled, report.counters.dead), (1, 1, 1));
    /// ```
    pub fn cancelled(reason: impl Into<String>) -> Self {
        Self::new(reason, Remedy::Cancelled)
    }

    /// Creates the failure of an attempt that took longer than it may, for handlers that watch the time themselves: what they
    /// stop may need a moment to end, and the permit stays taken until then. The retry policy decides what follows.
    pub fn timed_out(reason: impl Into<String>) -> Self {
        Self::new(reason, Remedy::TimedOut)
    }

    /// The end of an attempt whose lease was lost, and whose handler was dropped.
    pub(crate) fn lost() -> Self {
        Self::new(String::new(), Remedy::Lost)
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.0.remedy == Remedy::Lost
    }

    /// Returns what went wrong, as text for people.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Returns whether no further attempt follows: the failure is permanent, or the task was
    /// cancelled.
    pub fn is_permanent(&self) -> bool {
        matches!(self.0.remedy, Remedy::Never | Remedy::Cancelled)
    }

    /// Returns whether the failure is counted as a panic.
    pub fn is_panic(&self) -> bool {
        self.0.remedy == Remedy::Panicked
    }

    /// Returns whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.remedy == Remedy::Cancelled
    }

    /// Returns whether the attempt took longer than it may.
    pub fn is_timeout(&self) -> bool {
        self.0.remedy == Remedy::TimedOut
    }

    /// Returns the pause before the next attempt, if the failure sets one.
    pub fn after(&self) -> Option<Duration> {
        match self.0.remedy {
            Remedy::After(after) => Some(after),
            Remedy::Policy | Remedy::Never | Remedy::Panicked | Remedy::Cancelled | Remedy::TimedOut | Remedy::Lost => {
                None
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.reason)
    }
}

impl<E: core::error::Error> From<E> for Failure {
    /// Makes a transient failure, whose reason is the error followed by the errors that caused it.
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            cause = error.source();
        }
        Self::transient(reason)
    }
}
