//! A task that a source did not take.

use core::fmt;

/// The refusal of a task that was pushed to a [`MemorySource`](super::MemorySource) in which as many
/// pushed tasks wait as may; it holds the task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Overflow<P>(pub(super) P);

impl<P> Overflow<P> {
    /// Returns the task that was not taken.
    pub fn into_inner(self) -> P {
        self.0
    }
}

impl<P> fmt::Debug for Overflow<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overflow").finish_non_exhaustive()
    }
}

impl<P> fmt::Display for Overflow<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many pushed tasks wait in the source as may")
    }
}

impl<P> core::error::Error for Overflow<P> {}
