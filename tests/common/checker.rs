//! An observer that knows what may follow what, and keeps books of its own beside the fold.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write,
};

use fourfold::{
    Config, Event, Observer, Pattern, Report, TaskId,
    check::Invariants,
    clock::Time,
    event::EventKind,
    metrics::{RunPhase, SourceState, State, TaskPhase, Timeline},
};

/// Panics at the first event that breaks a rule, or after which the state is not what its own books say.
#[derive(Debug)]
pub(crate) struct Checker {
    config: Config,
    invariants: Invariants,
    pub(crate) state: State,
    /// Everything once more, to go through it at the end.
    pub(crate) timeline: Timeline,
    queue: VecDeque<TaskId>,
    permits: BTreeMap<usize, TaskId>,
    abandoned: BTreeSet<TaskId>,
    limit_max: usize,
    events: u64,
    starts: u64,
    pub(crate) drained: bool,
    pub(crate) aborted: bool,
    pub(crate) cancelled: bool,
    /// Every event as text, once asked for.
    pub(crate) log: Option<String>,
    pub(crate) order: Vec<TaskId>,
}

impl Checker {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            config: *config,
            invariants: Invariants::new(),
            state: State::new(),
            timeline: Timeline::new().keyframe_every(crate::common::nz(16)),
            queue: VecDeque::new(),
            permits: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            limit_max: 0,
            events: 0,
            starts: 0,
            drained: false,
            aborted: false,
            cancelled: false,
            log: None,
            order: Vec::new(),
        }
    }

    pub(crate) fn logging(mut self) -> Self {
        self.log = Some(String::new());
        self
    }

    /// How many there were.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// What an event says about the bounds is what was configured, at this limit.
    fn assert_bounds(&mut self, limit: usize, workers: Option<usize>, queue_capacity: Option<usize>) {
        self.limit_max = self.limit_max.max(limit);
        let config = &self.config;
        let expected = match config.pattern {
            Pattern::TaskSet | Pattern::TaskGroup => (None, None),
            Pattern::SemaphoreBatch => (None, Some(config.batch_size.map_or(limit.saturating_mul(4), usize::from))),
            Pattern::WorkerPool => (
                Some(config.workers.map_or(limit, usize::from)),
                Some(config.queue_capacity.map_or(limit, usize::from)),
            ),
        };
        assert_eq!((workers, queue_capacity), expected);
    }

    fn keep_books(&mut self, event: &EventKind<&str>) {
        match *event {
            EventKind::RunStarted { pattern, limit, workers, queue_capacity } => {
                assert_eq!((pattern, self.events), (self.config.pattern, 0));
                self.assert_bounds(limit, workers, queue_capacity);
            }
            EventKind::LimitChanged { limit, workers, queue_capacity } => {
                self.assert_bounds(limit, workers, queue_capacity);
            }
            EventKind::Claimed { task, .. } => {
                self.queue.push_back(task);
                self.abandoned.remove(&task);
            }
            EventKind::Started { task, permit, worker, .. } => {
                assert_eq!(self.queue.pop_front(), Some(task));
                assert_eq!(worker, (self.config.pattern == Pattern::WorkerPool).then_some(permit));
                self.permits.insert(permit, task);
                self.starts += 1;
                self.order.push(task);
            }
            EventKind::Ended { permit, .. } => drop(self.permits.remove(&permit)),
            EventKind::Settled { task, outcome: None, .. } => self.queue.retain(|queued| *queued != task),
            EventKind::Abandoned { task, outcome, permit, .. } => {
                assert_eq!(permit, None, "a run leaks no permit");
                if outcome.is_none() {
                    self.queue.retain(|queued| *queued != task);
                }
                self.abandoned.insert(task);
            }
            EventKind::GroupCancelled { .. } => self.cancelled = true,
            EventKind::DrainStarted => self.drained = true,
            EventKind::AbortStarted => self.aborted = true,
            _ => {}
        }
    }

    /// The state shows what the events said.
    fn assert_state(&self, event: &EventKind<&str>) {
        let state = &self.state;
        assert_eq!(state.queue(), &self.queue);
        let held = state.permits().iter().enumerate().filter_map(|(permit, task)| Some((permit, (*task)?)));
        assert!(held.eq(self.permits.iter().map(|(permit, task)| (*permit, *task))));
        let counters = state.counters();
        assert_eq!((counters.queued, counters.in_flight), (self.queue.len() as u64, self.permits.len() as u64));
        match *event {
            EventKind::Started { task, permit, worker, .. } => {
                let place = TaskPhase::Running { since: state.at(), permit, worker };
                assert_eq!(state.tasks()[&task].phase, place);
            }
            EventKind::RetryScheduled { task, after, .. } => {
                let TaskPhase::Ended { retry_after, .. } = state.tasks()[&task].phase else { panic!("it has ended") };
                assert_eq!(retry_after, Some(after));
            }
            EventKind::Abandoned { task, outcome, permit, .. } => {
                let place = TaskPhase::Abandoned { since: state.at(), permit, outcome };
                assert_eq!(state.tasks()[&task].phase, place);
            }
            EventKind::SourceBlocked { by } => assert_eq!(state.source_state(), SourceState::Blocked { by }),
            EventKind::Claimed { task, .. } => {
                let batch = state.batch().map(|batch| batch.number);
                assert_eq!(state.tasks()[&task].batch, batch);
                assert_eq!(batch.is_some(), self.config.pattern == Pattern::SemaphoreBatch);
            }
            _ => {}
        }
    }

    /// The run has ended with this report.
    pub(crate) fn finish(&self, report: &Report) {
        assert!(self.invariants.is_complete(), "the last event says so");
        assert_eq!(self.state.counters(), &report.counters, "the fold and the run count the same");
        assert_eq!((self.state.missed(), self.state.phase()), (0, RunPhase::Ended));
        assert_eq!(self.state.limit(), report.limit);
        assert!(self.state.tasks().values().all(|live| live.is_waiting() || live.is_abandoned()));
        let abandoned = BTreeSet::from_iter(self.state.abandoned().iter().copied());
        assert_eq!((abandoned, self.state.leaked()), (self.abandoned.clone(), 0));
        let counters = &report.counters;
        assert_eq!((counters.in_flight, counters.queued), (0, 0));
        assert_eq!(counters.attempts(), self.starts, "every attempt has one outcome");
        assert!(counters.peak_in_flight <= self.limit_max as u64);
        if let Some(max) = self.config.max_tasks {
            assert!(counters.done + counters.dead <= max);
        }
        let seen = self.state.report();
        assert_eq!(seen.elapsed, report.elapsed);
        for percentiles in [seen.wait, seen.service, seen.total].map(|percentiles| percentiles.expect("a state looks"))
        {
            assert!(percentiles.p50 <= percentiles.p90 && percentiles.p90 <= percentiles.p99);
            assert!(percentiles.p99 <= percentiles.max && percentiles.max <= report.elapsed);
        }
        let all = report.elapsed.as_nanos() * self.limit_max as u128;
        assert!(seen.idle_permits.expect("a state looks").as_nanos() <= all);
        assert_eq!((self.timeline.end(), self.timeline.last_state()), (self.events, &self.state));
    }

    /// Some places of the timeline, drawn, are what the events up to there come to.
    pub(crate) fn assert_timeline(&mut self, random: &mut super::Random) {
        for _ in 0..4 {
            let at = Time::from_nanos(random.below(self.state.at().as_nanos() + 2));
            self.timeline.seek(at);
            let mut state = State::new();
            let events = (0..self.timeline.end()).map_while(|position| self.timeline.event(position));
            events.take_while(|event| event.at <= at).for_each(|event| state.apply(&event));
            assert_eq!(self.timeline.state(), &state, "at {at}");
        }
    }
}

impl Observer for Checker {
    fn event(&mut self, event: &Event<&str>) {
        if let Some(log) = &mut self.log {
            writeln!(log, "{event:?}").expect("a string takes it");
        }
        self.invariants.check(event);
        assert_eq!(self.invariants.violation(), None);
        self.state.apply(event);
        self.timeline.push(event);
        self.keep_books(&event.kind);
        self.assert_state(&event.kind);
        self.events += 1;
    }
}
