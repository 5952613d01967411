//! The changes that each event makes to a state.

use alloc::string::ToString;

use super::{State, permits_shown};
use crate::{
    clock::Time,
    event::{Disposition, Event, EventKind, Outcome},
    metrics::{Counters, OpenBatch, RecentFailure, RunPhase, SourceState, TaskPhase, TaskState},
    task::{Attempt, TaskId},
};

/// How many of the latest failures are kept with their reasons.
const FAILURES_MAX: usize = 16;

/// How many tasks that wait for another attempt are remembered. Where several processes share a
/// queue, most of them come back to another one, and nothing here would ever tell.
const WAITING_MAX: usize = 16_384;

/// How many abandoned tasks are remembered, the latest ones: they stay to the end, and there may be
/// any number.
const ABANDONED_MAX: usize = 1024;

impl State {
    /// Applies an event to the state.
    pub fn apply(&mut self, event: &Event<&str>) {
        self.missed = self.missed.saturating_add(event.sequence.saturating_sub(self.next_sequence));
        self.next_sequence = event.sequence.saturating_add(1);
        self.pass_time(event.at);
        self.counters.apply(&event.kind);
        match event.kind {
            EventKind::RunStarted { pattern, limit, workers, queue_capacity } => {
                (self.pattern, self.phase) = (pattern, RunPhase::Running);
                (self.limit, self.workers, self.queue_capacity) = (limit, workers, queue_capacity);
                (self.started_at, self.at) = (event.at, event.at);
            }
            EventKind::LimitChanged { limit, workers, queue_capacity } => {
                (self.limit, self.workers, self.queue_capacity) = (limit, workers, queue_capacity);
            }
            EventKind::DrainStarted => self.phase = RunPhase::Draining,
            EventKind::AbortStarted => self.phase = RunPhase::Aborting,
            EventKind::RunEnded => self.phase = RunPhase::Ended,
            EventKind::SourceWaiting => self.source_state = SourceState::Waiting,
            EventKind::SourceBlocked { by } => self.source_state = SourceState::Blocked { by },
            EventKind::SourceExhausted => self.source_state = SourceState::Exhausted,
            EventKind::BatchOpened { batch, size } => {
                self.batch = Some(OpenBatch { number: batch, size, ended: 0 });
            }
            EventKind::BatchClosed { .. } => self.batch = None,
            EventKind::GroupCancelled { cause } => self.cause = Some(cause),
            EventKind::Claimed { task, attempt } => self.claimed(task, attempt),
            EventKind::Started { task, permit, worker, .. } => self.started(task, permit, worker),
            EventKind::Ended { task, attempt, permit, outcome, reason, .. } => {
                self.ended(task, permit, outcome);
                self.note_failure(task, attempt, outcome, reason);
            }
            EventKind::RetryScheduled { task, after, .. } => {
                if let Some(TaskState { phase: TaskPhase::Ended { retry_after, .. }, .. }) = self.tasks.get_mut(&task) {
                    *retry_after = Some(after);
                }
            }
            EventKind::Settled { task, outcome, disposition, .. } => {
                if outcome.is_none() {
                    self.leave_queue(task);
                }
                self.settled(task, disposition);
            }
            EventKind::Abandoned { task, attempt, outcome, permit } => {
                self.abandon(task, outcome, permit);
                if let (Some(outcome), Some(_)) = (outcome, permit) {
                    self.note_failure(task, attempt, outcome, None);
                }
            }
            EventKind::HeldBack { task, .. } => {
                self.leave_queue(task);
                self.set_phase(task, TaskPhase::HeldBack { since: self.at });
            }
            EventKind::LeaseLost { task, .. } => self.leave_queue(task),
            EventKind::Malformed { .. } => {}
        }
    }

    fn pass_time(&mut self, now: Time) {
        let passed = u128::from(now.as_nanos().saturating_sub(self.at.as_nanos()));
        if passed == 0 || matches!(self.phase, RunPhase::Waiting | RunPhase::Ended) {
            self.at = self.at.max(now);
            return;
        }
        let Counters { in_flight, queued, .. } = self.counters;
        let idle = passed.saturating_mul((self.limit as u128).saturating_sub(u128::from(in_flight)));
        self.idle_ns = self.idle_ns.saturating_add(idle);
        let from = self.at.since(self.started_at);
        self.at = now;
        self.utilization.add(from, self.elapsed(), in_flight, queued);
    }

