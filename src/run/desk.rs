//! What the parts of a run share: the queue of what is claimed, the outbox of what has ended, and the rules that say what
//! may come next.

use alloc::{collections::VecDeque, string::ToString, vec::Vec};
use core::{
    cell::{Cell, RefCell},
    num::NonZeroUsize,
};

use super::{
    attempt::{Ended, Net},
    outbox::Outbox,
    rate_limiter::RateLimiter,
    recorder::Recorder,
};
use crate::{
    clock::Clock,
    config::Config,
    control::{Control, Stop},
    event::{BlockedOn, Disposition, EventKind, Observer, Outcome},
    failure::Failure,
    metrics::Counters,
    pattern::{Pattern, View},
    run::TaskFailure,
    source::{ClaimStatus, Delivery, Settlement, Source, Verdict},
    spans::TaskSpan,
    sync::WakerRegistration,
};

/// How far a run has come. It only ever goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It claims and starts tasks.
    Running,
    /// It finishes what has started and gives back what is only claimed.
    Draining,
    /// What was running is given back.
    Aborting,
    /// Everything is settled; the source says goodbye.
    Closing,
}

type Queue<S> = VecDeque<Delivery<<S as Source>::Payload, <S as Source>::Receipt>>;

/// The shared state of one run. Borrows never last across a poll of anybody else's code.
pub(super) struct Desk<'a, S: Source, C, O> {
    pub(super) source: &'a S,
    pub(super) clock: &'a C,
    /// Copied as a whole to be read, of which the compiler leaves the one field.
    config: Cell<Config>,
    config_version: Cell<usize>,
    pub(super) control: &'a Control,
    pub(super) recorder: RefCell<Recorder<'a, O>>,
    pub(super) queue: RefCell<Queue<S>>,
    pub(super) outbox: RefCell<Outbox<S::Payload, S::Receipt>>,
    /// Deliveries whose handlers were dropped.
    pub(super) net: Net<S::Payload, S::Receipt>,
    pub(super) in_flight: Cell<usize>,
    /// Settlements that the source is being told.
    pub(super) settling: Cell<usize>,
    pub(super) stage: Cell<Stage>,
    pub(super) limit: Cell<NonZeroUsize>,
    pub(super) exhausted: Cell<bool>,
    /// How many deliveries the claim under way may bring.
    pub(super) asked: Cell<usize>,
    pub(super) batch: Cell<Option<Batch>>,
    pub(super) rate_limiter: RefCell<Option<RateLimiter>>,
    /// The rate has said no in this turn.
    held: Cell<bool>,
    pub(super) failures: RefCell<Vec<TaskFailure>>,
    pub(super) error: RefCell<Option<S::Error>>,
    pub(super) claim_bell: WakerRegistration,
    pub(super) settle_bell: WakerRegistration,
}

/// The open batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    number: u64,
    left: usize,
}

impl<'a, S: Source, C: Clock, O: Observer> Desk<'a, S, C, O> {
    pub(super) fn new(source: &'a S, clock: &'a C, config: &Config, control: &'a Control, observer: &'a mut O) -> Self {
        Self {
            source,
            clock,
            config: Cell::new(*config),
            config_version: Cell::new(0),
            control,
            recorder: RefCell::new(Recorder::new(observer)),
            queue: RefCell::default(),
            outbox: RefCell::new(Outbox::new()),
            net: RefCell::default(),
            in_flight: Cell::new(0),
            settling: Cell::new(0),
            stage: Cell::new(Stage::Running),
            limit: Cell::new(control.limit().unwrap_or(config.checked_limit())),
            exhausted: Cell::new(false),
            asked: Cell::new(0),
            batch: Cell::new(None),
            rate_limiter: RefCell::new(config.rate.map(RateLimiter::new)),
            held: Cell::new(false),
            failures: RefCell::default(),
            error: RefCell::new(None),
            claim_bell: WakerRegistration::default(),
            settle_bell: WakerRegistration::default(),
        }
    }

    pub(super) fn write(&self, kind: EventKind<&str>) {
        self.recorder.borrow_mut().write(kind);
    }

    #[inline]
    pub(super) fn config(&self) -> Config {
        self.config.get()
    }

    pub(super) fn config_version(&self) -> usize {
        self.config_version.get()
    }

    /// Goes on with another configuration, if the control handle has one, and with another limit.
    pub(super) fn adjust(&self) {
        let before = self.bounds();
        if let Some((version, config)) = self.control.config_after(self.config_version.get()) {
            self.config_version.set(version);
            let Config { pattern, seed, rate, .. } = self.config();
            self.config.set(config.pattern(pattern).seed(seed));
            if rate != config.rate {
                *self.rate_limiter.borrow_mut() = config.rate.map(RateLimiter::new);
            }
        }
        self.limit.set(self.control.limit().unwrap_or(self.limit.get()));
        let (limit, workers, queue_capacity) = self.bounds();
        if (limit, workers, queue_capacity) != before {
            self.write(EventKind::LimitChanged { limit, workers, queue_capacity }); // page: limit_changed
        }
    }

