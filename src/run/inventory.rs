//! The deliveries of a run, from their claim to their settlement. Every event about a task is told here, and nowhere else.
//!
//! With a limit per key, a delivery may wait beside the queue for others of its key: `keys`.
//!
//! ```text
//! enqueue ─▶ queue ─start─▶ in flight ─finish─▶ pending ─take_pending─▶ being settled ─confirm─▶ gone
//!              │               │                  ▲ │                        │
//!              │               └─release_dropped──┤ └──────── abandon ────────┴──────▶ left to the source
//!              └──────────────────release_queue───┘
//! ```

use alloc::{collections::VecDeque, format, string::ToString, vec::Vec};
use core::mem;

use super::{
    attempt::{DroppedAttempts, Ended},
    error::TaskFailure,
    keys::Keys,
    lifecycle::{Lifecycle, Reserve},
    pending::Pending,
    recorder::Recorder,
};
use crate::{
    clock::{Clock, Time},
    event::{Disposition, EventKind, Observer, Outcome},
    failure::Failure,
    pattern::Rules,
    source::{Begin, Claims, Delivery, Settlement, Source, Verdict},
    spans::TaskSpan,
    task::{Attempt, Task, TaskId},
};

/// The deliveries that a run holds.
pub(super) struct Inventory<'a, P, R> {
    rules: Rules,
    queue: VecDeque<Delivery<P, R>>,
    /// With a limit per key: those that wait for others of their key.
    keys: Option<Keys<'a, P, R>>,
    in_flight: usize,
    pending: Pending<P, R>,
    /// The number of settlements that the source is being told of.
    settling: usize,
    batch: Option<Batch>,
}

/// The open batch.
#[derive(Clone, Copy, Debug)]
struct Batch {
    number: u64,
    left: usize,
}

impl<'a, P, R> Inventory<'a, P, R> {
    pub(super) fn new(rules: Rules, keys: Option<Keys<'a, P, R>>) -> Self {
        Self {
            rules,
            queue: VecDeque::new(),
            keys,
            in_flight: 0,
            pending: Pending::default(),
            settling: 0,
            batch: None,
        }
    }

    /// Allocates memory before it is needed.
    pub(super) fn reserve(&mut self, reserve: &Reserve) {
        self.queue.reserve_exact(reserve.queued);
        self.pending.reserve(reserve.pending);
    }

    #[inline]
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    #[inline]
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    #[inline]
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Whether the source is being told of settlements.
    #[inline]
    pub(super) fn is_settling(&self) -> bool {
        self.settling > 0
    }

    pub(super) fn is_batch_open(&self) -> bool {
        self.batch.is_some()
    }

    /// Returns the number of deliveries that the run holds in one way or another.
    pub(super) fn held(&self) -> usize {
        self.in_flight + self.queue.len() + self.held_back() + self.pending.len() + self.settling
    }

    /// Returns the number of tasks that wait for others of their key.
    fn held_back(&self) -> usize {
        self.keys.as_ref().map_or(0, Keys::held)
    }

    /// Returns how many tasks may be claimed although each may have to wait for others of its key.
    pub(super) fn keys_room(&self) -> usize {
        self.keys.as_ref().map_or(usize::MAX, |keys| keys.room(self.queue.len()))
    }

    /// Returns how many of those that were held back may start, at most.
    pub(super) fn ready(&self) -> usize {
        self.keys.as_ref().map_or(0, Keys::ready)
    }

    // Few runs have a limit per key: what it takes stands beside the way of the others.

    #[cold]
    fn start_of_key(&mut self, task: &Task<P>, permit: usize) {
        self.keys.iter_mut().for_each(|keys| keys.start(task, permit));
    }

    #[cold]
    fn end_of_key(&mut self, permit: usize) {
        self.keys.iter_mut().for_each(|keys| keys.end(permit));
    }

    /// Puts what may start in front of the queue, and what may not aside.
    #[cold]
    fn advance_keys<C: Clock, O: Observer>(&mut self, recorder: &mut Recorder<'_, C, O>) {
        if let Some(keys) = &mut self.keys {
            let Keys { per_key, held_back, .. } = *keys;
            keys.advance(&mut self.queue, |delivery| {
                let (task, attempt) = (delivery.task.id, delivery.task.attempt);
                recorder.write(EventKind::HeldBack { task, attempt, per_key, held_back });
            });
        }
    }

