//! A task that there is no room for.

use core::fmt;

/// The refusal of a task for which there is no room now; it holds the future, not polled yet.
pub struct Full<F>(pub(super) F);

impl<F> Full<F> {
    /// Returns the future that was not started.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> fmt::Debug for Full<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Full").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Full<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many tasks are running as may")
    }
}

impl<F> core::error::Error for Full<F> {}
