//! What a run may do next, decided from a snapshot of it and nothing else.

use core::num::NonZeroUsize;

use crate::{
    event::BlockedOn,
    pattern::{Bounds, Rules},
};

/// What the next step of a run depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    pub(super) rules: Rules,
    pub(super) bounds: Bounds,
    /// Whether the run still claims and starts tasks.
    pub(super) is_running: bool,
    pub(super) is_exhausted: bool,
    pub(super) is_batch_open: bool,
    pub(super) in_flight: usize,
    pub(super) queued: usize,
    /// The number of deliveries that have ended and wait behind those that the source is being told of.
    pub(super) pending: usize,
}

/// What a run may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Claim at most so many tasks.
    Claim(NonZeroUsize),
    /// Start so many tasks.
    Start(NonZeroUsize),
    /// Nothing, although the source may have more.
    Blocked(BlockedOn),
    /// Nothing.
    Idle,
}

impl Snapshot {
    /// Returns how many more settlements may wait. At none, nothing new is begun.
    pub(super) fn backlog_room(&self) -> usize {
        self.bounds.limit.saturating_sub(self.pending)
    }

    /// Whether a claim is to be thought about at all: then the other two numbers that it depends on are worth finding out.
    pub(super) fn may_claim(&self) -> bool {
        self.is_running && !self.is_exhausted && self.backlog_room() > 0
    }

    /// Decides about a claim, for a run that may take on `tasks_left` more tasks and whose rate allows `starts_ready` of
    /// those it claims to start.
    pub(super) fn claim(&self, tasks_left: usize, starts_ready: usize) -> Step {
        if !self.is_running || self.is_exhausted || tasks_left == 0 {
            return Step::Idle;
        }
        if self.backlog_room() == 0 {
            return Step::Blocked(BlockedOn::Settling);
        }
        let room = self.rules.room(&self.bounds, self.in_flight, self.queued, self.is_batch_open);
        if room == 0 {
            return Step::Blocked(BlockedOn::Room);
        }
        match NonZeroUsize::new(room.min(tasks_left).min(starts_ready)) {
            Some(size) => Step::Claim(size),
            None => Step::Blocked(BlockedOn::Rate),
        }
    }

    /// Decides about starts, as far as the limits go. Each may end at once and wait to be settled, so there must be room
    /// for all of them.
    pub(super) fn start(&self) -> Step {
        if !self.is_running {
            return Step::Idle;
        }
        let free = self.bounds.permits().saturating_sub(self.in_flight);
        match NonZeroUsize::new(free.min(self.queued).min(self.backlog_room())) {
            Some(starts) => Step::Start(starts),
            None => Step::Idle,
        }
    }
}