    /// Takes over what a claim brought.
    pub(super) fn enqueue<C: Clock, O: Observer>(
        &mut self,
        claims: &mut Claims<P, R>,
        recorder: &mut Recorder<'_, C, O>,
    ) {
        for reason in claims.malformed.drain(..) {
            recorder.write(EventKind::Malformed { reason: &reason }); // page: malformed
        }
        let size = claims.len();
        if size > 0 && self.rules.is_batched() {
            let number = recorder.counters().batches;
            recorder.write(EventKind::BatchOpened { batch: number, size }); // page: batch_opened
            self.batch = Some(Batch { number, left: size });
        }
        for delivery in &claims.deliveries {
            recorder.write(EventKind::Claimed { task: delivery.task.id, attempt: delivery.task.attempt }); // page: claimed
        }
        if self.queue.is_empty() {
            mem::swap(&mut self.queue, &mut claims.deliveries);
        } else {
            self.queue.append(&mut claims.deliveries);
        }
    }

    /// Whether the source lets the first delivery of the queue begin, of `starts` that could. Those before it that are lost
    /// are given back, for the source to say what has become of them.
    #[inline]
    pub(super) fn may_begin<C: Clock, O: Observer, S: Source<Payload = P, Receipt = R>>(
        &mut self,
        source: &S,
        starts: usize,
        recorder: &mut Recorder<'_, C, O>,
    ) -> bool {
        if self.keys.is_some() {
            self.advance_keys(recorder);
        }
        while let Some(first) = self.queue.front() {
            match source.begin(&first.receipt) {
                Begin::Now => return true,
                Begin::Later => {
                    // All that could start are asked for, so that the source can do at once what it has to do for them.
                    for delivery in self.queue.iter().take(starts).skip(1) {
                        source.begin(&delivery.receipt);
                    }
                    return false;
                }
                Begin::Lost => {
                    if let Some(lost) = self.queue.pop_front() {
                        self.lose(lost, recorder);
                    }
                    self.keys.iter_mut().for_each(Keys::leave_queue);
                    self.advance_keys(recorder);
                }
            }
        }
        false
    }

    /// Gives back a delivery that was lost before its start, for the source to say what has become of it.
    fn lose<C: Clock, O: Observer>(&mut self, delivery: Delivery<P, R>, recorder: &mut Recorder<'_, C, O>) {
        let (task, attempt) = (delivery.task.id, delivery.task.attempt);
        recorder.write(EventKind::LeaseLost { task, attempt });
        self.leave_batch(1, recorder);
        self.pending.push(delivery, Verdict::Release, None);
    }

    /// Gives back what waits for its start and is lost.
    #[cold]
    pub(super) fn lose_waiting<C: Clock, O: Observer>(
        &mut self,
        is_lost: impl Fn(&R) -> bool,
        recorder: &mut Recorder<'_, C, O>,
    ) {
        recorder.update_time();
        if self.queue.front().is_some_and(|first| is_lost(&first.receipt)) {
            self.keys.iter_mut().for_each(Keys::leave_queue);
        }
        let held = self.keys.as_mut().map(|keys| keys.take(|delivery| is_lost(&delivery.receipt)));
        held.into_iter().flatten().for_each(|lost| self.lose(lost, recorder));
        for _ in 0..self.queue.len() {
            match self.queue.pop_front() {
                Some(first) if is_lost(&first.receipt) => self.lose(first, recorder),
                first => self.queue.extend(first),
            }
        }
    }

    /// Takes the first delivery out of the queue, for an attempt with this permit.
    #[inline]
    pub(super) fn start<C: Clock, O: Observer>(
        &mut self,
        permit: usize,
        recorder: &mut Recorder<'_, C, O>,
    ) -> Option<Delivery<P, R>> {
        let delivery = self.queue.pop_front()?;
        if self.keys.is_some() {
            self.start_of_key(&delivery.task, permit);
        }
        self.in_flight += 1;
        let (task, attempt, worker) = (delivery.task.id, delivery.task.attempt, self.rules.worker(permit));
        recorder.write(EventKind::Started { task, attempt, permit, worker }); // page: started
        Some(delivery)
    }

