//! What watches a run: the state always, the trace and the log where they are wanted.

use std::{cell::RefCell, rc::Rc};

use fourfold::{
    Event, Observer,
    event::{EventKind, Outcome},
    listen::{Listener, Watch},
    metrics::State,
    trace::Trace,
};

use crate::terminal;

/// The state of a run, kept up to date and shared with what shows it.
pub(crate) enum StateObserver {
    /// Shown on the terminal and at the end.
    Alone(Rc<RefCell<State>>),
    /// Also shown over HTTP.
    Watched(Watch),
}

impl StateObserver {
    /// Creates the state of a run that begins.
    pub(crate) fn new(listener: Option<&Listener>) -> Self {
        listener.map_or_else(|| Self::Alone(Rc::default()), |listener| Self::Watched(listener.watch()))
    }

    /// Returns the state.
    pub(crate) fn state(&self) -> Rc<RefCell<State>> {
        match self {
            Self::Alone(state) => Rc::clone(state),
            Self::Watched(watch) => Rc::clone(watch.state()),
        }
    }
}

impl Observer for StateObserver {
    fn event(&mut self, event: &Event<&str>) {
        match self {
            Self::Alone(state) => state.borrow_mut().apply(event),
            Self::Watched(watch) => watch.event(event),
        }
    }
}

/// An observer, if there is one.
pub(crate) struct Maybe<O>(pub(crate) Option<O>);

impl Observer for Maybe<&mut Trace> {
    fn event(&mut self, event: &Event<&str>) {
        if let Some(observer) = &mut self.0 {
            observer.event(event);
        }
    }
}

/// Says once, after a line that is no JSON, which flag takes any text.
pub(crate) struct FormatHint(pub(crate) bool);

impl Observer for FormatHint {
    fn event(&mut self, event: &Event<&str>) {
        if let EventKind::Malformed { reason } = event.kind
            && self.0
            && reason.contains("no valid JSON")
        {
            self.0 = false;
            terminal::say(&format!("warning: {reason}; --lines takes any text as a task"));
        }
    }
}

/// Writes events to the log: with -v what goes wrong or changes, with -vv everything.
pub(crate) struct EventLog {
    active: bool,
}

impl EventLog {
    /// Creates the log of a run, which is silent without -v.
    pub(crate) fn new() -> Self {
        Self { active: tracing::enabled!(tracing::Level::INFO) }
    }
}

impl Observer for EventLog {
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
