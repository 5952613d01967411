//! How far a run has come, and why. Every event about the run as a whole is told here, and nowhere else.
//!
//! ```text
//!             ┌──────────────── cancel_group ───────────────────┐
//!             │                                                 ▼
//! start ─▶ Running ── begin_drain ─▶ Draining ──────────────▶ Aborting
//!             │                         │    begin_abort or     │
//!             │ close                   │    cancel_group       │ close
//!             ▼                         ▼                       ▼
//!          Closing ◀─────── close ──────┴───────────────────────┘
//!             │ end            from any stage: give_up
//!             ▼
//!         the report
//! ```
//!
//! | transition | cause |
//! |---|---|
//! | [`start`](Lifecycle::start) | the run is polled for the first time |
//! | [`begin_drain`](Lifecycle::begin_drain) | `Control::drain`; the source failed; a new setting needs a clock, and there is none |
//! | [`begin_abort`](Lifecycle::begin_abort) | `Control::abort`; the grace of a drain is over |
//! | [`cancel_group`](Lifecycle::cancel_group) | a task failed for good, in a pattern whose tasks fail together |
//! | [`close`](Lifecycle::close) | nothing is held, and nothing more is to come |
//! | [`give_up`](Lifecycle::give_up) | the source's background work failed; the grace of anything but a drain is over |
//! | [`end`](Lifecycle::end) | the source is closed, or was given up |

use alloc::vec::Vec;
use core::num::NonZeroUsize;

use super::{error::TaskFailure, recorder::Recorder};
use crate::{
    clock::Clock,
    config::{Config, TimedSetting},
    control::{Control, Stop},
    event::{EventKind, Observer},
    pattern::{Bounds, Rules},
};

/// The stage that a run has reached. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It claims and starts tasks.
    Running,
    /// It finishes what has started and gives back what is only claimed.
    Draining,
    /// It gives back what was in flight.
    Aborting,
    /// Everything is settled, and the source is being closed.
    Closing,
}

/// The stage of a run, its settings, and what has gone wrong.
pub(super) struct Lifecycle<E> {
    stage: Stage,
    rules: Rules,
    config: Config,
    config_version: usize,
    limit: NonZeroUsize,
    bounds: Bounds,
    /// The number of changes of the control handle that the run has seen.
    changes: usize,
    /// Final failures of a group.
    failures: Vec<TaskFailure>,
    /// The first failure of the source.
    error: Option<E>,
    has_clock: bool,
    /// A setting came that needs a clock, and there is none.
    needs_clock: Option<TimedSetting>,
}

/// The maximum number of tasks for which memory is allocated before it is needed.
const RESERVE_MAX: usize = 65_536;

/// What a run allocates memory for before its first claim.
pub(super) struct Reserve {
    /// Tasks in flight.
    pub(super) tasks: usize,
    /// Deliveries that wait for a permit.
    pub(super) queued: usize,
    /// Deliveries that have ended and are not settled.
    pub(super) pending: usize,
}

/// What went wrong in a run.
pub(super) struct Ending<E> {
    pub(super) error: Option<E>,
    pub(super) needs_clock: Option<TimedSetting>,
    pub(super) failures: Vec<TaskFailure>,
}