    pub(super) fn write_start(&self) {
        let (limit, workers, queue_capacity) = self.bounds();
        self.write(EventKind::RunStarted { pattern: self.config().pattern, limit, workers, queue_capacity });
    }

    /// The limit, how many workers there are, and how many tasks may wait for a permit.
    fn bounds(&self) -> (usize, Option<usize>, Option<usize>) {
        let limit = self.limit.get();
        let (workers, queue_capacity) = match self.config().pattern {
            Pattern::TaskSet | Pattern::TaskGroup => (None, None),
            Pattern::SemaphoreBatch => (None, Some(self.config().batch_size_at(limit))),
            Pattern::WorkerPool => {
                (Some(self.config().workers_at(limit)), Some(self.config().queue_capacity_at(limit)))
            }
        };
        (limit.get(), workers, queue_capacity)
    }

    /// A pool's workers go by the number of the permit that they hold.
    #[inline]
    pub(super) fn worker(&self, slot: usize) -> Option<usize> {
        (self.config().pattern == Pattern::WorkerPool).then_some(slot)
    }

    pub(super) fn update_time(&self) {
        self.recorder.borrow_mut().update_time(self.clock);
    }

    pub(super) fn counters(&self) -> Counters {
        *self.recorder.borrow().counters()
    }

    /// Deliveries that this run holds in one way or another.
    fn held(&self) -> usize {
        self.in_flight.get() + self.queue.borrow().len() + self.outbox.borrow().len() + self.settling.get()
    }

    fn view(&self) -> View {
        let limit = self.limit.get();
        View {
            limit: limit.get(),
            in_flight: self.in_flight.get(),
            queued: self.queue.borrow().len(),
            queue_capacity: self.config().queue_capacity_at(limit),
            batch_size: self.config().batch_size_at(limit),
            batch_open: self.batch.get().is_some(),
        }
    }

    /// How many deliveries may be claimed now.
    pub(super) fn room(&self) -> Option<NonZeroUsize> {
        if self.stage.get() != Stage::Running || self.exhausted.get() || self.is_backed_up() {
            return None;
        }
        let room = self.config().pattern.room(&self.view()).min(self.tasks_left()).min(self.starts_ready());
        NonZeroUsize::new(room)
    }

    /// Whether a limit's worth of settlements waits behind those that the source is being told: then nothing new is begun.
    fn is_backed_up(&self) -> bool {
        self.outbox.borrow().len() >= self.limit.get().get()
    }

    /// What keeps a source that may have more from being asked.
    pub(super) fn blocker(&self) -> Option<BlockedOn> {
        if self.stage.get() != Stage::Running || self.exhausted.get() || self.tasks_left() == 0 {
            return None;
        }
        if self.is_backed_up() {
            return Some(BlockedOn::Settling);
        }
        if self.config().pattern.room(&self.view()) == 0 {
            return Some(BlockedOn::Room);
        }
        (self.starts_ready() == 0).then_some(BlockedOn::Rate)
    }

    /// Whether a claim may be possible, at the latest when the settlements in waiting are on their way.
    pub(super) fn wants_claim(&self) -> bool {
        self.asked.get() == 0 && (self.room().is_some() || (self.is_backed_up() && self.settling.get() == 0))
    }

    /// How many more tasks this run may take on.
    fn tasks_left(&self) -> usize {
        let Some(max) = self.config().max_tasks else { return usize::MAX };
        let held = u64::try_from(self.held()).unwrap_or(u64::MAX);
        usize::try_from(max.saturating_sub(self.ended_tasks()).saturating_sub(held)).unwrap_or(usize::MAX)
    }

    fn ended_tasks(&self) -> u64 {
        let recorder = self.recorder.borrow();
        let counters = recorder.counters();
        counters.done + counters.dead + counters.malformed
    }

    /// Whether as many tasks have ended as were asked for.
    pub(super) fn is_satisfied(&self) -> bool {
        self.config().max_tasks.is_some_and(|max| self.ended_tasks() >= max)
    }

    /// How many starts the rate allows now. What is claimed with no place to wait must be able to start.
    fn starts_ready(&self) -> usize {
        match &*self.rate_limiter.borrow() {
            Some(rate_limiter) if !self.config().pattern.queues() => {
                let ready = rate_limiter.ready(self.clock.now());
                self.held.set(self.held.get() || ready == 0);
                ready.saturating_sub(self.queue.borrow().len())
            }
            _ => usize::MAX,
        }
    }

