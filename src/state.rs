//! The fold: events in, what there is to know about a run out. Integers and ordered maps only, so that it comes to the same
//! bytes on every platform.

mod histogram;
mod profile;
mod tally;

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::{String, ToString},
};
use core::time::Duration;

pub use self::{histogram::Histogram, profile::Profile, tally::Tally};
use crate::{Attempt, Ending, Event, EventKind, Observer, Outcome, Pattern, Percentiles, Report, TaskId, Time};

/// How many of the latest failures are kept with their reasons.
const FAILURES_MAX: usize = 16;

/// How many tasks that wait for another attempt are remembered. Where several processes share a queue, most of them come back to
/// another one, and nothing here would ever tell.
const WAITING_MAX: usize = 16_384;

/// All that the events so far say about a run.
///
/// ```
/// use fourfold::{MemorySource, Run, SimulatedClock, Clock, State, Task};
/// use core::{convert::Infallible, num::NonZeroUsize, time::Duration};
///
/// let clock = SimulatedClock::new();
/// let source = MemorySource::new(&clock, 0..8);
/// let mut state = State::new();
/// let run = Run::new(&source, async |_: &Task<i32>| {
///     clock.sleep(Duration::from_millis(10)).await;
///     Ok::<_, Infallible>(())
/// });
/// let run = run.limit(NonZeroUsize::new(4).unwrap()).clock(&clock).observer(&mut state);
/// clock.run(run.into_future()).unwrap().unwrap();
///
/// let report = state.report();
/// assert_eq!((report.tally.done, report.tally.peak_in_flight), (8, 4));
/// assert_eq!(report.elapsed, Duration::from_millis(20));
/// assert_eq!(report.idle_permits, Some(Duration::ZERO));
/// ```
#[derive(Clone, Debug, Default)]
pub struct State {
    tally: Tally,
    pattern: Pattern,
    limit: usize,
    started_at: Time,
    at: Time,
    phase: Phase,
    next_sequence: u64,
    missed: u64,
    tasks: BTreeMap<TaskId, Live>,
    waiting: usize,
    wait: Histogram,
    service: Histogram,
    total: Histogram,
    idle_ns: u128,
    profile: Profile,
    failures: VecDeque<FailureSeen>,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It has not begun.
    #[default]
    Waiting,
    /// It claims and runs tasks.
    Running,
    /// It finishes what has started.
    Draining,
    /// It gives back what was running.
    Aborting,
    /// It is over.
    Ended,
}

/// A task that the run holds, or that waits for its next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// The present attempt, or the one that failed last.
    pub attempt: Attempt,
    /// When its first attempt in this run was claimed.
    pub first_claimed_at: Time,
    /// When the present attempt was claimed.
    pub claimed_at: Time,
    /// When the present attempt started, and in which slot.
    pub started: Option<(Time, usize)>,
    /// How the present attempt ended.
    pub outcome: Option<Outcome>,
    /// Whether it is with its source again, for another attempt.
    pub is_waiting: bool,
}

/// A failed attempt, for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureSeen {
    /// When.
    pub at: Time,
    /// The task.
    pub task: TaskId,
    /// Its attempt.
    pub attempt: Attempt,
    /// How it failed.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}

impl State {
    /// Before the first event.
    pub fn new() -> Self {
        Self::default()
    }

    /// All that is counted.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many tasks may be in flight.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Where the run is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How long the run has gone on, as of the last event.
    pub fn elapsed(&self) -> Duration {
        self.at.since(self.started_at)
    }

    /// How many events never arrived here: holes in their sequence numbers.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// The tasks that the run holds or that wait for their next attempt, by id.
    pub fn tasks(&self) -> &BTreeMap<TaskId, Live> {
        &self.tasks
    }

    /// The latest failed attempts, oldest first, 16 at most.
    pub fn failures(&self) -> &VecDeque<FailureSeen> {
        &self.failures
    }

