//! What a program keeps of the lines that are done.

use std::io;

use super::{Json, Verdict};
use crate::task::Task;

/// A record of the lines whose tasks have ended, kept by a program that goes on later where it stopped.
///
/// A source of lines asks it about each line, and tells it of each end before the run counts it.
pub trait LineLedger {
    /// Returns whether the task of a line is to be done. `text` is the line without white space around
    /// it.
    ///
    /// # Errors
    /// Returns an error when the line cannot be what the record is about. It ends the run.
    fn is_open(&mut self, line: u64, text: &[u8]) -> io::Result<bool>;

    /// Adds the end of a task: [`Verdict::Done`] or [`Verdict::Dead`].
    fn ended(&mut self, task: &Task<Json>, verdict: &Verdict);

    /// Adds a line that was not a task.
    fn malformed(&mut self, line: u64, text: &[u8]);

    /// Writes what was added.
    ///
    /// # Errors
    /// Returns an error when it cannot be written. It ends the run.
    fn commit(&mut self) -> io::Result<()>;
}
