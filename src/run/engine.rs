//! The turn of a run: start, poll, settle, claim, and look whether it is over.

use alloc::boxed::Box;
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    desk::{Desk, Stage},
    parts,
};
use crate::{
    clock::Clock,
    control::{Control, Stop},
    event::{EventKind, Observer},
    executor::{Budget, Executor, Start},
    panic::contain,
    run::attempt::Ended,
    source::{Delivery, Source},
};

/// What is polled beside the tasks.
type Part<'d, E> = Pin<Box<dyn Future<Output = PartEnd<E>> + 'd>>;

/// Why a part ended.
enum PartEnd<E> {
    Claim(E),
    Drive(E),
    /// The rate allows another start.
    Pause,
    /// What was being waited for takes too long.
    Grace,
    Closed(Result<(), E>),
}

/// How many polls a turn may make: of starts, of tasks in flight and of the source, so that none keeps the others waiting.
#[derive(Default)]
struct Shares {
    starts: Budget,
    tasks: Budget,
    parts: Budget,
}

impl Shares {
    fn are_spent(&self) -> bool {
        self.starts.is_spent() || self.tasks.is_spent() || self.parts.is_spent()
    }
}

/// The executors of a run and where its parts are in them.
pub(super) struct Engine<'d, 'a, S: Source, C, O, F: Future, M> {
    desk: &'d Desk<'a, S, C, O>,
    make: M,
    jobs: Executor<F>,
    parts: Executor<Part<'d, S::Error>>,
    claim: Option<usize>,
    pause: Option<usize>,
    grace: Option<usize>,
    is_over: bool,
}

