//! What watches a run: the state always, the trace and the log where they are wanted.

use std::{cell::RefCell, rc::Rc};

use fourfold::{
    Attempt, Control, Event, Observer,
    event::{Disposition, EventKind, Outcome},
    listen::{Listener, Watch},
    metrics::State,
    trace::Trace,
};

use crate::{args::Halt, terminal};

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

/// Says which flag takes any text when already the first line is no JSON: input that is meant as JSON
/// begins with it.
pub(crate) struct FormatHint(pub(crate) bool);

impl Observer for FormatHint {
    fn event(&mut self, event: &Event<&str>) {
        let EventKind::Malformed { reason } = event.kind else { return };
        let is_first = !reason.starts_with("line ") || reason.starts_with("line 1: ");
        if std::mem::take(&mut self.0) && is_first && reason.contains("no valid JSON") {
            terminal::say(&format!("warning: {reason}; --lines takes any text as a task"));
        }
    }
}

/// The number of tasks that must have ended before a share of them means anything.
const SHARE_OF: u64 = 100;

/// Drains the run when too many of its tasks are dead.
pub(crate) struct HaltWatch<'a> {
    halt: Option<Halt>,
    control: &'a Control,
    dead: u64,
    ended: u64,
}

impl<'a> HaltWatch<'a> {
    /// Creates the watch of a run that begins.
    pub(crate) fn new(halt: Option<Halt>, control: &'a Control) -> Self {
        Self { halt, control, dead: 0, ended: 0 }
    }
}

impl Observer for HaltWatch<'_> {
    fn event(&mut self, event: &Event<&str>) {
        let EventKind::Settled { disposition, .. } = event.kind else { return };
        let Some(halt) = self.halt else { return };
        self.ended += u64::from(matches!(disposition, Disposition::Done | Disposition::Dead));
        self.dead += u64::from(disposition == Disposition::Dead);
        let is_too_many = match halt {
            Halt::Count(count) => self.dead >= count,
            Halt::Share(share) => self.ended >= SHARE_OF && self.dead as f64 * 100.0 >= share * self.ended as f64,
        };
        if is_too_many {
            self.halt = None;
            terminal::say(&format!(
                "error: --halt {halt}: {} of {} tasks are dead; the run ends",
                self.dead, self.ended
            ));
            self.control.drain();
        }
    }
}

/// Says once that no new task starts because too many wait for a retry.
pub(crate) struct RetryWatch {
    max: Option<usize>,
    waiting: usize,
}

impl RetryWatch {
    /// Creates the watch of a run that begins, if it has such a bound.
    pub(crate) fn new(max: Option<usize>) -> Self {
        Self { max, waiting: 0 }
    }
}

impl Observer for RetryWatch {
    fn event(&mut self, event: &Event<&str>) {
        let Some(max) = self.max else { return };
        match event.kind {
            EventKind::Settled { disposition: Disposition::Retried, .. } => self.waiting += 1,
            EventKind::Claimed { attempt, .. } if attempt > Attempt::FIRST => {
                self.waiting = self.waiting.saturating_sub(1);
            }
            _ => return,
        }
        if self.waiting >= max {
            self.max = None;
            terminal::say(&format!(
                "warning: {max} tasks wait for their next attempt (--retry-buffer): new ones start when fewer do"
            ));
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
