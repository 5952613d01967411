//! Batch after batch, each under a semaphore.

use super::View;

/// A whole batch, once the one before has ended.
#[inline]
pub(super) fn room(view: &View) -> usize {
    if view.batch_open { 0 } else { view.batch_size }
}
