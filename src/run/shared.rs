//! The state of a run, and what its driver shares with the futures beside it.

use core::{cell::RefCell, num::NonZeroUsize, time::Duration};

use super::{
    attempt::{Common, Ended},
    intake::Intake,
    inventory::Inventory,
    keys::{KeyLimit, Keys},
    lifecycle::Lifecycle,
    pending::Pending,
    rate_limiter::StartRate,
    recorder::Recorder,
    schedule::{Snapshot, Step},
};
use crate::{
    clock::Clock,
    config::Config,
    control::{Control, Stop},
    event::Observer,
    metrics::Counters,
    source::{ClaimStatus, Claims, Source},
    sync::WakerRegistration,
};

/// What the driver of a run and the futures beside it share.
///
/// The driver borrows the state for a whole phase of its turn, polls of tasks included: a task has no way to it. The futures
/// that claim and settle borrow it between two polls of the source. What a future that is dropped leaves behind has places of
/// its own, since a drop may happen during such a phase.
pub(super) struct Shared<'a, S: Source, C: Clock, O: Observer> {
    pub(super) source: &'a S,
    pub(super) clock: &'a C,
    pub(super) control: &'a Control,
    pub(super) state: RefCell<State<'a, S, C, O>>,
    pub(super) common: Common<'a, S, C>,
    /// What a claim has brought so far, unless that is under way.
    pub(super) claims: RefCell<Claims<S::Payload, S::Receipt>>,
    /// What the source is being told, unless that is under way.
    pub(super) settling: RefCell<Pending<S::Payload, S::Receipt>>,
    pub(super) claim_waker: WakerRegistration,
    pub(super) settle_waker: WakerRegistration,
}

/// The state of a run: one owner for each piece.
pub(super) struct State<'a, S: Source, C, O> {
    pub(super) inventory: Inventory<'a, S::Payload, S::Receipt>,
    pub(super) lifecycle: Lifecycle<S::Error>,
    pub(super) intake: Intake,
    pub(super) recorder: Recorder<'a, C, O>,
    pub(super) rate: StartRate,
}

impl<'a, S: Source, C: Clock, O: Observer> Shared<'a, S, C, O> {
    pub(super) fn new(
        source: &'a S,
        clock: &'a C,
        config: &Config,
        control: &'a Control,
        observer: &'a mut O,
        keys: Option<KeyLimit<'a, S::Payload>>,
    ) -> Self {
        let lifecycle = Lifecycle::new(config, control, C::EXISTS);
        let reserve = lifecycle.reserve();
        let keys = keys.map(|keys| Keys::new(keys, lifecycle.bounds().limit));
        let mut inventory = Inventory::new(lifecycle.rules(), keys);
        let (mut claims, mut settling) = (Claims::default(), Pending::default());
        inventory.reserve(&reserve);
        claims.deliveries.reserve_exact(reserve.queued);
        settling.reserve(reserve.pending);
        let state = State {
            inventory,
            lifecycle,
            intake: Intake::default(),
            recorder: Recorder::new(clock, observer),
            rate: StartRate::new(config.rate),
        };
        Self {
            source,
            clock,
            control,
            state: RefCell::new(state),
            common: Common::new(source, clock),
            claims: RefCell::new(claims),
            settling: RefCell::new(settling),
            claim_waker: WakerRegistration::default(),
            settle_waker: WakerRegistration::default(),
        }
    }

    /// Takes over what the future that claims left behind when it was dropped.
    pub(super) fn collect_claims(&self, state: &mut State<'a, S, C, O>) {
        let claims = &mut *self.claims.borrow_mut();
        if !claims.deliveries.is_empty() || !claims.malformed.is_empty() {
            state.enqueue(claims, ClaimStatus::Open);
        }
    }

    /// Takes over what the futures that claim and settle left behind when they were dropped.
    pub(super) fn collect(&self) {
        let state = &mut *self.state.borrow_mut();
        state.inventory.abandon(&mut self.settling.borrow_mut(), self.source, &mut state.recorder);
        self.collect_claims(state);
    }
}

