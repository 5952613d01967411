//! The state of a run, changed by each event.

mod digest;
mod fold;
#[cfg(feature = "serde")]
mod read;

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{
    Counters, Histogram, OpenBatch, Percentiles, RecentFailure, Report, RunPhase, SourceState, TaskState, Utilization,
};
use crate::{
    clock::Time,
    event::{Event, Observer},
    pattern::Pattern,
    task::TaskId,
};

/// Permits with higher numbers are counted and not shown: events may come from anywhere.
const PERMITS_MAX: usize = 1 << 20;
/// This many permits are shown however few events there were.
const PERMITS_MIN: usize = 1024;

/// Returns the number of permits that are shown after this many events or claims: a few bytes of a trace must not
/// cost megabytes. A run numbers its permits from 0, so that it has no more of them than claims.
pub(crate) fn permits_shown(events: u64) -> usize {
    usize::try_from(events).unwrap_or(PERMITS_MAX).saturating_mul(2).clamp(PERMITS_MIN, PERMITS_MAX)
}

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
/// let source = MemorySource::new(0..8);
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

    /// Returns the counters of all events so far.
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
}

impl Observer for State {
    fn event(&mut self, event: &Event<&str>) {
        self.apply(event);
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