    fn claimed(&mut self, task: TaskId, attempt: Attempt) {
        if matches!(self.source_state, SourceState::Waiting | SourceState::Exhausted) {
            self.source_state = SourceState::Open;
        }
        let now = self.at;
        let batch = self.batch.map(|batch| batch.number);
        let fresh = TaskState { attempt, first_claimed_at: now, claimed_at: now, batch, phase: TaskPhase::Queued };
        let live = self.tasks.entry(task).or_insert(fresh);
        self.waiting = self.waiting.saturating_sub(usize::from(live.is_waiting()));
        if live.is_abandoned() {
            self.abandoned.retain(|abandoned| *abandoned != task);
        }
        *live = TaskState { first_claimed_at: live.first_claimed_at, ..fresh };
        self.queue.push_back(task);
    }

    fn set_phase(&mut self, task: TaskId, phase: TaskPhase) {
        if let Some(live) = self.tasks.get_mut(&task) {
            live.phase = phase;
        }
    }

    fn started(&mut self, task: TaskId, permit: usize, worker: Option<usize>) {
        self.leave_queue(task);
        if let Some(live) = self.tasks.get_mut(&task) {
            live.phase = TaskPhase::Running { since: self.at, permit, worker };
            self.wait.record(self.at.since(live.claimed_at));
        }
        if permit >= permits_shown(self.counters.claimed) {
            return;
        }
        if permit >= self.permits.len() {
            self.permits.resize(permit + 1, None);
        }
        self.permits[permit] = Some(task);
    }

    fn ended(&mut self, task: TaskId, permit: usize, outcome: Outcome) {
        if let Some(live) = self.tasks.get_mut(&task) {
            if let TaskPhase::Running { since, .. } = live.phase {
                self.service.record(self.at.since(since));
                if outcome.is_failure() {
                    self.utilization.add_failed(since.since(self.started_at), self.at.since(self.started_at));
                }
            }
            live.phase = TaskPhase::Ended { since: self.at, outcome, retry_after: None };
        }
        if let Some(held) = self.permits.get_mut(permit) {
            *held = None;
        }
        while let Some(None) = self.permits.last() {
            self.permits.pop();
        }
        if let Some(batch) = &mut self.batch {
            batch.ended = batch.ended.saturating_add(1);
        }
    }

    #[inline]
    fn note_failure(&mut self, task: TaskId, attempt: Attempt, outcome: Outcome, reason: Option<&str>) {
        if outcome.is_failure() {
            if self.failures.len() == FAILURES_MAX {
                self.failures.pop_front();
            }
            let reason = reason.unwrap_or_default().to_string();
            self.failures.push_back(RecentFailure { at: self.at, task, attempt, outcome, reason });
        }
    }

    fn settled(&mut self, task: TaskId, disposition: Disposition) {
        match disposition {
            Disposition::Retried => self.wait_for_retry(task),
            Disposition::Done | Disposition::Dead => {
                if let Some(live) = self.tasks.remove(&task) {
                    self.total.record(self.at.since(live.first_claimed_at));
                }
            }
            Disposition::Released | Disposition::LeaseLost => {
                self.tasks.remove(&task);
            }
        }
    }

    fn wait_for_retry(&mut self, task: TaskId) {
        let Some(live) = self.tasks.get_mut(&task) else { return };
        let TaskPhase::Ended { retry_after, .. } = live.phase else { return };
        live.phase = TaskPhase::Waiting { since: self.at, due: self.at + retry_after.unwrap_or_default() };
        self.waiting = self.waiting.saturating_add(1);
        if self.waiting > WAITING_MAX
            && let Some(oldest) = self.tasks.iter().find(|(_, live)| live.is_waiting()).map(|(id, _)| *id)
        {
            self.tasks.remove(&oldest);
            self.waiting -= 1;
        }
    }

    fn abandon(&mut self, task: TaskId, outcome: Option<Outcome>, permit: Option<usize>) {
        match permit {
            Some(_) => self.leaked = self.leaked.saturating_add(1),
            None if outcome.is_none() => self.leave_queue(task),
            None => {}
        }
        let Some(live) = self.tasks.get_mut(&task) else { return };
        self.waiting = self.waiting.saturating_sub(usize::from(live.is_waiting()));
        let before = core::mem::replace(&mut live.phase, TaskPhase::Abandoned { since: self.at, permit, outcome });
        if matches!(before, TaskPhase::Abandoned { .. }) {
            return;
        }
        self.abandoned.push_back(task);
        if self.abandoned.len() > ABANDONED_MAX
            && let Some(oldest) = self.abandoned.pop_front()
            && self.tasks.get(&oldest).is_some_and(TaskState::is_abandoned)
        {
            self.tasks.remove(&oldest);
        }
    }