    /// How long the rate holds up what could start otherwise: no time at all where it said no in this turn and would not now.
    pub(super) fn pause(&self) -> Option<core::time::Duration> {
        let held = self.held.take();
        let rate_limiter = self.rate_limiter.borrow();
        let rate_limiter = rate_limiter.as_ref()?;
        let idle = self.exhausted.get() && self.queue.borrow().is_empty();
        if idle || self.stage.get() != Stage::Running {
            return None;
        }
        let now = self.clock.now();
        (held || rate_limiter.ready(now) == 0).then(|| rate_limiter.wait(now))
    }

    /// How many tasks may start now, by the limits; [`next_start`](Self::next_start) looks at what may change with each.
    pub(super) fn startable(&self) -> usize {
        if self.stage.get() != Stage::Running {
            return 0;
        }
        let limit = self.limit.get().get();
        let workers = self.config().workers.filter(|_| self.config().pattern == Pattern::WorkerPool);
        let slots = workers.map_or(limit, |workers| workers.min(limit));
        slots.saturating_sub(self.in_flight.get()).min(self.queue.borrow().len())
    }

    /// Whether a handler that ran in this turn has said something that the next start must heed.
    fn is_interrupted(&self) -> bool {
        self.control.wanted() != Stop::No
            || self.control.has_changed(self.config_version.get(), self.limit.get())
            || !self.failures.borrow().is_empty()
    }

    /// The next task to start, if one still may.
    #[inline]
    pub(super) fn next_start(&self) -> Option<Delivery<S::Payload, S::Receipt>> {
        if self.is_backed_up() || self.is_interrupted() {
            return None;
        }
        if let Some(rate_limiter) = &mut *self.rate_limiter.borrow_mut() {
            let now = self.clock.now();
            if rate_limiter.ready(now) == 0 {
                self.held.set(true);
                return None;
            }
            rate_limiter.start(now);
        }
        self.queue.borrow_mut().pop_front()
    }

    /// What a claim brought.
    pub(super) fn take_in(&self, claims: &mut crate::source::Claims<S::Payload, S::Receipt>, supply: ClaimStatus) {
        self.update_time();
        let mut recorder = self.recorder.borrow_mut();
        for reason in claims.malformed.drain(..) {
            recorder.write(EventKind::Malformed { reason: &reason }); // page: malformed
        }
        let size = claims.len();
        if size > 0 && self.config().pattern == Pattern::SemaphoreBatch {
            let number = recorder.counters().batches;
            recorder.write(EventKind::BatchOpened { batch: number, size }); // page: batch_opened
            self.batch.set(Some(Batch { number, left: size }));
        }
        for delivery in &claims.deliveries {
            recorder.write(EventKind::Claimed { task: delivery.task.id, attempt: delivery.task.attempt }); // page: claimed
        }
        self.queue.borrow_mut().append(&mut claims.deliveries);
        if supply == ClaimStatus::Exhausted {
            self.exhausted.set(true);
            recorder.write(EventKind::SourceExhausted); // page: source_exhausted
        }
    }

    /// An attempt ended by itself.
    pub(super) fn finish(&self, slot: usize, ended: Ended<S::Payload, S::Receipt>) {
        self.in_flight.set(self.in_flight.get() - 1); // page: ended
        let Ended { delivery, result, span } = ended;
        let (task, attempt) = (delivery.task.id, delivery.task.attempt);
        let (permit, worker) = (slot, self.worker(slot));
        let mut recorder = self.recorder.borrow_mut();
        recorder.update_time(self.clock);
        let (outcome, verdict) = match result {
            Ok(()) => {
                let outcome = Outcome::Succeeded;
                span.ended(outcome);
                recorder.write(EventKind::Ended { task, attempt, permit, worker, outcome, reason: None });
                (outcome, Verdict::Done)
            }
            Err((outcome, failure)) => {
                // Who was cancelled has not failed.
                let reason = (outcome != Outcome::Cancelled).then(|| failure.reason());
                span.ended(outcome);
                recorder.write(EventKind::Ended { task, attempt, permit, worker, outcome, reason });
                (outcome, self.judge(&mut recorder, &delivery, outcome, &failure, &span))
            }
        };
        self.leave_batch(&mut recorder, 1);
        self.outbox.borrow_mut().push(delivery, verdict, Some(outcome));
    }

