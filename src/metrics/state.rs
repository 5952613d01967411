//! The state of a run, changed by each event.

mod digest;
#[cfg(feature = "serde")]
mod read;

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::ToString,
    vec::Vec,
};
use core::time::Duration;

use super::{
    Counters, Histogram, OpenBatch, Percentiles, RecentFailure, Report, RunPhase, SourceState, TaskPhase, TaskState,
    Utilization,
};
use crate::{
    clock::Time,
    event::{Disposition, Event, EventKind, Observer, Outcome},
    pattern::Pattern,
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

/// Permits with higher numbers are counted and not shown: events may come from anywhere.
pub(crate) const PERMITS_MAX: usize = 1 << 20;

/// The state of a run, folded from its events.
///
/// A state is an [`Observer`]. Its memory is bounded: it keeps the tasks that the run holds, 16,384
/// tasks that wait for a retry, 1024 abandoned tasks, and 16 failures.
///
/// ```
/// use fourfold::{Clock, MemorySource, Run, Task, clock::SimulatedClock, metrics::State};
/// use core::{convert::Infallible, time::Duration};
///
/// let clock = SimulatedClock::new();
/// let source = MemorySource::new(&clock, 0..8);
/// let mut state = State::new();
/// let run = Run::new(&source, async |_: &Task<i32>| {
///     clock.sleep(Duration::from_millis(10)).await;
///     Ok::<_, Infallible>(())
/// });
/// let run = run.limit(4).clock(&clock).observer(&mut state);
/// clock.run(run.into_future()).unwrap().unwrap();
///
/// let report = state.report();
/// assert_eq!((report.counters.done, report.counters.peak_in_flight), (8, 4));
/// assert_eq!(report.elapsed, Duration::from_millis(20));
/// assert_eq!(report.idle_permits, Some(Duration::ZERO));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct State {
    counters: Counters,
    pattern: Pattern,
    limit: usize,
    workers: Option<usize>,
    queue_capacity: Option<usize>,
    started_at: Time,
    at: Time,
    phase: RunPhase,
    source_state: SourceState,
    next_sequence: u64,
    missed: u64,
    tasks: BTreeMap<TaskId, TaskState>,
    queue: VecDeque<TaskId>,
    permits: Vec<Option<TaskId>>,
    batch: Option<OpenBatch>,
    /// The task whose failure cancelled its group.
    cause: Option<TaskId>,
    waiting: usize,
    /// Those that are remembered, the oldest first.
    abandoned: VecDeque<TaskId>,
    leaked: usize,
    wait: Histogram,
    service: Histogram,
    total: Histogram,
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::wide::serialize"))]
    idle_ns: u128,
    utilization: Utilization,
    failures: VecDeque<RecentFailure>,
}

impl State {
    /// Makes the state before the first event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns the pattern of the run.
    pub fn pattern(&self) -> Pattern {
        self.pattern
    }

    /// Returns the maximum number of tasks in flight.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the number of workers of a pool; `None` for other patterns.
    pub fn workers(&self) -> Option<usize> {
        self.workers
    }

    /// Returns the maximum number of tasks that are claimed and wait for a permit; `None` where a
    /// claimed task starts at once.
    pub fn queue_capacity(&self) -> Option<usize> {
        self.queue_capacity
    }

    /// Returns the phase of the run.
    pub fn phase(&self) -> RunPhase {
        self.phase
    }

    /// Returns the state of the source.
    pub fn source_state(&self) -> SourceState {
        self.source_state
    }

    /// Returns the time of the last event, on the run's clock.
    pub fn at(&self) -> Time {
        self.at
    }

    /// Returns the time from the start of the run to the last event.
    pub fn elapsed(&self) -> Duration {
        self.at.since(self.started_at)
    }