impl<'d, 'a, S, C, O, F, M> Engine<'d, 'a, S, C, O, F, M>
where
    S: Source,
    C: Clock,
    O: Observer,
    F: Future<Output = Ended<S::Payload, S::Receipt>>,
    M: Fn(Delivery<S::Payload, S::Receipt>, usize) -> F,
{
    /// `make` turns a delivery and a slot into an attempt.
    pub(super) fn new(desk: &'d Desk<'a, S, C, O>, make: M) -> Self {
        let jobs = Executor::new();
        let mut parts: Executor<Part<'d, S::Error>> = jobs.sibling();
        // In this order: what a tick settles makes room for what it claims.
        parts.spawn(Box::pin(parts::settle(desk)));
        let claim = parts.spawn(Box::pin(async move { PartEnd::Claim(parts::claim(desk).await) }));
        parts.spawn(Box::pin(async move {
            match desk.source.drive().await {
                Err(error) => PartEnd::Drive(error),
                Ok(never) => match never {},
            }
        }));
        parts.spawn(Box::pin(watch(desk.control)));
        Self { desk, make, jobs, parts, claim: Some(claim), pause: None, grace: None, is_over: false }
    }

    /// Goes on until nothing is ready, the run is over, or it is somebody else's turn.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let inside = self.jobs.gate().enter(cx);
        let mut shares = Shares::default();
        loop {
            let went_on = self.turn(&mut shares);
            if self.is_over {
                return Poll::Ready(());
            }
            if shares.are_spent() {
                // The gate wakes for what is ready in it; what could start is known only here.
                cx.waker().wake_by_ref();
                drop(inside);
                return Poll::Pending;
            }
            if !went_on {
                return Poll::Pending;
            }
        }
    }

    fn turn(&mut self, shares: &mut Shares) -> bool {
        self.desk.update_time();
        self.heed();
        let mut went_on = self.start_tasks(&mut shares.starts);
        if self.jobs.begin_tick() {
            went_on = true;
            while let Some((slot, ended)) = self.jobs.next_in_tick(&mut shares.tasks) {
                self.desk.finish(slot, ended);
            }
        }
        // Once more: a handler may have had its say.
        self.heed();
        self.cancel_failed_group();
        self.ring();
        if self.parts.begin_tick() {
            went_on = true;
            while let Some((slot, end)) = self.parts.next_in_tick(&mut shares.parts) {
                self.part_ended(slot, end);
            }
        }
        went_on |= self.end_if_clear();
        went_on
    }

    /// Does what the control handle asks for.
    fn heed(&mut self) {
        let desk = self.desk;
        if desk.control.has_changed(desk.config_version(), desk.limit.get()) {
            desk.adjust();
        }
        match desk.control.wanted() {
            Stop::No => {}
            // The source's goodbye is all that is waited for: not for ever.
            _ if desk.stage.get() == Stage::Closing => {
                if self.grace.is_none() {
                    self.arm_grace();
                }
            }
            Stop::Drain => self.drain(),
            Stop::Abort => self.abort(),
        }
        if desk.error.borrow().is_some() {
            self.drain();
        }
    }

    fn start_tasks(&mut self, budget: &mut Budget) -> bool {
        let mut started = false;
        // What finishes at once makes room for the next in the same turn.
        while !budget.is_spent() {
            let startable = self.desk.startable();
            if startable == 0 {
                break;
            }
            for _ in 0..startable {
                if budget.is_spent() {
                    break;
                }
                let Some(delivery) = self.desk.next_start() else { return started };
                self.start(delivery);
                budget.spend();
                started = true;
            }
        }
        started
    }

    fn start(&mut self, delivery: Delivery<S::Payload, S::Receipt>) {
        let desk = self.desk;
        let slot = self.jobs.next_slot();
        desk.in_flight.set(desk.in_flight.get() + 1);
        let worker = desk.worker(slot);
        desk.write(EventKind::Started { task: delivery.task.id, attempt: delivery.task.attempt, permit: slot, worker }); // page: started
        if let Start::Finished(ended) = self.jobs.start((self.make)(delivery, slot)) {
            desk.finish(slot, ended);
        }
    }

    /// Has the parts look at what has changed for them.
    fn ring(&mut self) {
        let desk = self.desk;
        // Not while it waits for the source: a bell rung at every turn would keep the run awake.
        if desk.settling.get() == 0 && !desk.outbox.borrow().is_empty() {
            desk.settle_bell.ring();
        }
        if desk.wants_claim() {
            desk.claim_bell.ring();
        }
        if let Some(wait) = desk.pause().filter(|_| self.pause.is_none()) {
            self.pause = Some(self.sleep(wait, || PartEnd::Pause));
        }
    }

    fn sleep(&mut self, duration: Duration, end: impl FnOnce() -> PartEnd<S::Error> + 'd) -> usize {
        let clock = self.desk.clock;
        self.parts.spawn(Box::pin(async move {
            clock.sleep(duration).await;
            end()
        }))
    }

    fn part_ended(&mut self, slot: usize, end: PartEnd<S::Error>) {
        match end {
            PartEnd::Claim(error) => {
                self.claim = None;
                self.desk.fail(error);
                self.drain();
            }
            PartEnd::Drive(error) => {
                self.desk.fail(error);
                self.give_up();
            }
            PartEnd::Pause => self.pause = None,
            PartEnd::Grace => {
                debug_assert_eq!(self.grace, Some(slot));
                self.grace = None;
                if self.desk.stage.get() == Stage::Draining { self.abort() } else { self.give_up() }
            }
            PartEnd::Closed(result) => {
                if let Err(error) = result {
                    self.desk.fail(error);
                }
                self.is_over = true;
            }
        }
    }

    /// Claims nothing more, and gives back what was not started.
    fn drain(&mut self) {
        if self.begin_drain() {
            self.desk.release_queue();
            self.arm_grace();
        }
    }

    fn begin_drain(&mut self) -> bool {
        let desk = self.desk;
        let begins = desk.stage.get() < Stage::Draining;
        if begins {
            desk.stage.set(Stage::Draining);
            desk.write(EventKind::DrainStarted); // page: drain_started
            self.stop_claiming();
        }
        begins
    }

    fn stop_claiming(&mut self) {
        if let Some(slot) = self.claim.take() {
            self.parts.cancel(slot);
        }
    }

    /// Drops what runs and gives it back.
    fn abort(&mut self) {
        if self.desk.stage.get() >= Stage::Aborting {
            return;
        }
        self.begin_drain();
        self.desk.write(EventKind::AbortStarted); // page: abort_started
        self.cancel_tasks();
        self.desk.release_queue();
        self.arm_grace();
    }

    /// Drops what runs and gives it back, so that it comes before what was only claimed.
    fn cancel_tasks(&mut self) {
        self.desk.stage.set(Stage::Aborting);
        drop_all(&mut self.jobs);
        self.desk.release_net();
    }

    /// The siblings of a task that failed for good are cancelled, once all that was ready beside it has had its turn.
    fn cancel_failed_group(&mut self) {
        if self.desk.stage.get() >= Stage::Aborting || self.jobs.is_in_tick() {
            return;
        }
        let Some(cause) = self.desk.failures.borrow().first().map(|failure| failure.task) else { return };
        self.desk.write(EventKind::GroupCancelled { cause }); // page: group_cancelled
        self.stop_claiming();
        self.cancel_tasks();
        self.desk.release_queue();
        self.arm_grace();
    }

    /// From now on, only so long.
    fn arm_grace(&mut self) {
        let Some(grace) = self.desk.config().grace else { return };
        if let Some(slot) = self.grace.take() {
            self.parts.cancel(slot);
        }
        self.grace = Some(self.sleep(grace, || PartEnd::Grace));
    }

    /// The source cannot be waited for any longer: what it has not been told is left to it.
    fn give_up(&mut self) {
        self.stop_claiming();
        self.cancel_tasks();
        self.desk.abandon_all();
        self.is_over = true;
    }

    /// When everything is settled and nothing more is to come, the source is closed.
    fn end_if_clear(&mut self) -> bool {
        let desk = self.desk;
        let is_last = match desk.stage.get() {
            Stage::Running => desk.exhausted.get() || desk.is_satisfied(),
            Stage::Draining | Stage::Aborting => true,
            Stage::Closing => return false,
        };
        if !is_last || !desk.is_clear() {
            return false;
        }
        desk.stage.set(Stage::Closing);
        self.stop_claiming();
        self.parts.spawn(Box::pin(async move { PartEnd::Closed(desk.source.close().await) }));
        true
    }
}

/// A run that is dropped in the middle: no handler's panic keeps the others from being dropped.
impl<S: Source, C, O, F: Future, M> Drop for Engine<'_, '_, S, C, O, F, M> {
    fn drop(&mut self) {
        drop_all(&mut self.jobs);
    }
}

/// Dropping a handler is the user's code, which may panic; each round drops at least one of them.
fn drop_all<F: Future>(jobs: &mut Executor<F>) {
    for _ in 0..=jobs.len() {
        if contain(|| jobs.clear()).is_ok() {
            break;
        }
    }
}

/// Has the run look at its control handle whenever that changes. Never ends.
async fn watch<E>(control: &Control) -> PartEnd<E> {
    loop {
        control.listen().await;
    }
}
