//! The poll loop of a run: start, poll, settle, claim, and look whether the run is over.

use alloc::boxed::Box;
use core::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    attempt::{Ended, Terms},
    lifecycle::Stage,
    shared::{Shared, State},
    source_io,
};
use crate::{
    clock::Clock,
    config::Config,
    control::{Control, Stop},
    event::Observer,
    executor::{Budget, Entered, Executor, POLLS_PER_TURN, Start},
    panic::contain,
    source::{Delivery, Source},
};

/// How long a source may take after the grace of a drain, to give back what was aborted.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// A future that is polled beside the tasks.
type SideTask<'d, E> = Pin<Box<dyn Future<Output = SideTaskEnd<E>> + 'd>>;

/// Why a side task ended.
enum SideTaskEnd<E> {
    /// The source could not hand out tasks.
    ClaimFailed(E),
    /// The source's background work could not go on.
    DriveFailed(E),
    /// The rate allows another start.
    PauseOver,
    /// What was being waited for takes too long.
    GraceOver,
    /// The source is closed, or could not be closed in good order.
    Closed(Result<(), E>),
}

/// The polls that a turn may make: of starts, of tasks in flight and of side tasks, so that none keeps the others waiting.
/// Starts and tasks together have the polls of a turn, as in a scope.
struct Shares {
    starts: Budget,
    tasks: Budget,
    side_tasks: Budget,
}

impl Default for Shares {
    fn default() -> Self {
        let half = || Budget::new(POLLS_PER_TURN / 2);
        Self { starts: half(), tasks: half(), side_tasks: Budget::default() }
    }
}

impl Shares {
    /// Makes them whole again if a turn has begun.
    fn renew(&mut self, inside: &Entered) {
        [&mut self.starts, &mut self.tasks, &mut self.side_tasks].into_iter().for_each(|budget| budget.renew(inside));
    }

    fn are_spent(&self) -> bool {
        self.starts.is_spent() || self.tasks.is_spent() || self.side_tasks.is_spent()
    }
}

/// The executors of a run, and where its side tasks are in them.
pub(super) struct Driver<'d, 'a, S: Source, C: Clock, O: Observer, F: Future, M> {
    shared: &'d Shared<'a, S, C, O>,
    attempt: M,
    attempts: Executor<F>,
    side_tasks: Executor<SideTask<'d, S::Error>>,
    claim: Option<usize>,
    pause: Option<usize>,
    grace: Option<usize>,
    is_over: bool,
    shares: Shares,
    /// The number of losses of the source that the run has seen.
    losses: usize,
}