    /// Returns the sequence number of the next event.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Returns the number of events that are missing in the sequence. When events are missing,
    /// tasks may be shown in phases that they have left.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Returns the tasks that the run holds, that wait for their next attempt, or that were
    /// abandoned lately, by id.
    pub fn tasks(&self) -> &BTreeMap<TaskId, TaskState> {
        &self.tasks
    }

    /// Returns the tasks that are claimed and wait for a permit, in the order in which they get
    /// one.
    pub fn queue(&self) -> &VecDeque<TaskId> {
        &self.queue
    }

    /// Returns the task that holds each permit, by the number of the permit, abandoned tasks
    /// included. The list ends with the last permit that is held.
    pub fn permits(&self) -> &[Option<TaskId>] {
        &self.permits
    }

    /// Returns the number of tasks that wait for their next attempt.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Returns the latest 1024 tasks that were abandoned, oldest first. [`tasks`](Self::tasks) has
    /// their states. A task that is claimed again is no longer among them.
    pub fn abandoned(&self) -> &VecDeque<TaskId> {
        &self.abandoned
    }

    /// Returns the number of permits that were lost with abandoned tasks. Lost permits count as
    /// idle.
    pub fn leaked(&self) -> usize {
        self.leaked
    }

    /// Returns the batch that is open.
    pub fn batch(&self) -> Option<OpenBatch> {
        self.batch
    }

    /// Returns the task whose failure cancelled its group.
    pub fn cause(&self) -> Option<TaskId> {
        self.cause
    }

    /// Returns the latest failed attempts, oldest first, at most 16.
    pub fn failures(&self) -> &VecDeque<RecentFailure> {
        &self.failures
    }

    /// Returns the tasks in flight, failed and queued over time.
    pub fn utilization(&self) -> &Utilization {
        &self.utilization
    }

    /// Returns the time for which permits were not held, summed over the permits.
    pub fn idle_permits(&self) -> Duration {
        nanos(self.idle_ns)
    }

    /// Returns the histogram of the times from claim to start.
    pub fn wait(&self) -> &Histogram {
        &self.wait
    }

    /// Returns the histogram of the times from start to end.
    pub fn service(&self) -> &Histogram {
        &self.service
    }

    /// Returns the histogram of the times from the first claim of a task to its end.
    pub fn total(&self) -> &Histogram {
        &self.total
    }

    /// Returns the same as [`idle_permits`](Self::idle_permits), in nanoseconds and without
    /// saturation.
    #[cfg(feature = "listen")]
    pub(crate) fn idle_nanos(&self) -> u128 {
        self.idle_ns
    }

    /// Computes a number for the whole state, the same on every platform: equal states have equal
    /// digests.
    pub fn digest(&self) -> u64 {
        digest::of(self)
    }

    /// Makes the report of the run as of the last event.
    pub fn report(&self) -> Report {
        Report {
            pattern: self.pattern,
            limit: self.limit,
            elapsed: self.elapsed(),
            counters: self.counters,
            idle_permits: Some(self.idle_permits()),
            wait: Some(Percentiles::of(&self.wait)),
            service: Some(Percentiles::of(&self.service)),
            total: Some(Percentiles::of(&self.total)),
        }
    }

    /// Applies an event to the state.
    pub fn apply(&mut self, event: &Event<&str>) {
        self.missed += event.sequence.saturating_sub(self.next_sequence);
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
        self.idle_ns += passed * (self.limit as u128).saturating_sub(u128::from(in_flight));
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

    fn started(&mut self, task: TaskId, permit: usize, worker: Option<usize>) {
        self.leave_queue(task);
        if let Some(live) = self.tasks.get_mut(&task) {
            live.phase = TaskPhase::Running { since: self.at, permit, worker };
            self.wait.record(self.at.since(live.claimed_at));
        }
        if permit >= PERMITS_MAX {
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
            batch.ended += 1;
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
        self.waiting += 1;
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

impl Observer for State {
    fn event(&mut self, event: &Event<&str>) {
        self.apply(event);
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
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
