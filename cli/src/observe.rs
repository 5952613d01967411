//! Who watches a run: the fold, always; the trace and the log, where they are wanted.

use std::{cell::RefCell, rc::Rc};

use fourfold::{
    Event, Observer,
    event::{EventKind, Outcome},
    listen::{Listener, Watch},
    metrics::State,
    trace::Trace,
};

/// The fold, shared with those who show it.
pub(crate) enum Fold {
    /// On the terminal and in the end.
    Alone(Rc<RefCell<State>>),
    /// Also to those who ask over HTTP.
    Watched(Watch),
}

impl Fold {
    pub(crate) fn new(listener: Option<&Listener>) -> Self {
        listener.map_or_else(|| Self::Alone(Rc::default()), |listener| Self::Watched(listener.watch()))
    }

    pub(crate) fn state(&self) -> Rc<RefCell<State>> {
        match self {
            Self::Alone(state) => Rc::clone(state),
            Self::Watched(watch) => Rc::clone(watch.state()),
        }
    }
}

impl Observer for Fold {
    fn event(&mut self, event: &Event<&str>) {
        match self {
            Self::Alone(state) => state.borrow_mut().apply(event),
            Self::Watched(watch) => watch.event(event),
        }
    }
}

/// An observer that may not be there.
pub(crate) struct Maybe<O>(pub(crate) Option<O>);

impl Observer for Maybe<&mut Trace> {
    fn event(&mut self, event: &Event<&str>) {
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
    fn event(&mut self, event: &Event<&str>) {
        if self.active {
            log(event);
        }
    }
}

#[cold]
fn log(event: &Event<&str>) {
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
