//! Who watches a run: the fold, always; the trace and the log, where they are wanted.

use std::cell::RefCell;

use fourfold::{Event, EventKind, Observer, Outcome, State, trace::Trace};

/// The fold, shared with those who show it.
pub(crate) struct Fold<'a>(pub(crate) &'a RefCell<State>);

impl Observer for Fold<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.0.borrow_mut().apply(event);
    }
}

/// An observer that may not be there.
pub(crate) struct Maybe<O>(pub(crate) Option<O>);

impl Observer for Maybe<&mut Trace> {
    fn event(&mut self, event: &Event<'_>) {
        if let Some(observer) = &mut self.0 {
            observer.event(event);
        }
    }
}

/// Events as lines of the log: with -v what goes wrong or changes, with -vv everything.
pub(crate) struct Log {
    active: bool,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { active: tracing::enabled!(tracing::Level::INFO) }
    }
}

impl Observer for Log {
    fn event(&mut self, event: &Event<'_>) {
        if self.active {
            log(event);
        }
    }
}

#[cold]
fn log(event: &Event<'_>) {
    match event.kind {
        EventKind::Ended { task, attempt, outcome, reason, .. } if outcome != Outcome::Succeeded => {
            tracing::info!(%task, %attempt, ?outcome, "{}", reason.unwrap_or_default());
        }
        EventKind::RetryScheduled { task, attempt, after } => {
            tracing::info!(%task, %attempt, ?after, "it will be tried again");
        }
        EventKind::Malformed { reason } => tracing::info!("malformed: {reason}"),
        EventKind::RunStarted { pattern, limit, .. } => tracing::info!(%pattern, limit, "the run begins"),
        EventKind::GroupCancelled { cause } => tracing::info!(%cause, "the group is cancelled"),
        EventKind::LimitChanged { limit, .. } => tracing::info!(limit, "the limit changes"),
        EventKind::DrainStarted => tracing::info!("draining"),
        EventKind::AbortStarted => tracing::info!("aborting"),
        EventKind::RunEnded => tracing::info!("the run is over"),
        kind => tracing::debug!(sequence = event.sequence, "{kind:?}"),
    }
}