    /// Tasks in flight over time.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What the run has come to, as of the last event.
    pub fn report(&self) -> Report {
        Report {
            pattern: self.pattern,
            limit: self.limit,
            elapsed: self.elapsed(),
            tally: self.tally,
            idle_permits: Some(nanos(self.idle_ns)),
            wait: Some(Percentiles::of(&self.wait)),
            service: Some(Percentiles::of(&self.service)),
            total: Some(Percentiles::of(&self.total)),
        }
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: &Event<'_>) {
        self.missed += event.sequence.saturating_sub(self.next_sequence);
        self.next_sequence = event.sequence + 1;
        self.pass_time(event.at);
        self.tally.apply(&event.kind);
        match event.kind {
            EventKind::RunStarted { pattern, limit } => {
                (self.pattern, self.limit, self.phase) = (pattern, limit, Phase::Running);
                (self.started_at, self.at) = (event.at, event.at);
            }
            EventKind::LimitChanged { limit } => self.limit = limit,
            EventKind::DrainStarted => self.phase = Phase::Draining,
            EventKind::AbortStarted => self.phase = Phase::Aborting,
            EventKind::RunEnded => self.phase = Phase::Ended,
            EventKind::Claimed { task, attempt } => self.claimed(task, attempt),
            EventKind::Started { task, slot, .. } => self.started(task, slot),
            EventKind::Ended { task, attempt, outcome, reason, .. } => self.ended(task, attempt, outcome, reason),
            EventKind::Settled { task, ending, .. } => self.settled(task, ending),
            EventKind::Abandoned { task, .. } => {
                self.tasks.remove(&task);
            }
            _ => {}
        }
    }

    fn pass_time(&mut self, now: Time) {
        let passed = u128::from(now.as_nanos().saturating_sub(self.at.as_nanos()));
        if passed == 0 || matches!(self.phase, Phase::Waiting | Phase::Ended) {
            self.at = self.at.max(now);
            return;
        }
        let in_flight = self.tally.in_flight;
        self.idle_ns += passed * (self.limit as u128).saturating_sub(u128::from(in_flight));
        let from = self.at.since(self.started_at);
        self.at = now;
        self.profile.add(from, self.elapsed(), in_flight);
    }

    fn claimed(&mut self, task: TaskId, attempt: Attempt) {
        let now = self.at;
        let fresh =
            Live { attempt, first_claimed_at: now, claimed_at: now, started: None, outcome: None, is_waiting: false };
        let live = self.tasks.entry(task).or_insert(fresh);
        self.waiting -= usize::from(live.is_waiting);
        *live = Live { first_claimed_at: live.first_claimed_at, ..fresh };
    }

    fn started(&mut self, task: TaskId, slot: usize) {
        if let Some(live) = self.tasks.get_mut(&task) {
            live.started = Some((self.at, slot));
            self.wait.record(self.at.since(live.claimed_at));
        }
    }

    fn ended(&mut self, task: TaskId, attempt: Attempt, outcome: Outcome, reason: Option<&str>) {
        if let Some(live) = self.tasks.get_mut(&task) {
            live.outcome = Some(outcome);
            if let Some((started_at, _)) = live.started {
                self.service.record(self.at.since(started_at));
            }
        }
        if matches!(outcome, Outcome::Failed | Outcome::TimedOut | Outcome::Panicked) {
            if self.failures.len() == FAILURES_MAX {
                self.failures.pop_front();
            }
            let reason = reason.unwrap_or_default().to_string();
            self.failures.push_back(FailureSeen { at: self.at, task, attempt, outcome, reason });
        }
    }

    fn settled(&mut self, task: TaskId, ending: Ending) {
        match ending {
            Ending::Retried => self.wait_for_retry(task),
            Ending::Done | Ending::Dead => {
                if let Some(live) = self.tasks.remove(&task) {
                    self.total.record(self.at.since(live.first_claimed_at));
                }
            }
            Ending::Released | Ending::LeaseLost => {
                self.tasks.remove(&task);
            }
        }
    }

    fn wait_for_retry(&mut self, task: TaskId) {
        let Some(live) = self.tasks.get_mut(&task) else { return };
        live.is_waiting = true;
        self.waiting += 1;
        if self.waiting > WAITING_MAX
            && let Some(oldest) = self.tasks.iter().find_map(|(id, live)| live.is_waiting.then_some(*id))
        {
            self.tasks.remove(&oldest);
            self.waiting -= 1;
        }
    }
}

impl Observer for State {
    fn event(&mut self, event: &Event<'_>) {
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
                EventKind::Started { task, attempt, slot: 0 },
                EventKind::Ended { task, attempt, slot: 0, outcome: Outcome::Failed, reason: None },
                EventKind::Settled { task, attempt, outcome, ending: Ending::Retried },
            ] {
                state.apply(&Event { sequence: 0, at: Time::ZERO, kind });
            }
        }
        assert_eq!(state.tasks().len(), WAITING_MAX);
        assert_eq!(state.tally().retried, 3 * WAITING_MAX as u64);
        let (last, _) = state.tasks().last_key_value().unwrap();
        assert_eq!(last.0, 3 * WAITING_MAX as u64 - 1, "the latest stay");
    }
}