    /// Mostly it is the first; what is given back goes in order, or in the opposite one.
    fn leave_queue(&mut self, task: TaskId) {
        if self.queue.front() == Some(&task) {
            self.queue.pop_front();
        } else if self.queue.back() == Some(&task) {
            self.queue.pop_back();
        } else if let Some(place) = self.queue.iter().position(|queued| *queued == task) {
            self.queue.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_that_others_take_are_not_remembered_for_ever() {
        let mut state = State::new();
        let attempt = Attempt::FIRST;
        for id in 0..3 * WAITING_MAX as u64 {
            let task = TaskId(id);
            let outcome = Some(Outcome::Failed);
            for kind in [
                EventKind::Claimed { task, attempt },
                EventKind::Started { task, attempt, permit: 0, worker: None },
                EventKind::Ended { task, attempt, permit: 0, worker: None, outcome: Outcome::Failed, reason: None },
                EventKind::Settled { task, attempt, outcome, disposition: Disposition::Retried },
            ] {
                state.apply(&Event { sequence: 0, at: Time::ZERO, kind });
            }
        }
        assert_eq!(state.tasks().len(), WAITING_MAX);
        assert_eq!(state.counters().retried, 3 * WAITING_MAX as u64);
        let (last, _) = state.tasks().last_key_value().unwrap();
        assert_eq!(last.0, 3 * WAITING_MAX as u64 - 1, "the latest stay");
    }

    #[test]
    fn a_permit_costs_memory_as_there_are_tasks_and_not_as_its_number_is() {
        let mut state = State::new();
        let (task, attempt) = (TaskId(1), Attempt::FIRST);
        let mut start = |permit| {
            for kind in
                [EventKind::Claimed { task, attempt }, EventKind::Started { task, attempt, permit, worker: None }]
            {
                state.apply(&Event { sequence: 0, at: Time::ZERO, kind });
            }
            state.permits().len()
        };
        assert_eq!((start(1_048_575), start(1023), start(1024)), (0, 1024, 1024));
        assert!((0..1000).all(|_| start(0) == 1024));
        assert_eq!(start(2000), 2001);
    }

    #[test]
    fn the_latest_of_the_abandoned_are_remembered_and_the_leaks_counted() {
        let mut state = State::new();
        let attempt = Attempt::FIRST;
        let tasks = 3 * ABANDONED_MAX as u64;
        for id in 0..tasks {
            let task = TaskId(id);
            let permit = id as usize;
            for kind in [
                EventKind::Claimed { task, attempt },
                EventKind::Started { task, attempt, permit, worker: None },
                EventKind::Abandoned { task, attempt, outcome: Some(Outcome::Failed), permit: Some(permit) },
            ] {
                state.apply(&Event { sequence: 0, at: Time::from_nanos(id), kind });
            }
        }
        assert_eq!((state.tasks().len(), state.abandoned().len()), (ABANDONED_MAX, ABANDONED_MAX));
        assert_eq!(state.abandoned().front(), Some(&TaskId(tasks - ABANDONED_MAX as u64)));
        let (last, live) = state.tasks().last_key_value().unwrap();
        let (since, permit) = (Time::from_nanos(tasks - 1), Some(tasks as usize - 1));
        let last = *last;
        assert_eq!(last, TaskId(tasks - 1));
        assert_eq!(live.phase, TaskPhase::Abandoned { since, permit, outcome: Some(Outcome::Failed) });
        assert_eq!(state.permits()[0], Some(TaskId(0)), "the permit stays away, remembered or not");
        let counters = state.counters();
        assert_eq!(
            (state.leaked() as u64, counters.abandoned, counters.failed, counters.in_flight),
            (tasks, tasks, tasks, 0)
        );

        // What comes back after all is one task, in one place.
        state.apply(&Event { sequence: 0, at: state.at(), kind: EventKind::Claimed { task: last, attempt } });
        assert_eq!((state.tasks().len(), state.abandoned().len()), (ABANDONED_MAX, ABANDONED_MAX - 1));
    }
}
