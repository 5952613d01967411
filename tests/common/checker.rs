//! An observer that knows what may follow what.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    hash::{DefaultHasher, Hasher},
};

use fourfold::{
    Attempt, Config, Ending, Event, EventKind, Observer, Outcome, Pattern, Phase, Report, State, TaskId, Time,
};

/// The bounds of a run that do not change while it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pattern: Pattern,
    workers: Option<usize>,
    queue_capacity: Option<usize>,
    batch_size: Option<usize>,
    max_tasks: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Claimed,
    Started(usize),
    Ended(Outcome),
    RetryDue(Outcome),
}

/// Panics at the first event that breaks a rule.
#[derive(Debug)]
pub(crate) struct Checker {
    rules: Rules,
    pub(crate) state: State,
    sequence: u64,
    at: Time,
    limit: usize,
    /// The highest limit so far: what was claimed under it may still be there.
    highest: usize,
    lives: BTreeMap<TaskId, (Attempt, Life)>,
    slots: BTreeMap<usize, TaskId>,
    queued: usize,
    in_flight: usize,
    batch: Option<(u64, usize)>,
    fresh: usize,
    starts: u64,
    pub(crate) drained: bool,
    pub(crate) aborted: bool,
    pub(crate) cancelled: bool,
    over: bool,
    ended: bool,
    /// Every event as text, once asked for.
    pub(crate) log: Option<String>,
    pub(crate) order: Vec<TaskId>,
}

