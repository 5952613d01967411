//! Exit codes, and what ends the command early.

use std::{fmt::Display, process::ExitCode};

pub(crate) const DONE: u8 = 0;
/// Some tasks ended dead or malformed, or a group failed.
pub(crate) const NOT_ALL_DONE: u8 = 1;
pub(crate) const USAGE: u8 = 2;
/// The source failed, or the handler's command vanished.
pub(crate) const SOURCE_FAILED: u8 = 3;
/// The tasks are as they should be, but a file that was asked for is not.
pub(crate) const NOT_WRITTEN: u8 = 4;
/// As a process ends that SIGPIPE kills.
pub(crate) const STDOUT_CLOSED: u8 = 141;

/// Ends the command, with a line that says why and what to do.
#[derive(Debug)]
pub(crate) struct Fault {
    code: u8,
    message: String,
}

impl Fault {
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { code: USAGE, message: message.to_string() }
    }

    pub(crate) fn source(message: impl Display) -> Self {
        Self { code: SOURCE_FAILED, message: message.to_string() }
    }

    pub(crate) fn report(self) -> ExitCode {
        super::screen::say(&format!("error: {}", self.message));
        ExitCode::from(self.code)
    }
}
