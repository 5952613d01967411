//! Why an attempt failed, and what that says about another one.

use alloc::{
    boxed::Box,
    string::{String, ToString},
};
use core::{fmt, time::Duration};

/// A failed attempt: the reason, and whether trying again makes sense.
///
/// Any [`core::error::Error`] converts into one with `?`; the run's [`Retry`](crate::config::Retry) policy then decides. It is
/// itself no `Error`, so that this conversion can exist.
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
}

impl Failure {
    /// A failure that may pass: the retry policy decides.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::new(reason, Remedy::Policy)
    }

    fn new(reason: impl Into<String>, remedy: Remedy) -> Self {
        Self(Box::new(Inner { reason: reason.into(), remedy }))
    }

    /// A failure that no further attempt can mend: the task is dead at once.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::new(reason, Remedy::Never)
    }

    /// A failure that says when to try again; the policy still bounds how often.
    pub fn retry_after(reason: impl Into<String>, after: Duration) -> Self {
        Self::new(reason, Remedy::After(after))
    }

    /// A panic that was contained, counted as such: by the run itself, or by a handler that acts one out where the build
    /// cannot contain real ones.
    pub fn panicked(reason: impl Into<String>) -> Self {
        Self::new(reason, Remedy::Panicked)
    }

    /// No failure of the handler's: somebody has cancelled this one task, and the handler gives up. The attempt counts as cancelled, and the task
    /// is not tried again; a group goes on without it.
    ///
    /// ```
    /// use fourfold::{Failure, MemorySource, Run, Task};
    /// let source = MemorySource::new((), ["wanted", "unwanted"]);
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

    /// What went wrong, for people.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Whether the task is dead at once.
    pub fn is_permanent(&self) -> bool {
        matches!(self.0.remedy, Remedy::Never | Remedy::Cancelled)
    }

    /// Whether it was a panic.
    pub fn is_panic(&self) -> bool {
        self.0.remedy == Remedy::Panicked
    }

    /// Whether somebody has cancelled the task.
    pub fn is_cancelled(&self) -> bool {
        self.0.remedy == Remedy::Cancelled
    }

    /// When to try again, where the handler knows it.
    pub fn after(&self) -> Option<Duration> {
        match self.0.remedy {
            Remedy::After(after) => Some(after),
            Remedy::Policy | Remedy::Never | Remedy::Panicked | Remedy::Cancelled => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.reason)
    }
}

impl<E: core::error::Error> From<E> for Failure {
    /// Transient, with the error and the errors that caused it as the reason.
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