impl Checker {
    pub(crate) fn new(config: &Config) -> Self {
        let rules = Rules {
            pattern: config.pattern,
            workers: config.workers.map(usize::from),
            queue_capacity: config.queue_capacity.map(usize::from),
            batch_size: config.batch_size.map(usize::from),
            max_tasks: config.max_tasks,
        };
        Self {
            rules,
            state: State::new(),
            sequence: 0,
            at: Time::ZERO,
            limit: 0,
            highest: 0,
            lives: BTreeMap::new(),
            slots: BTreeMap::new(),
            queued: 0,
            in_flight: 0,
            batch: None,
            fresh: 0,
            starts: 0,
            drained: false,
            aborted: false,
            cancelled: false,
            over: false,
            ended: false,
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
        self.sequence
    }

    /// The most that may be claimed and not started.
    fn queue_bound(&self) -> usize {
        match self.rules.pattern {
            Pattern::TaskSet | Pattern::TaskGroup => self.highest.saturating_sub(self.in_flight),
            Pattern::WorkerPool => self.rules.queue_capacity.unwrap_or(self.highest),
            Pattern::SemaphoreBatch => self.rules.batch_size.unwrap_or(self.highest.saturating_mul(4)),
        }
    }

    fn claimed(&mut self, task: TaskId, attempt: Attempt) {
        let before = self.lives.insert(task, (attempt, Life::Claimed));
        assert!(before.is_none(), "task {task} is claimed while it is {before:?}");
        self.queued += 1;
        self.fresh += 1;
        assert!(self.queued <= self.queue_bound(), "{} wait, {} may", self.queued, self.queue_bound());
        if self.rules.pattern == Pattern::SemaphoreBatch {
            assert!(self.batch.is_none(), "claimed while a batch is open");
            assert_eq!(self.in_flight, 0);
        }
    }

    fn started(&mut self, task: TaskId, attempt: Attempt, slot: usize) {
        assert!(!self.drained && !self.cancelled && !self.over, "started after the end was called for");
        assert_eq!(self.lives.insert(task, (attempt, Life::Started(slot))), Some((attempt, Life::Claimed)));
        assert_eq!(self.slots.insert(slot, task), None, "slot {slot} is taken");
        self.queued -= 1;
        self.in_flight += 1;
        self.starts += 1;
        assert!(self.in_flight <= self.limit, "{} in flight, the limit is {}", self.in_flight, self.limit);
        assert!(slot < self.highest, "slot {slot} of {}", self.highest);
        if let (Pattern::WorkerPool, Some(workers)) = (self.rules.pattern, self.rules.workers) {
            assert!(slot < workers, "worker {slot} of {workers}");
        }
        self.order.push(task);
    }

    fn has_ended(&mut self, task: TaskId, attempt: Attempt, slot: usize, outcome: Outcome) {
        let before = self.lives.insert(task, (attempt, Life::Ended(outcome)));
        assert_eq!(before, Some((attempt, Life::Started(slot))));
        assert_eq!(self.slots.remove(&slot), Some(task));
        self.in_flight -= 1;
        self.leave_batch();
    }

    fn leave_batch(&mut self) {
        if let Some((_, left)) = &mut self.batch {
            *left -= 1;
        }
    }

    fn settled(&mut self, task: TaskId, attempt: Attempt, outcome: Option<Outcome>, ending: Ending) {
        let life = self.lives.remove(&task);
        let expected = match (outcome, ending) {
            (None, Ending::Released | Ending::LeaseLost) => {
                self.queued -= 1;
                self.leave_batch();
                vec![Life::Claimed]
            }
            (Some(Outcome::Succeeded), Ending::Done) => vec![Life::Ended(Outcome::Succeeded)],
            (Some(Outcome::Cancelled), Ending::Released) => vec![Life::Ended(Outcome::Cancelled)],
            (Some(outcome), Ending::Retried) => vec![Life::RetryDue(outcome)],
            (Some(outcome @ (Outcome::Failed | Outcome::TimedOut | Outcome::Panicked)), Ending::Dead) => {
                vec![Life::Ended(outcome)]
            }
            (Some(outcome), Ending::LeaseLost) => vec![Life::Ended(outcome), Life::RetryDue(outcome)],
            other => panic!("{other:?} do not go together"),
        };
        assert!(
            expected.iter().any(|expected| life == Some((attempt, *expected))),
            "settled as {ending:?} while {life:?}, expected {expected:?}"
        );
    }

    fn abandoned(&mut self, task: TaskId, attempt: Attempt, outcome: Option<Outcome>) {
        let life = self.lives.remove(&task);
        let good = match (outcome, life) {
            (None, Some((number, Life::Claimed))) => {
                self.queued -= 1;
                self.leave_batch();
                number == attempt
            }
            (Some(outcome), Some((number, Life::Ended(was) | Life::RetryDue(was)))) => {
                number == attempt && was == outcome
            }
            _ => false,
        };
        assert!(good, "task {task} is abandoned with {outcome:?} while it is {life:?}");
    }

    fn check(&mut self, event: &EventKind<'_>) {
        match *event {
            EventKind::RunStarted { pattern, limit } => {
                assert_eq!((pattern, self.sequence), (self.rules.pattern, 0));
                (self.limit, self.highest) = (limit, limit);
            }
            EventKind::Claimed { task, attempt } => self.claimed(task, attempt),
            EventKind::Started { task, attempt, slot } => self.started(task, attempt, slot),
            EventKind::Ended { task, attempt, slot, outcome, reason } => {
                let has_reason = matches!(outcome, Outcome::Failed | Outcome::TimedOut | Outcome::Panicked);
                assert_eq!(reason.is_some(), has_reason);
                self.has_ended(task, attempt, slot, outcome);
            }
            EventKind::RetryScheduled { task, attempt, .. } => {
                let (number, life) = self.lives[&task];
                let Life::Ended(outcome @ (Outcome::Failed | Outcome::TimedOut | Outcome::Panicked)) = life else {
                    panic!("a retry after {life:?}")
                };
                assert_eq!(number, attempt);
                self.lives.insert(task, (attempt, Life::RetryDue(outcome)));
            }
            EventKind::Settled { task, attempt, outcome, ending } => self.settled(task, attempt, outcome, ending),
            EventKind::Abandoned { task, attempt, outcome } => self.abandoned(task, attempt, outcome),
            EventKind::BatchOpened { batch, size } => {
                assert_eq!(self.batch, None);
                assert_eq!(size, std::mem::take(&mut self.fresh));
                self.batch = Some((batch, size));
            }
            EventKind::BatchClosed { batch } => {
                let (number, left) = self.batch.take().expect("a batch is open");
                assert_eq!(number, batch);
                assert_eq!(left, self.queued, "all but those that wait have ended");
                // Then they are given back.
                self.over |= self.queued > 0;
            }
            EventKind::GroupCancelled { .. } => {
                assert_eq!(self.rules.pattern, Pattern::TaskGroup);
                assert!(!std::mem::replace(&mut self.cancelled, true));
            }
            EventKind::LimitChanged { limit } => {
                assert_ne!(limit, self.limit);
                self.limit = limit;
                self.highest = self.highest.max(limit);
            }
            EventKind::DrainStarted => assert!(!std::mem::replace(&mut self.drained, true)),
            EventKind::AbortStarted => {
                assert!(self.drained);
                assert!(!std::mem::replace(&mut self.aborted, true));
            }
            EventKind::RunEnded => {
                assert_eq!((&self.lives, self.in_flight, self.queued), (&BTreeMap::new(), 0, 0));
                assert_eq!(self.batch, None, "the batch is closed");
                self.ended = true;
            }
            _ => {}
        }
    }

    /// The run has ended with this report.
    pub(crate) fn finish(&self, report: &Report) {
        assert!(self.ended, "the last event says so");
        assert_eq!(self.state.tally(), &report.tally, "the fold and the run count the same");
        assert_eq!((self.state.missed(), self.state.phase()), (0, Phase::Ended));
        assert_eq!((self.state.limit(), report.limit), (self.limit, self.limit));
        assert!(self.state.tasks().is_empty() || report.tally.retried > 0);
        let tally = &report.tally;
        assert_eq!((tally.in_flight, tally.queued), (0, 0));
        assert_eq!(tally.attempts(), self.starts, "every attempt has one outcome");
        assert!(tally.peak_in_flight <= self.highest as u64);
        if let Some(max) = self.rules.max_tasks {
            assert!(tally.done + tally.dead <= max);
        }
        let seen = self.state.report();
        assert_eq!(seen.elapsed, report.elapsed);
        for percentiles in [seen.wait, seen.service, seen.total].map(|percentiles| percentiles.expect("a state looks"))
        {
            assert!(percentiles.p50 <= percentiles.p90 && percentiles.p90 <= percentiles.p99);
            assert!(percentiles.p99 <= percentiles.max && percentiles.max <= report.elapsed);
        }
        let all = report.elapsed.as_nanos() * self.highest as u128;
        assert!(seen.idle_permits.expect("a state looks").as_nanos() <= all);
    }
}

impl Observer for Checker {
    fn event(&mut self, event: &Event<'_>) {
        if let Some(log) = &mut self.log {
            writeln!(log, "{event:?}").expect("a string takes it");
        }
        assert!(!self.ended, "{event:?} after the end");
        assert_eq!(event.sequence, self.sequence, "no gaps");
        assert!(event.at >= self.at, "time goes on");
        self.at = event.at;
        self.state.apply(event);
        self.check(&event.kind);
        self.sequence += 1;
    }
}