    /// Ends an attempt that has ended by itself.
    #[inline]
    pub(super) fn finish<C: Clock, O: Observer, E>(
        &mut self,
        permit: usize,
        ended: Ended<P, R>,
        lifecycle: &mut Lifecycle<E>,
        recorder: &mut Recorder<'_, C, O>,
    ) {
        self.in_flight -= 1; // page: ended
        if self.keys.is_some() {
            self.end_of_key(permit);
        }
        recorder.update_time();
        let Ended { delivery, result, span } = ended;
        let (task, attempt, worker) = (delivery.task.id, delivery.task.attempt, self.rules.worker(permit));
        let (outcome, verdict) = match result {
            Ok(()) => {
                let outcome = Outcome::Succeeded;
                span.ended(outcome);
                recorder.write(EventKind::Ended { task, attempt, permit, worker, outcome, reason: None });
                (outcome, Verdict::Done)
            }
            Err((outcome, failure)) if failure.is_lost() => {
                span.ended(outcome);
                recorder.write(EventKind::Ended { task, attempt, permit, worker, outcome, reason: None });
                (outcome, Verdict::Release)
            }
            Err((outcome, failure)) => {
                (outcome, fail(&delivery.task, (permit, worker), (outcome, &failure), &span, lifecycle, recorder))
            }
        };
        self.leave_batch(1, recorder);
        self.pending.push(delivery, verdict, Some(outcome));
    }

    /// Takes tasks out of the open batch, and closes it after the last.
    #[inline]
    fn leave_batch<C: Clock, O: Observer>(&mut self, tasks: usize, recorder: &mut Recorder<'_, C, O>) {
        let Some(batch) = &mut self.batch else { return };
        batch.left = batch.left.saturating_sub(tasks);
        if batch.left == 0 {
            recorder.write(EventKind::BatchClosed { batch: batch.number }); // page: batch_closed
            self.batch = None;
        }
    }

    /// Gives back what is claimed and was not started.
    pub(super) fn release_queue<C: Clock, O: Observer>(&mut self, recorder: &mut Recorder<'_, C, O>) {
        self.leave_batch(self.queue.len() + self.held_back(), recorder);
        let held_back = self.take_held_back();
        for delivery in held_back.into_iter().chain(self.queue.drain(..)) {
            self.pending.push(delivery, Verdict::Release, None);
        }
    }

    /// Takes out those that wait for others of their key, in the order of their claims.
    fn take_held_back(&mut self) -> Vec<Delivery<P, R>> {
        match &mut self.keys {
            Some(keys) => {
                keys.leave_queue();
                keys.take(|_| true)
            }
            None => Vec::new(),
        }
    }

    /// Gives back what was in flight: its handlers have been dropped.
    pub(super) fn release_dropped<C: Clock, O: Observer>(
        &mut self,
        dropped: &DroppedAttempts<P, R>,
        recorder: &mut Recorder<'_, C, O>,
    ) {
        recorder.update_time();
        for (permit, delivery) in dropped.take() {
            let (task, attempt, worker) = (delivery.task.id, delivery.task.attempt, self.rules.worker(permit));
            if let Some(keys) = &mut self.keys {
                keys.end(permit);
            }
            let outcome = Outcome::Cancelled;
            recorder.write(EventKind::Ended { task, attempt, permit, worker, outcome, reason: None });
            self.leave_batch(1, recorder);
            self.pending.push(delivery, Verdict::Release, Some(outcome));
        }
        self.in_flight = 0;
    }

    /// Exchanges what waits to be settled for an empty list, in which the next settlements are collected: in the steady state
    /// neither list is allocated. `false` if nothing waits.
    pub(super) fn take_pending(&mut self, lot: &mut Pending<P, R>) -> bool {
        let is_any = !self.pending.is_empty();
        if is_any {
            mem::swap(&mut self.pending, lot);
            self.settling = lot.len();
        }
        is_any
    }

    /// Ends the deliveries whose settlements the source has taken or refused. Whether any of them will be tried again.
    pub(super) fn confirm<C: Clock, O: Observer>(
        &mut self,
        lot: &mut Pending<P, R>,
        recorder: &mut Recorder<'_, C, O>,
    ) -> bool {
        recorder.update_time();
        let mut is_any_retried = false;
        for (settlement, outcome) in lot.drain() {
            let disposition = disposition(&settlement);
            is_any_retried |= disposition == Disposition::Retried;
            let (task, attempt) = (settlement.task(), settlement.attempt());
            recorder.write(EventKind::Settled { task, attempt, outcome, disposition }); // page: settled
        }
        self.settling = 0;
        is_any_retried
    }

