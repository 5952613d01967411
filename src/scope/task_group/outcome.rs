//! How a group ends.

use alloc::{borrow::Cow, vec::Vec};
use core::fmt;

use crate::config::ConfigError;

/// The name of a task of a group.
pub type TaskName = Cow<'static, str>;

/// All tasks of a group and its body have succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOutput<T, R> {
    /// The value that the body returned.
    pub value: R,
    /// The results of the tasks, in the order in which they finished.
    pub results: Vec<(TaskName, T)>,
    /// The tasks that were cancelled, each by its handle or all with the group.
    pub cancelled: Vec<TaskName>,
}

impl<T, R> GroupOutput<T, R> {
    /// Returns the result of the task of this name; of the first to finish, if there are several.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.results.iter().find_map(|(task, result)| (task == name).then_some(result))
    }
}

/// A group has failed: what it had come to.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupError<T, E> {
    /// Every failure, the first first. There is at least one, unless the limit was 0.
    pub failures: Vec<GroupFailure<E>>,
    /// The results of other tasks up to then, in the order in which they finished.
    pub results: Vec<(TaskName, T)>,
    /// The tasks that were dropped before they had finished.
    pub cancelled: Vec<TaskName>,
}

/// A failure in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFailure<E> {
    /// The name of the task that failed; `None` for the body.
    pub name: Option<TaskName>,
    /// The error that the task or the body returned.
    pub error: E,
}

impl<E: fmt::Display> fmt::Display for GroupFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, error } = self;
        write!(f, "{}: {error}", name.as_deref().unwrap_or("the body"))
    }
}

impl<T, E> GroupError<T, E> {
    /// The error of a group with a limit of 0, in which nothing could start.
    pub(super) fn zero_limit() -> Self {
        Self { failures: Vec::new(), results: Vec::new(), cancelled: Vec::new() }
    }
}

impl<T, E: fmt::Display> fmt::Display for GroupError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.failures.is_empty() {
            return write!(f, "{}", ConfigError::ZeroLimit);
        }
        let (n, s) = (self.failures.len(), if self.failures.len() == 1 { "" } else { "s" });
        write!(f, "the group failed ({n} failure{s})")?;
        let mut separator = ": ";
        for failure in &self.failures {
            write!(f, "{separator}{failure}")?;
            separator = "; ";
        }
        Ok(())
    }
}

impl<T, E: fmt::Debug> fmt::Debug for GroupError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupError")
            .field("failures", &self.failures)
            .field("results", &self.results.len())
            .field("cancelled", &self.cancelled)
            .finish()
    }
}

/// An error whatever the failures are, if they can be shown: so `?` turns it into a boxed error also where they are boxed
/// errors themselves, or text. The failures are part of its text, and for that reason no source of it.
impl<T, E: fmt::Debug + fmt::Display> core::error::Error for GroupError<T, E> {}
