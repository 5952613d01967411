//! A run over time in equal buckets, for charts.

use alloc::{collections::BinaryHeap, vec, vec::Vec};
use core::{num::NonZeroUsize, time::Duration};

use super::{RunPhase, State, TaskPhase, Timeline};
use crate::{
    clock::Time,
    event::{Event, EventKind},
    task::TaskId,
};

/// The counts and times of one of several equal spans of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeBucket {
    /// The duration of the bucket.
    pub width: Duration,
    /// The number of tasks that ended.
    pub ended: u64,
    /// The number of failed attempts that were followed by a retry.
    pub retried: u64,
    /// The number of attempts that failed, timed out or panicked.
    pub failed: u64,
    /// The maximum number of tasks in flight, as of the end of the bucket.
    pub limit: usize,
    /// The highest number of tasks that were in flight.
    pub in_flight_max: u64,
    /// The time in flight in nanoseconds, summed over tasks.
    pub in_flight_ns: u128,
    /// The time in the queue in nanoseconds, summed over tasks.
    pub queued_ns: u128,
    /// The time in nanoseconds, summed over permits, held or not.
    pub permits_ns: u128,
    /// The longest time that the first task in the queue had waited.
    pub oldest: Duration,
    /// The median and the 99th percentile of the times from claim to start, of attempts that
    /// started in the bucket.
    pub wait: Option<[Duration; 2]>,
    /// The median and the 99th percentile of the times from start to end, of attempts that ended in
    /// the bucket.
    pub service: Option<[Duration; 2]>,
}

/// The stretch of time that is cut into columns, and what fell into each.
struct Cut {
    from: u64,
    to: u64,
    columns: Vec<TimeBucket>,
    waits: Vec<Vec<u64>>,
    services: Vec<Vec<u64>>,
}

impl Timeline {
    /// Returns what happened between two times, in this many buckets. Buckets outside the run are
    /// empty.
    ///
    /// ```
    /// use core::num::NonZeroUsize;
    /// use fourfold::{Config, clock::Time, metrics::Timeline, sim::Simulation};
    ///
    /// let mut timeline = Timeline::new();
    /// Simulation::new(Config::default(), 100).run(&mut timeline).unwrap();
    /// let columns = timeline.series(Time::ZERO, timeline.last_state().at(), NonZeroUsize::new(8).unwrap());
    /// assert_eq!(columns.iter().map(|column| column.ended).sum::<u64>(), 100);
    /// assert!(columns.iter().all(|column| column.in_flight_max <= 5));
    /// ```
    pub fn series(&self, from: Time, to: Time, columns: NonZeroUsize) -> Vec<TimeBucket> {
        let mut cut = Cut::new(from.as_nanos(), to.as_nanos(), columns.get());
        let (mut position, mut state) = self.before(from);
        while let Some(event) = self.event(position) {
            cut.pass(&state, event.at);
            if event.at > to {
                return cut.finish();
            }
            cut.event(&mut state, &event);
            position += 1;
        }
        // A run that goes on is as it is until the end of what is asked for; one that was cut is
        // not known there.
        cut.finish()
    }
}

impl Cut {
    fn new(from: u64, to: u64, count: usize) -> Self {
        let (from, to) = (from.min(to), to.max(from));
        let mut cut = Self {
            from,
            to,
            columns: vec![TimeBucket::default(); count],
            waits: vec![Vec::new(); count],
            services: vec![Vec::new(); count],
        };
        for index in 0..count {
            cut.columns[index].width = Duration::from_nanos(cut.start(index + 1) - cut.start(index));
        }
        cut
    }

    /// Where a column begins.
    fn start(&self, index: usize) -> u64 {
        let offset = u128::from(self.to - self.from) * index as u128 / self.columns.len() as u128;
        // No further than `to`: a fraction of what lies between.
        self.from + offset as u64
    }