    #[cold]
    fn judge(
        &self,
        recorder: &mut Recorder<'a, O>,
        delivery: &Delivery<S::Payload, S::Receipt>,
        outcome: Outcome,
        failure: &Failure,
        span: &TaskSpan,
    ) -> Verdict {
        let (task, attempt) = (delivery.task.id, delivery.task.attempt);
        let reason = failure.reason().to_string();
        if let Some(after) = self.config().retry.delay(failure, task, attempt, self.config().seed) {
            span.retried(outcome, &reason, after);
            recorder.write(EventKind::RetryScheduled { task, attempt, after }); // page: retry_scheduled
            return Verdict::Retry { after, reason };
        }
        span.dead(outcome, &reason);
        if self.config().pattern == Pattern::TaskGroup && outcome != Outcome::Cancelled {
            let failure = TaskFailure { task, attempt, outcome, reason: reason.clone() };
            self.failures.borrow_mut().push(failure);
        }
        Verdict::Dead { reason }
    }

    fn leave_batch(&self, recorder: &mut Recorder<'a, O>, tasks: usize) {
        let Some(batch) = self.batch.get() else { return };
        let left = batch.left.saturating_sub(tasks);
        if left == 0 {
            recorder.write(EventKind::BatchClosed { batch: batch.number }); // page: batch_closed
        }
        self.batch.set((left > 0).then_some(Batch { left, ..batch }));
    }

    /// Gives back what is claimed and was not started.
    pub(super) fn release_queue(&self) {
        let mut queue = self.queue.borrow_mut();
        self.leave_batch(&mut self.recorder.borrow_mut(), queue.len());
        let mut outbox = self.outbox.borrow_mut();
        for delivery in queue.drain(..) {
            outbox.push(delivery, Verdict::Release, None);
        }
    }

    /// Gives back what was running: its handlers are dropped by now.
    pub(super) fn release_net(&self) {
        self.update_time();
        let mut recorder = self.recorder.borrow_mut();
        for (slot, delivery) in self.net.borrow_mut().drain(..) {
            let (task, attempt) = (delivery.task.id, delivery.task.attempt);
            let (permit, worker, outcome) = (slot, self.worker(slot), Outcome::Cancelled);
            recorder.write(EventKind::Ended { task, attempt, permit, worker, outcome, reason: None });
            self.leave_batch(&mut recorder, 1);
            self.outbox.borrow_mut().push(delivery, Verdict::Release, Some(outcome));
        }
        self.in_flight.set(0);
    }

    /// The source took a verdict, or refused it.
    pub(super) fn settled(&self, settlement: &Settlement<S::Payload, S::Receipt>, outcome: Option<Outcome>) {
        let disposition = match settlement.verdict() {
            _ if settlement.is_lease_lost() => Disposition::LeaseLost,
            Verdict::Done => Disposition::Done,
            Verdict::Retry { .. } => Disposition::Retried,
            Verdict::Dead { .. } => Disposition::Dead,
            Verdict::Release => Disposition::Released,
        };
        if disposition == Disposition::Retried {
            // There is more to come after all.
            self.exhausted.set(false);
        }
        let (task, attempt) = (settlement.task(), settlement.attempt());
        self.write(EventKind::Settled { task, attempt, outcome, disposition }); // page: settled
    }

    /// Leaves a delivery to the source, which could not be told how it ended.
    pub(super) fn abandon(&self, mut settlement: Settlement<S::Payload, S::Receipt>, outcome: Option<Outcome>) {
        let (task, attempt) = (settlement.task(), settlement.attempt());
        self.write(EventKind::Abandoned { task, attempt, outcome, permit: None }); // page: abandoned
        if let Some(delivery) = settlement.take() {
            self.source.abandon(delivery);
        }
    }

    /// Leaves everything that is claimed and not settled to the source.
    pub(super) fn abandon_all(&self) {
        self.release_net();
        self.release_queue();
        let mut outbox = self.outbox.replace(Outbox::new());
        outbox.drain().rev().for_each(|(settlement, outcome)| self.abandon(settlement, outcome));
    }

    /// Nothing is claimed that is not settled.
    pub(super) fn is_clear(&self) -> bool {
        self.held() == 0 && self.net.borrow().is_empty()
    }

    /// The source failed; the first failure is the one that is reported.
    pub(super) fn fail(&self, error: S::Error) {
        self.error.borrow_mut().get_or_insert(error);
    }
}

/// A run that is dropped in the middle leaves what it holds to its source.
impl<S: Source, C, O> Drop for Desk<'_, S, C, O> {
    fn drop(&mut self) {
        // From the newest to the oldest: a source that puts them in front of the others has them in order.
        let queue = self.queue.get_mut().drain(..).rev();
        let net = self.net.get_mut().drain(..).map(|(_, delivery)| delivery);
        let outbox = self.outbox.get_mut().settlements.iter_mut().rev().filter_map(Settlement::take);
        queue.chain(net).chain(outbox).for_each(|delivery| self.source.abandon(delivery));
    }
}