impl<'a, S: Source, C: Clock, O: Observer> State<'a, S, C, O> {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            rules: self.lifecycle.rules(),
            bounds: *self.lifecycle.bounds(),
            is_running: self.lifecycle.is_running(),
            is_exhausted: self.intake.is_exhausted(),
            is_batch_open: self.inventory.is_batch_open(),
            in_flight: self.inventory.in_flight(),
            queued: self.inventory.queued(),
            ready: self.inventory.ready(),
            keys_room: self.inventory.keys_room(),
            pending: self.inventory.pending(),
        }
    }

    fn next_claim(&mut self, shared: &Shared<'a, S, C, O>) -> Step {
        let snapshot = self.snapshot();
        // Where claimed tasks have no place to wait, what is claimed must be able to start.
        let starts_ready = if snapshot.may_claim() && !snapshot.rules.may_wait() {
            self.rate.ready(shared.clock).saturating_sub(snapshot.queued)
        } else {
            usize::MAX
        };
        snapshot.claim(self.tasks_left(), starts_ready)
    }

    pub(super) fn next_start(&mut self, shared: &Shared<'a, S, C, O>) -> usize {
        match self.snapshot().start() {
            _ if shared.control.is_paused() => 0,
            Step::Start(starts) => starts.get().min(self.rate.ready(shared.clock)),
            _ => 0,
        }
    }

    /// Returns how many of the deliveries that a claim brings can start at once.
    pub(super) fn startable(&self) -> usize {
        let held = self.inventory.in_flight() + self.inventory.queued();
        self.lifecycle.bounds().permits().saturating_sub(held)
    }

    /// Whether something may be claimed now.
    pub(super) fn has_room(&mut self, shared: &Shared<'a, S, C, O>) -> bool {
        matches!(self.next_claim(shared), Step::Claim(_))
    }

    /// Decides on a claim, and records it or tells what is in its way.
    pub(super) fn request_claim(&mut self, shared: &Shared<'a, S, C, O>) -> Option<NonZeroUsize> {
        match self.next_claim(shared) {
            Step::Claim(size) => {
                self.intake.request(size);
                Some(size)
            }
            Step::Blocked(by) => {
                self.intake.block(by, &mut self.recorder);
                None
            }
            _ => None,
        }
    }

    /// Whether a claim is possible, or may be once the settlements in waiting are on their way.
    pub(super) fn wants_claim(&mut self, shared: &Shared<'a, S, C, O>) -> bool {
        if self.intake.is_claiming() {
            return false;
        }
        let is_backed_up = self.snapshot().backlog_room() == 0;
        if is_backed_up { !self.inventory.is_settling() } else { self.has_room(shared) }
    }

    /// Takes over what a claim brought, and what the source says.
    pub(super) fn enqueue(&mut self, claims: &mut Claims<S::Payload, S::Receipt>, status: ClaimStatus) {
        self.recorder.update_time();
        self.inventory.enqueue(claims, &mut self.recorder);
        self.intake.claimed(status, &mut self.recorder);
    }

    #[inline]
    pub(super) fn finish(&mut self, permit: usize, ended: Ended<S::Payload, S::Receipt>) {
        self.inventory.finish(permit, ended, &mut self.lifecycle, &mut self.recorder);
    }

    /// Ends what the source has settled.
    pub(super) fn confirm(&mut self, lot: &mut Pending<S::Payload, S::Receipt>) {
        if self.inventory.confirm(lot, &mut self.recorder) {
            self.intake.reopen();
        }
    }

    /// Applies the settings of the control handle, and returns how it wants the run to stop.
    pub(super) fn apply_control(&mut self, control: &Control, clock: &C) -> Stop {
        let rate = self.lifecycle.config().rate;
        let stop = self.lifecycle.apply(control, &mut self.recorder);
        let changed = self.lifecycle.config().rate;
        if changed != rate {
            self.rate.set(changed, clock);
        }
        stop
    }

    /// Returns how long the rate holds up what could start otherwise.
    pub(super) fn pause(&mut self, clock: &C) -> Option<Duration> {
        let is_idle = self.intake.is_exhausted() && self.inventory.queued() == 0;
        self.rate.pause(clock, self.lifecycle.is_running() && !is_idle)
    }

    /// Returns how many more tasks this run may take on.
    fn tasks_left(&self) -> usize {
        let Some(max) = self.lifecycle.config().max_tasks else { return usize::MAX };
        let held = u64::try_from(self.inventory.held()).unwrap_or(u64::MAX);
        usize::try_from(max.saturating_sub(self.ended_tasks()).saturating_sub(held)).unwrap_or(usize::MAX)
    }

    fn ended_tasks(&self) -> u64 {
        let Counters { done, dead, malformed, .. } = self.recorder.counters();
        done + dead + malformed
    }

    /// Whether nothing more is to come: the source is exhausted, the maximum number of tasks has ended, or the run stops.
    pub(super) fn is_last(&self) -> bool {
        !self.lifecycle.is_running()
            || self.intake.is_exhausted()
            || self.lifecycle.config().max_tasks.is_some_and(|max| self.ended_tasks() >= max)
    }
}

/// A run that is dropped in the middle leaves what it holds to its source.
impl<S: Source, C: Clock, O: Observer> Drop for Shared<'_, S, C, O> {
    fn drop(&mut self) {
        self.collect();
        let rest = self.state.get_mut().inventory.take_all(&self.common.dropped);
        rest.for_each(|delivery| self.source.abandon(delivery));
    }
}