    /// The column that a time falls into; the last one ends with its last moment.
    fn index(&self, at: u64) -> Option<usize> {
        if !(self.from..=self.to).contains(&at) {
            return None;
        }
        let width = u128::from(self.to - self.from).max(1);
        let index = (u128::from(at - self.from) * self.columns.len() as u128 / width) as usize;
        let index = index.min(self.columns.len() - 1);
        // Starts are rounded down, so it may lie in the next one.
        Some(if index + 1 < self.columns.len() && self.start(index + 1) <= at { index + 1 } else { index })
    }

    /// The state lasts until `next`.
    fn pass(&mut self, state: &State, next: Time) {
        if matches!(state.phase(), RunPhase::Waiting | RunPhase::Ended) {
            return;
        }
        let (begin, end) = (state.at().as_nanos().max(self.from), next.as_nanos().min(self.to));
        let (Some(first), Some(last)) = (self.index(begin), self.index(end)) else { return };
        let first_claim = state.queue().front().and_then(|task| state.tasks().get(task)).map(|live| live.claimed_at);
        for index in first..=last {
            let (from, to) = (begin.max(self.start(index)), end.min(self.start(index + 1)));
            let passed = u128::from(to.saturating_sub(from));
            let column = &mut self.columns[index];
            column.limit = state.limit();
            column.permits_ns = column.permits_ns.saturating_add(passed.saturating_mul(state.limit() as u128));
            column.in_flight_ns =
                column.in_flight_ns.saturating_add(passed.saturating_mul(state.counters().in_flight.into()));
            column.queued_ns = column.queued_ns.saturating_add(passed.saturating_mul(state.counters().queued.into()));
            if passed > 0 {
                column.in_flight_max = column.in_flight_max.max(state.counters().in_flight);
                let oldest = first_claim.map_or(Duration::ZERO, |at| Time::from_nanos(to).since(at));
                column.oldest = column.oldest.max(oldest);
            }
        }
    }

    fn event(&mut self, state: &mut State, event: &Event<&str>) {
        let Some(index) = self.index(event.at.as_nanos()) else { return state.apply(event) };
        let live = |task: TaskId| state.tasks().get(&task);
        match event.kind {
            EventKind::Started { task, .. } => {
                self.waits[index].extend(live(task).map(|live| since(event.at, live.claimed_at)));
            }
            EventKind::Ended { task, outcome, .. } => {
                if let Some(TaskPhase::Running { since: start, .. }) = live(task).map(|live| live.phase) {
                    self.services[index].push(since(event.at, start));
                }
                self.columns[index].failed += u64::from(outcome.is_failure());
            }
            EventKind::Abandoned { outcome: Some(outcome), permit: Some(_), .. } => {
                self.columns[index].failed += u64::from(outcome.is_failure());
            }
            _ => {}
        }
        let before = *state.counters();
        state.apply(event);
        let column = &mut self.columns[index];
        column.ended += state.counters().tasks().saturating_sub(before.tasks());
        column.retried += state.counters().retried.saturating_sub(before.retried);
        column.in_flight_max = column.in_flight_max.max(state.counters().in_flight);
        column.limit = state.limit();
    }

    fn finish(mut self) -> Vec<TimeBucket> {
        for (column, waits) in self.columns.iter_mut().zip(&mut self.waits) {
            column.wait = percentiles(core::mem::take(waits));
        }
        for (column, services) in self.columns.iter_mut().zip(&mut self.services) {
            column.service = percentiles(core::mem::take(services));
        }
        self.columns
    }
}

fn since(later: Time, earlier: Time) -> u64 {
    later.as_nanos().saturating_sub(earlier.as_nanos())
}

/// The median and the 99th percentile, exactly. A heap sorts them: slower than the sort of slices,
/// and a tenth of its code.
fn percentiles(values: Vec<u64>) -> Option<[Duration; 2]> {
    let values = BinaryHeap::from(values).into_sorted_vec();
    let last = values.len().checked_sub(1)?;
    let rank = |percent: usize| (values.len() * percent).div_ceil(100).saturating_sub(1).min(last);
    Some([50, 99].map(|percent| Duration::from_nanos(values[rank(percent)])))
}
