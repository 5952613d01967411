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
    /// The number of tasks that were held back for their key and may start.
    pub(super) ready: usize,
    /// The number of tasks that may be claimed although each may have to wait for others of its key.
    pub(super) keys_room: usize,
    /// The number of deliveries that have ended and wait behind those that the source is being told of.
    pub(super) pending: usize,
}

/// What a run may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Claim at most this many tasks.
    Claim(NonZeroUsize),
    /// Start this many tasks.
    Start(NonZeroUsize),
    /// Nothing, although the source may have more.
    Blocked(BlockedOn),
    /// There is nothing to do.
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
        if self.keys_room == 0 {
            return Step::Blocked(BlockedOn::Keys);
        }
        match NonZeroUsize::new(room.min(self.keys_room).min(tasks_left).min(starts_ready)) {
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
        match NonZeroUsize::new(free.min(self.queued + self.ready).min(self.backlog_room())) {
            Some(starts) => Step::Start(starts),
            None => Step::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Step::*, *};
    use crate::pattern::Pattern::{self, *};

    const ANY: usize = usize::MAX;

    /// A run with a limit of 4, three workers and six places in its queue or batch, that holds nothing.
    fn idle(pattern: Pattern) -> Snapshot {
        let rules = pattern.rules();
        Snapshot {
            rules,
            bounds: rules.bounds(4, 3, 6, 6),
            is_running: true,
            is_exhausted: false,
            is_batch_open: false,
            in_flight: 0,
            queued: 0,
            ready: 0,
            keys_room: usize::MAX,
            pending: 0,
        }
    }

    fn claim(n: usize) -> Step {
        Claim(NonZeroUsize::new(n).unwrap())
    }

    fn start(n: usize) -> Step {
        Start(NonZeroUsize::new(n).unwrap())
    }

    #[test]
    fn each_pattern_claims_by_its_own_rule() {
        let blocked = Blocked(BlockedOn::Room);
        #[rustfmt::skip]
        let table = [
            // pattern, in flight, queued, is a batch open: step
            (TaskSet,        0, 0, false, claim(4)),
            (TaskSet,        3, 0, false, claim(1)),
            (TaskSet,        3, 1, false, blocked),
            (TaskSet,        9, 0, false, blocked),
            (TaskGroup,      1, 1, false, claim(2)),
            (TaskGroup,      4, 0, false, blocked),
            (WorkerPool,     3, 0, false, claim(6)),
            (WorkerPool,     3, 5, false, claim(1)),
            (WorkerPool,     0, 6, false, blocked),
            (WorkerPool,     0, 9, false, blocked),
            (SemaphoreBatch, 0, 0, false, claim(6)),
            (SemaphoreBatch, 0, 0, true,  blocked),
        ];
        for (pattern, in_flight, queued, is_batch_open, step) in table {
            let snapshot = Snapshot { in_flight, queued, is_batch_open, ..idle(pattern) };
            assert_eq!(snapshot.claim(ANY, ANY), step, "{snapshot:?}");
            assert!(snapshot.may_claim());
        }
    }

    #[test]
    fn a_claim_is_refused_for_the_first_reason_that_holds() {
        let (settling, room, rate) = (BlockedOn::Settling, BlockedOn::Room, BlockedOn::Rate);
        for pattern in Pattern::ALL {
            let free = idle(pattern);
            let full = Snapshot { in_flight: 4, queued: 6, is_batch_open: true, ..free };
            let behind = Snapshot { pending: 4, ..full };
            let exhausted = Snapshot { is_exhausted: true, ..behind };
            let stopped = Snapshot { is_running: false, ..behind };
            #[rustfmt::skip]
            let table = [
                // snapshot, tasks left, starts ready: step
                (stopped,   ANY, 0, Idle),
                (exhausted, ANY, 0, Idle),
                (behind,    0,   0, Idle),
                (behind,    1,   0, Blocked(settling)),
                (full,      1,   0, Blocked(room)),
                (free,      1,   0, Blocked(rate)),
                (free,      0,   1, Idle),
                (free,      1,   2, claim(1)),
                (free,      2,   1, claim(1)),
            ];
            for (snapshot, tasks_left, starts_ready, step) in table {
                assert_eq!(
                    snapshot.claim(tasks_left, starts_ready),
                    step,
                    "{tasks_left}, {starts_ready}, {snapshot:?}"
                );
            }
            assert!(!behind.may_claim() && !exhausted.may_claim() && !stopped.may_claim());
        }
    }

    #[test]
    fn starts_are_bounded_by_permits_by_the_queue_and_by_what_waits_to_be_settled() {
        #[rustfmt::skip]
        let table = [
            // pattern, in flight, queued, pending: step
            (TaskSet,        0, 9, 0, start(4)),
            (TaskSet,        3, 9, 0, start(1)),
            (TaskSet,        4, 9, 0, Idle),
            // The limit was lowered.
            (TaskSet,        7, 9, 0, Idle),
            (TaskGroup,      0, 2, 0, start(2)),
            (TaskGroup,      0, 0, 0, Idle),
            (SemaphoreBatch, 0, 9, 3, start(1)),
            (SemaphoreBatch, 0, 9, 4, Idle),
            // A pool has three workers here, and a limit of four.
            (WorkerPool,     0, 9, 0, start(3)),
            (WorkerPool,     2, 9, 0, start(1)),
            (WorkerPool,     3, 9, 0, Idle),
        ];
        for (pattern, in_flight, queued, pending, step) in table {
            let snapshot = Snapshot { in_flight, queued, pending, ..idle(pattern) };
            assert_eq!(snapshot.start(), step, "{snapshot:?}");
            let draining = Snapshot { is_running: false, ..snapshot };
            assert_eq!(draining.start(), Idle, "{draining:?}");
            // An exhausted source keeps nothing from being started.
            assert_eq!(Snapshot { is_exhausted: true, ..snapshot }.start(), step);
        }
    }

    #[test]
    fn what_a_claim_brings_can_start_where_it_may_not_wait() {
        for pattern in Pattern::ALL.into_iter().filter(|pattern| !pattern.rules().may_wait()) {
            for (in_flight, queued) in [(0, 0), (1, 1), (3, 0), (0, 3)] {
                let snapshot = Snapshot { in_flight, queued, ..idle(pattern) };
                let Claim(size) = snapshot.claim(ANY, ANY) else { panic!("there is room: {snapshot:?}") };
                let after = Snapshot { queued: queued + size.get(), ..snapshot };
                assert_eq!(after.start(), start(queued + size.get()), "{after:?}");
            }
        }
    }
}
