//! The reasons for which a run ends with an error.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

use crate::{
    config::{ConfigError, TimedSetting},
    event::Outcome,
    metrics::Report,
    task::{Attempt, TaskId},
};

/// The reason for which a run ended before its work was done, with the report up to then.
///
/// The failure of a handler is an outcome of its task and no error of the run, except in a task group, which ends with the
/// first task that fails for good.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError<E> {
    /// The configuration cannot be used. Nothing was claimed.
    Config {
        /// The limit that is 0.
        error: ConfigError,
        /// The report, which is empty.
        report: Box<Report>,
    },
    /// A setting needs a clock, and the run has none. Nothing was claimed, or, where the setting came
    /// with [`Control::set_config`](crate::control::Control::set_config), the run was drained.
    NeedsClock {
        /// The setting that needs a clock.
        setting: TimedSetting,
        /// The report up to the end of the run.
        report: Box<Report>,
    },
    /// The source failed while the run went on. Tasks in flight were finished where the source still took settlements; the others are left to the
    /// source.
    Source {
        /// The first error of the source.
        error: E,
        /// The report up to the end of the run.
        report: Box<Report>,
    },
    /// A task of a group failed for good; its siblings were cancelled and given back to the source.
    Group {
        /// All final failures: the first, and those of siblings that failed before they could be cancelled.
        failures: Vec<TaskFailure>,
        /// The report up to the end of the run.
        report: Box<Report>,
    },
}

/// A task that failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// The id of the task.
    pub task: TaskId,
    /// The last attempt; the first is number 1.
    pub attempt: Attempt,
    /// The outcome of the last attempt.
    pub outcome: Outcome,
    /// The reason of the failure, for people.
    pub reason: String,
}

impl<E> RunError<E> {
    /// Returns the report up to the end of the run.
    pub fn report(&self) -> &Report {
        match self {
            Self::Config { report, .. }
            | Self::NeedsClock { report, .. }
            | Self::Source { report, .. }
            | Self::Group { report, .. } => report,
        }
    }
}

impl<E: fmt::Display> fmt::Display for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { error, .. } => write!(f, "{error}"),
            Self::NeedsClock { setting, .. } => {
                write!(f, "the configuration sets a {setting}, and the run has no clock: give it one with `.clock(..)`")
            }
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
            Self::Config { .. } | Self::NeedsClock { .. } | Self::Group { .. } => None,
        }
    }
}