impl<'d, 'a, S, C, O, F, M> Driver<'d, 'a, S, C, O, F, M>
where
    S: Source,
    C: Clock,
    O: Observer,
    F: Future<Output = Ended<S::Payload, S::Receipt>>,
    M: Fn(Delivery<S::Payload, S::Receipt>, Terms) -> F,
{
    /// Makes a driver; `attempt` turns a delivery into an attempt.
    pub(super) fn new(shared: &'d Shared<'a, S, C, O>, attempt: M) -> Self {
        let mut attempts = Executor::new();
        attempts.reserve(shared.state.borrow().lifecycle.reserve().tasks);
        let mut side_tasks: Executor<SideTask<'d, S::Error>> = attempts.sibling();
        // In this order: what a tick settles makes room for what it claims.
        side_tasks.spawn(Box::pin(source_io::settle(shared)));
        let claim = side_tasks.spawn(Box::pin(async move { SideTaskEnd::ClaimFailed(source_io::claim(shared).await) }));
        side_tasks.spawn(Box::pin(async move {
            match shared.source.drive(shared.clock).await {
                Err(error) => SideTaskEnd::DriveFailed(error),
                Ok(never) => match never {},
            }
        }));
        side_tasks.spawn(Box::pin(watch(shared.control)));
        Self {
            shared,
            attempt,
            attempts,
            side_tasks,
            claim: Some(claim),
            pause: None,
            grace: None,
            is_over: false,
            shares: Shares::default(),
            losses: shared.source.losses(),
        }
    }

    /// Goes on until nothing is ready, the run is over, or it is the host's turn.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let inside = self.attempts.gate().enter(cx);
        self.shares.renew(&inside);
        loop {
            let went_on = self.turn();
            if self.is_over {
                return Poll::Ready(());
            }
            if self.shares.are_spent() {
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

    fn turn(&mut self) -> bool {
        let mut went_on = self.tick_attempts(&mut self.shared.state.borrow_mut());
        if self.side_tasks.begin_tick() {
            went_on = true;
            while let Some((slot, end)) = self.side_tasks.next_in_tick(&mut self.shares.side_tasks) {
                self.side_task_ended(slot, end, &mut self.shared.state.borrow_mut());
            }
        }
        went_on |= self.close_if_clear(&mut self.shared.state.borrow_mut());
        went_on
    }

    /// Starts what may start, polls the attempts that are ready, and wakes the side tasks that have something to do.
    fn tick_attempts(&mut self, state: &mut State<'a, S, C, O>) -> bool {
        state.recorder.update_time();
        self.apply_control(state);
        self.look_for_losses(state);
        let mut went_on = self.start_tasks(state);
        if self.attempts.begin_tick() {
            went_on = true;
            while let Some((permit, ended)) = self.attempts.next_in_tick(&mut self.shares.tasks) {
                state.finish(permit, ended);
            }
        }
        // Once more: a handler may have used the control handle.
        self.apply_control(state);
        self.cancel_failed_group(state);
        self.wake_side_tasks(state);
        went_on
    }

    /// Drops what the source says is lost before it starts, and has the attempts look at what runs.
    #[inline]
    fn look_for_losses(&mut self, state: &mut State<'a, S, C, O>) {
        let shared = self.shared;
        let losses = shared.source.losses();
        if mem::replace(&mut self.losses, losses) != losses {
            state.inventory.lose_waiting(|receipt| shared.source.is_lost(receipt), &mut state.recorder);
            self.attempts.rouse_all();
        }
    }

    /// Does what the control handle asks for, and drains a run that cannot go on.
    #[inline]
    fn apply_control(&mut self, state: &mut State<'a, S, C, O>) {
        if state.lifecycle.is_behind(self.shared.control) {
            self.obey(state);
        }
        if state.lifecycle.has_failed() {
            self.drain(state);
        }
    }

    #[cold]
    fn obey(&mut self, state: &mut State<'a, S, C, O>) {
        match state.apply_control(self.shared.control, self.shared.clock) {
            Stop::No => {}
            // The source's goodbye is all that is waited for: not for ever.
            _ if state.lifecycle.stage() == Stage::Closing => {
                if self.grace.is_none() {
                    self.arm_grace(state, Duration::MAX);
                }
            }
            Stop::Drain => self.drain(state),
            Stop::Abort => self.abort(state),
        }
    }

    fn start_tasks(&mut self, state: &mut State<'a, S, C, O>) -> bool {
        let mut started = false;
        // What finishes at once makes room for the next in the same turn.
        while !self.shares.starts.is_spent() && !state.lifecycle.is_interrupted(self.shared.control) {
            let starts = state.next_start(self.shared);
            if starts == 0 {
                break;
            }
            for started_now in 0..starts {
                if self.shares.starts.is_spent() || state.lifecycle.is_interrupted(self.shared.control) {
                    break;
                }
                if !state.inventory.may_begin(self.shared.source, starts - started_now, &mut state.recorder) {
                    return started;
                }
                self.start(state);
                self.shares.starts.spend();
                started = true;
            }
        }
        started
    }

    #[inline]
    fn start(&mut self, state: &mut State<'a, S, C, O>) {
        let permit = self.attempts.next_slot();
        let Some(delivery) = state.inventory.start(permit, &mut state.recorder) else { return };
        state.rate.start(self.shared.clock);
        let worker = state.lifecycle.rules().worker(permit);
        let Config { timeout, on_lost, .. } = *state.lifecycle.config();
        if let Start::Finished(ended) =
            self.attempts.start((self.attempt)(delivery, Terms { permit, worker, timeout, on_lost }))
        {
            state.finish(permit, ended);
        }
    }

    /// Has the side tasks look at what has changed for them.
    fn wake_side_tasks(&mut self, state: &mut State<'a, S, C, O>) {
        let shared = self.shared;
        // Not while it waits for the source: a wake at every turn would keep the run awake.
        if !state.inventory.is_settling() && state.inventory.pending() > 0 {
            shared.settle_waker.wake();
        }
        if state.wants_claim(shared) {
            shared.claim_waker.wake();
        }
        if let Some(pause) = state.pause(shared.clock).filter(|_| self.pause.is_none()) {
            self.pause = Some(self.sleep(pause, || SideTaskEnd::PauseOver));
        }
    }

    fn sleep(&mut self, duration: Duration, end: impl FnOnce() -> SideTaskEnd<S::Error> + 'd) -> usize {
        let clock = self.shared.clock;
        self.side_tasks.spawn(Box::pin(async move {
            clock.sleep(duration).await;
            end()
        }))
    }

    fn side_task_ended(&mut self, slot: usize, end: SideTaskEnd<S::Error>, state: &mut State<'a, S, C, O>) {
        match end {
            SideTaskEnd::ClaimFailed(error) => {
                self.claim = None;
                self.shared.collect_claims(state);
                state.lifecycle.source_failed(error);
                self.drain(state);
            }
            SideTaskEnd::DriveFailed(error) => {
                state.lifecycle.source_failed(error);
                self.give_up(state);
            }
            SideTaskEnd::PauseOver => self.pause = None,
            SideTaskEnd::GraceOver => {
                debug_assert_eq!(self.grace, Some(slot));
                self.grace = None;
                if state.lifecycle.stage() == Stage::Draining {
                    self.abort(state);
                    self.arm_grace(state, FAREWELL_MAX);
                } else {
                    self.give_up(state);
                }
            }
            SideTaskEnd::Closed(result) => {
                if let Err(error) = result {
                    state.lifecycle.source_failed(error);
                }
                self.is_over = true;
            }
        }
    }

    /// Claims nothing more, and gives back what was not started.
    fn drain(&mut self, state: &mut State<'a, S, C, O>) {
        if self.begin_drain(state) {
            state.inventory.release_queue(&mut state.recorder);
            self.arm_grace(state, Duration::MAX);
        }
    }

    fn begin_drain(&mut self, state: &mut State<'a, S, C, O>) -> bool {
        let begins = state.lifecycle.begin_drain(&mut state.recorder);
        if begins {
            self.stop_claiming(state);
        }
        begins
    }

    fn stop_claiming(&mut self, state: &mut State<'a, S, C, O>) {
        if let Some(slot) = self.claim.take() {
            self.side_tasks.cancel(slot);
            self.shared.collect_claims(state);
        }
    }

    /// Drops what runs, and gives it back.
    fn abort(&mut self, state: &mut State<'a, S, C, O>) {
        if state.lifecycle.stage() >= Stage::Aborting {
            return;
        }
        self.begin_drain(state);
        state.lifecycle.begin_abort(&mut state.recorder);
        self.release_all(state);
        self.arm_grace(state, Duration::MAX);
    }

    /// Cancels the siblings of a task that failed for good, once all that was ready beside it has been polled.
    fn cancel_failed_group(&mut self, state: &mut State<'a, S, C, O>) {
        if !self.attempts.is_in_tick() && state.lifecycle.cancel_group(&mut state.recorder) {
            self.stop_claiming(state);
            self.release_all(state);
            self.arm_grace(state, Duration::MAX);
        }
    }

    /// Drops what runs and gives it back, so that it comes before what was only claimed.
    fn release_all(&mut self, state: &mut State<'a, S, C, O>) {
        drop_all(&mut self.attempts);
        state.inventory.release_dropped(&self.shared.common.dropped, &mut state.recorder);
        state.inventory.release_queue(&mut state.recorder);
    }

    /// Limits what comes now to the grace, counted from here, and to `most`.
    fn arm_grace(&mut self, state: &State<'a, S, C, O>, most: Duration) {
        let Some(grace) = state.lifecycle.config().grace.map(|grace| grace.min(most)) else { return };
        if let Some(slot) = self.grace.take() {
            self.side_tasks.cancel(slot);
        }
        self.grace = Some(self.sleep(grace, || SideTaskEnd::GraceOver));
    }

    /// Ends the run although the source still has something to be told: that is left to it.
    fn give_up(&mut self, state: &mut State<'a, S, C, O>) {
        self.stop_claiming(state);
        self.release_all(state);
        state.inventory.abandon_pending(self.shared.source, &mut state.recorder);
        state.lifecycle.give_up();
        self.is_over = true;
    }

    /// Closes the source when everything is settled and nothing more is to come.
    fn close_if_clear(&mut self, state: &mut State<'a, S, C, O>) -> bool {
        let shared = self.shared;
        let is_clear = state.lifecycle.stage() != Stage::Closing
            && state.is_last()
            && state.inventory.held() == 0
            && shared.common.dropped.is_empty();
        if is_clear {
            state.lifecycle.close();
            self.stop_claiming(state);
            self.side_tasks.spawn(Box::pin(async move { SideTaskEnd::Closed(shared.source.close().await) }));
        }
        is_clear
    }
}

/// Drops the attempts of a run that is dropped in the middle: no handler's panic keeps the others from being dropped.
impl<S: Source, C: Clock, O: Observer, F: Future, M> Drop for Driver<'_, '_, S, C, O, F, M> {
    fn drop(&mut self) {
        drop_all(&mut self.attempts);
    }
}

/// Drops every attempt. Dropping a handler is the user's code, which may panic; each round drops at least one of them.
fn drop_all<F: Future>(attempts: &mut Executor<F>) {
    for _ in 0..=attempts.len() {
        if contain(|| attempts.clear()).is_ok() {
            break;
        }
    }
}

/// Wakes the run whenever its control handle is used. Never ends.
async fn watch<E>(control: &Control) -> SideTaskEnd<E> {
    loop {
        control.listen().await;
    }
}
