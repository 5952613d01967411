//! How the command ends: the one place that knows exit codes.

use std::{fmt::Display, process::ExitCode};

/// What the exit code tells. When several apply, the greatest decides: the order of the variants is
/// the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// All tasks are done.
    #[default]
    Done,
    /// The tasks are as they should be, but an output is not.
    NotWritten,
    /// The run was not to wait for tasks that other consumers hold.
    HeldElsewhere,
    /// Some tasks are dead or malformed, or a group failed.
    NotAllDone,
    /// The reader of standard output went away.
    StdoutClosed,
    /// The source failed, or the handler's command vanished.
    SourceFailed,
    /// A signal with this number stopped the command.
    Stopped(u8),
    /// The command line makes no sense.
    Usage,
}

impl Ending {
    /// Returns the number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotAllDone => 1,
            Self::Usage => 2,
            Self::SourceFailed => 3,
            Self::NotWritten => 4,
            Self::HeldElsewhere => 5,
            // As a process ends that this signal, or SIGPIPE, kills.
            Self::Stopped(signal) => 128_u8.saturating_add(signal),
            Self::StdoutClosed => 141,
        }
    }

    /// Returns [`NotAllDone`](Self::NotAllDone) if there was any such task.
    pub(crate) fn of_lost(tasks: u64) -> Self {
        if tasks > 0 { Self::NotAllDone } else { Self::Done }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        ending.code().into()
    }
}

/// An error that ends the command, with a line that says why and what to do.
#[derive(Debug)]
pub(crate) struct CliError {
    ending: Ending,
    message: String,
}

impl CliError {
    /// Creates an error about the command line. Only what checks it may do that: once a run has
    /// begun, nothing is wrong with it.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { ending: Ending::Usage, message: message.to_string() }
    }

    /// Creates an error about where tasks or events come from.
    pub(crate) fn source(message: impl Display) -> Self {
        Self { ending: Ending::SourceFailed, message: message.to_string() }
    }

    /// Returns what the exit code tells.
    pub(crate) fn ending(&self) -> Ending {
        self.ending
    }

    /// Returns the line for standard error, without `error: `.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ending_in_the_documented_order_decides() {
        let order = [
            Ending::Usage,
            Ending::Stopped(15),
            Ending::Stopped(2),
            Ending::SourceFailed,
            Ending::StdoutClosed,
            Ending::NotAllDone,
            Ending::HeldElsewhere,
            Ending::NotWritten,
            Ending::Done,
        ];
        assert!(order.is_sorted_by(|before, after| before > after));
        assert_eq!(order.map(Ending::code), [2, 143, 130, 3, 141, 1, 5, 4, 0]);
    }
}
