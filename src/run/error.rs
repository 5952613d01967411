//! Why a run could not go on.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use crate::{
    config::ConfigError,
    event::Outcome,
    metrics::Report,
    task::{Attempt, TaskId},
};

/// Why a run could not go on, with what it had come to by then. A handler's failure is an outcome and never one of these,
/// but for the group, whose point it is to end with the first.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError<E> {
    /// The configuration cannot be used. Nothing was claimed.
    Config {
        /// What is wrong with it.
        error: ConfigError,
        /// An empty report.
        report: Box<Report>,
    },
    /// The source failed. What was in flight was finished where the source still took settlements; the rest comes back with its lease.
    Source {
        /// How.
        error: E,
        /// What the run had come to.
        report: Box<Report>,
    },
    /// A task of a group failed for good; its siblings were cancelled and given back.
    Group {
        /// Every final failure: the first, and those of siblings that failed before they could be cancelled.
        failures: Vec<TaskFailure>,
        /// What the run had come to.
        report: Box<Report>,
    },
}

/// A task that failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// Which.
    pub task: TaskId,
    /// At which attempt.
    pub attempt: Attempt,
    /// How.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}

impl<E> RunError<E> {
    /// What the run had come to.
    pub fn report(&self) -> &Report {
        match self {
            Self::Config { report, .. } | Self::Source { report, .. } | Self::Group { report, .. } => report,
        }
    }
}

impl<E: fmt::Display> fmt::Display for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { error, .. } => write!(f, "{error}"),
            Self::Source { error, .. } => write!(f, "the source failed: {error}"),
            Self::Group { failures, .. } => {
                let (n, s) = (failures.len(), if failures.len() == 1 { "" } else { "s" });
                write!(f, "the group failed ({n} failure{s})")?;
                match failures.first() {
                    Some(first) => write!(f, ": task {}, attempt {}: {}", first.task, first.attempt, first.reason),
                    None => Ok(()),
                }
            }
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for RunError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Source { error, .. } => Some(error),
            Self::Config { .. } | Self::Group { .. } => None,
        }
    }
}