    /// Leaves to the source what it could not be told of.
    pub(super) fn abandon<C: Clock, O: Observer, S: Source<Payload = P, Receipt = R>>(
        &mut self,
        lot: &mut Pending<P, R>,
        source: &S,
        recorder: &mut Recorder<'_, C, O>,
    ) {
        lot.drain().for_each(|(settlement, outcome)| abandon(settlement, outcome, source, recorder));
        self.settling = 0;
    }

    /// Leaves to the source everything that waits to be settled.
    pub(super) fn abandon_pending<C: Clock, O: Observer, S: Source<Payload = P, Receipt = R>>(
        &mut self,
        source: &S,
        recorder: &mut Recorder<'_, C, O>,
    ) {
        // From the newest to the oldest, as in `take_all`.
        let mut pending = mem::take(&mut self.pending);
        pending.drain().rev().for_each(|(settlement, outcome)| abandon(settlement, outcome, source, recorder));
    }

    /// Takes out everything, for a run that ends before its time: from the newest to the oldest, so that a source that puts
    /// each in front of the others has them in order.
    pub(super) fn take_all(&mut self, dropped: &DroppedAttempts<P, R>) -> impl Iterator<Item = Delivery<P, R>> {
        let held_back = self.take_held_back().into_iter().rev();
        let queue = self.queue.drain(..).rev().chain(held_back);
        let dropped = dropped.take().into_iter().map(|(_, delivery)| delivery);
        let pending = self.pending.settlements.iter_mut().rev().filter_map(Settlement::take);
        queue.chain(dropped).chain(pending)
    }
}

/// Tells that an attempt has failed, and decides what becomes of its task.
#[cold]
fn fail<P, C: Clock, O: Observer, E>(
    &Task { id: task, attempt, .. }: &Task<P>,
    (permit, worker): (usize, Option<usize>),
    (outcome, failure): (Outcome, &Failure),
    span: &TaskSpan,
    lifecycle: &mut Lifecycle<E>,
    recorder: &mut Recorder<'_, C, O>,
) -> Verdict {
    // Who was cancelled has not failed.
    let reason = (outcome != Outcome::Cancelled).then(|| failure.reason());
    span.ended(outcome);
    recorder.write(EventKind::Ended { task, attempt, permit, worker, outcome, reason });
    let verdict = decide_verdict(task, attempt, outcome, failure, lifecycle);
    match &verdict {
        Verdict::Retry { after, reason } => {
            span.retried(outcome, reason, *after);
            recorder.write(EventKind::RetryScheduled { task, attempt, after: *after }); // page: retry_scheduled
        }
        Verdict::Dead { reason } => span.dead(outcome, reason),
        Verdict::Done | Verdict::Release => {}
    }
    verdict
}

/// Decides what becomes of a task whose attempt has failed.
fn decide_verdict<E>(
    task: TaskId,
    attempt: Attempt,
    outcome: Outcome,
    failure: &Failure,
    lifecycle: &mut Lifecycle<E>,
) -> Verdict {
    let mut reason = failure.reason().to_string();
    let config = lifecycle.config();
    match config.retry.delay(failure, task, attempt, config.seed) {
        Some(after) if after.is_zero() || lifecycle.has_clock() => return Verdict::Retry { after, reason },
        Some(after) => {
            reason = format!("{reason} (not tried again after {}: the run has no clock)", Time::ZERO + after)
        }
        None => {}
    }
    if outcome != Outcome::Cancelled {
        lifecycle.task_died(|| TaskFailure { task, attempt, outcome, reason: reason.clone() });
    }
    Verdict::Dead { reason }
}

/// Returns what came of a settlement that the source has answered.
#[inline]
fn disposition<P, R>(settlement: &Settlement<P, R>) -> Disposition {
    match settlement.verdict() {
        _ if settlement.is_lease_lost() => Disposition::LeaseLost,
        Verdict::Done => Disposition::Done,
        Verdict::Retry { .. } => Disposition::Retried,
        Verdict::Dead { .. } => Disposition::Dead,
        Verdict::Release => Disposition::Released,
    }
}

/// Leaves a delivery to the source, which could not be told how it ended.
fn abandon<C: Clock, O: Observer, S: Source>(
    mut settlement: Settlement<S::Payload, S::Receipt>,
    outcome: Option<Outcome>,
    source: &S,
    recorder: &mut Recorder<'_, C, O>,
) {
    let (task, attempt) = (settlement.task(), settlement.attempt());
    recorder.write(EventKind::Abandoned { task, attempt, outcome, permit: None }); // page: abandoned
    if let Some(delivery) = settlement.take() {
        source.abandon(delivery);
    }
}
