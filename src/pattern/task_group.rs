//! Tasks that succeed or fail together.

use super::View;

/// As many as there are permits: each is taken before its task is spawned.
#[inline]
pub(super) fn room(view: &View) -> usize {
    view.limit.saturating_sub(view.in_flight + view.queued)
}