impl<E> Lifecycle<E> {
    pub(super) fn new(config: &Config, control: &Control, has_clock: bool) -> Self {
        let limit = control.limit().unwrap_or(config.checked_limit());
        let rules = config.pattern.rules();
        Self {
            stage: Stage::Running,
            rules,
            config: if has_clock { *config } else { config.without_clock() },
            config_version: 0,
            limit,
            bounds: bounds(rules, config, limit),
            changes: 0,
            failures: Vec::new(),
            error: None,
            has_clock,
            needs_clock: None,
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stage
    }

    #[inline]
    pub(super) fn is_running(&self) -> bool {
        self.stage == Stage::Running
    }

    pub(super) fn rules(&self) -> Rules {
        self.rules
    }

    #[inline]
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    #[inline]
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Returns what memory is to be allocated for before the first claim.
    pub(super) fn reserve(&self) -> Reserve {
        let tasks = self.config.reserve.min(self.bounds.permits()).min(RESERVE_MAX);
        if tasks == 0 {
            return Reserve { tasks: 0, queued: 0, pending: 0 };
        }
        let queued = self.bounds.queue_capacity.unwrap_or(tasks).min(RESERVE_MAX);
        // Starts go on until as many have ended as the limit has permits, and all that started can end.
        Reserve { tasks, queued, pending: 2 * tasks }
    }

    /// Begins the run.
    pub(super) fn start<C: Clock, O: Observer>(&self, recorder: &mut Recorder<'_, C, O>) {
        recorder.update_time();
        let Bounds { limit, workers, queue_capacity } = self.bounds;
        recorder.write(EventKind::RunStarted { pattern: self.config.pattern, limit, workers, queue_capacity }); // page: run_started
    }

    /// Whether the control handle may ask for something that has not been done yet.
    #[inline]
    pub(super) fn is_behind(&self, control: &Control) -> bool {
        self.changes != control.changes() || self.stage != Stage::Running
    }

    /// Applies the settings of the control handle, and returns how it wants the run to stop.
    pub(super) fn apply<C: Clock, O: Observer>(
        &mut self,
        control: &Control,
        recorder: &mut Recorder<'_, C, O>,
    ) -> Stop {
        // Before anything is read: what changes from now on makes another change.
        self.changes = control.changes();
        if control.has_changed(self.config_version, self.limit) {
            self.adjust(control, recorder);
        }
        control.wanted()
    }

    /// Takes over the settings of the control handle.
    fn adjust<C: Clock, O: Observer>(&mut self, control: &Control, recorder: &mut Recorder<'_, C, O>) {
        if let Some((version, config)) = control.config_after(self.config_version) {
            self.config_version = version;
            let Config { pattern, seed, .. } = self.config;
            match config.needs_clock() {
                _ if self.has_clock => self.config = Config { pattern, seed, ..config },
                None => self.config = Config { pattern, seed, ..config.without_clock() },
                setting => self.needs_clock = setting,
            }
        }
        self.limit = control.limit().unwrap_or(self.limit);
        let bounds = bounds(self.rules, &self.config, self.limit);
        if bounds != self.bounds {
            self.bounds = bounds;
            let Bounds { limit, workers, queue_capacity } = bounds;
            recorder.write(EventKind::LimitChanged { limit, workers, queue_capacity }); // page: limit_changed
        }
    }

    /// Whether a handler that ran in this turn has changed something that must be applied before the next start.
    #[inline]
    pub(super) fn is_interrupted(&mut self, control: &Control) -> bool {
        !self.failures.is_empty() || (self.changes != control.changes() && self.has_news(control))
    }

    #[cold]
    fn has_news(&mut self, control: &Control) -> bool {
        let changes = control.changes();
        let has_news =
            control.wanted() != Stop::No || control.is_paused() || control.has_changed(self.config_version, self.limit);
        if !has_news {
            self.changes = changes;
        }
        has_news
    }

    /// Records a task that failed for good, in a pattern whose tasks fail together.
    pub(super) fn task_died(&mut self, failure: impl FnOnce() -> TaskFailure) {
        if self.rules.fails_together {
            self.failures.push(failure());
        }
    }

    /// Records a failure of the source. The first one is reported.
    pub(super) fn source_failed(&mut self, error: E) {
        self.error.get_or_insert(error);
    }

    /// Whether the run cannot go on: its source has failed, or a setting needs a clock that it has not.
    pub(super) fn has_failed(&self) -> bool {
        self.error.is_some() || self.needs_clock.is_some()
    }

    /// Whether the run has a clock, for pauses that a handler asks for.
    pub(super) fn has_clock(&self) -> bool {
        self.has_clock
    }

    /// Enters the stage in which nothing is claimed or started. Returns whether the run was not draining before.
    pub(super) fn begin_drain<C: Clock, O: Observer>(&mut self, recorder: &mut Recorder<'_, C, O>) -> bool {
        let begins = self.stage < Stage::Draining;
        if begins {
            self.stage = Stage::Draining;
            recorder.write(EventKind::DrainStarted); // page: drain_started
        }
        begins
    }

    /// Enters the stage in which only the source is waited for. The caller has begun a drain before.
    pub(super) fn begin_abort<C: Clock, O: Observer>(&mut self, recorder: &mut Recorder<'_, C, O>) {
        debug_assert_eq!(self.stage, Stage::Draining);
        recorder.write(EventKind::AbortStarted); // page: abort_started
        self.stage = Stage::Aborting;
    }

    /// Enters the same stage because a task of a group has failed for good. Returns whether one has, and the stage is new.
    pub(super) fn cancel_group<C: Clock, O: Observer>(&mut self, recorder: &mut Recorder<'_, C, O>) -> bool {
        let cause = self.failures.first().filter(|_| self.stage < Stage::Aborting).map(|failure| failure.task);
        if let Some(cause) = cause {
            recorder.write(EventKind::GroupCancelled { cause }); // page: group_cancelled
            self.stage = Stage::Aborting;
        }
        cause.is_some()
    }

    /// Enters the stage in which the source is closed.
    pub(super) fn close(&mut self) {
        self.stage = Stage::Closing;
    }

    /// Enters the last stage without closing the source: it has failed, or has taken too long.
    pub(super) fn give_up(&mut self) {
        self.stage = Stage::Closing;
    }

    /// Ends the run, and returns what went wrong.
    pub(super) fn end<C: Clock, O: Observer>(&mut self, recorder: &mut Recorder<'_, C, O>) -> Ending<E> {
        recorder.update_time();
        recorder.write(EventKind::RunEnded); // page: run_ended
        Ending {
            error: self.error.take(),
            needs_clock: self.needs_clock,
            failures: core::mem::take(&mut self.failures),
        }
    }
}

/// Returns the bounds of a configuration under a limit of its own.
fn bounds(rules: Rules, config: &Config, limit: NonZeroUsize) -> Bounds {
    let workers = config.workers_at(limit);
    rules.bounds(limit.get(), workers, config.queue_capacity_at(limit), config.batch_size_at(limit))
}
