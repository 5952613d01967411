//! A set of running tasks, topped up as they end.

use super::View;

/// As many as the set has room for.
#[inline]
pub(super) fn room(view: &View) -> usize {
    view.limit.saturating_sub(view.in_flight + view.queued)
}
