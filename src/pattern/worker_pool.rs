//! Workers that take from a bounded queue.

use super::View;

/// As many as the queue has places.
#[inline]
pub(super) fn room(view: &View) -> usize {
    view.queue_capacity.saturating_sub(view.queued)
}
