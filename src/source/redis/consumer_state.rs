//! What a consumer knows: what it wants, what it holds, what it still has to tell the server. Callers write into it what they
//! want and wait for a change; the session does the work. So a caller that is dropped takes nothing with it.

mod lease;
mod session;

use core::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    task::Poll,
};
use std::{
    collections::{HashSet, VecDeque},
    rc::Rc,
    string::String,
    time::Instant,
    vec::Vec,
};

pub(super) use self::session::Telling;
use super::{
    RedisReceipt,
    batches::{Batches, Mark},
    error::RedisError,
    protocol::{Act, Request, Silent},
};
use crate::{
    source::{Begin, Claims, Delivery, Json},
    sync::MultiWakerRegistration,
};

type Held = Delivery<Json, RedisReceipt>;

/// Deliveries to be ended by one message.
#[derive(Debug, Default)]
pub(super) struct Job {
    pub(super) generation: u32,
    pub(super) done: Vec<RedisReceipt>,
    pub(super) acts: Vec<(RedisReceipt, Act)>,
    pub(super) is_finished: Cell<bool>,
    /// The lease was lost before the server was told.
    pub(super) is_lost: Cell<bool>,
}

impl Job {
    fn deliveries(&self) -> impl Iterator<Item = RedisReceipt> {
        self.done.iter().copied().chain(self.acts.iter().map(|(receipt, _)| *receipt))
    }
}

#[derive(Debug, Default)]
pub(super) struct ConsumerState {
    /// The queue is a stream, and not a list.
    is_of_stream: bool,
    /// What the waiting claim wants in all, and how many of them can begin at once.
    wanted: Cell<usize>,
    startable: Cell<usize>,
    /// Claims whose replies have not come; after a new connection they are asked again.
    outstanding: RefCell<Vec<Request>>,
    to_ask_again: RefCell<VecDeque<Request>>,
    /// The id of the next task that comes without one.
    next_task: Cell<u64>,
    /// Arrived, not handed out.
    ready: RefCell<VecDeque<Held>>,
    malformed: RefCell<Vec<String>>,
    /// Everything of this generation that the server has not been told to have ended.
    pub(super) batches: RefCell<Batches>,
    /// A batch that is delivered alone: nothing else is claimed beside it.
    alone: Cell<Option<u64>>,
    /// The next entry waits for a consumer that holds nothing.
    is_suspect_next: Cell<bool>,
    jobs: RefCell<VecDeque<Rc<Job>>>,
    /// Deliveries that are to begin as soon as the server knows.
    marks: RefCell<Vec<RedisReceipt>>,
    /// The queue was found empty; nothing is asked for before.
    idle_until: Cell<Option<Instant>>,
    /// When the first of the retries is due that this consumer itself has settled.
    own_due: Cell<Option<Instant>>,
    /// This consumer waits at the queue itself, if it waits.
    pub(super) is_sentry: Cell<bool>,
    is_exhausted: Cell<bool>,
    /// Nothing was found; whether there is more to come depends on what others hold.
    needs_rest: Cell<bool>,
    /// The server holds something for this consumer that it does not know of.
    needs_audit: Cell<bool>,
    /// Silent consumers that are to be reaped.
    silent: RefCell<VecDeque<Silent>>,
    /// The server cannot be had just now.
    pub(super) is_away: Cell<bool>,
    pub(super) is_closing: Cell<bool>,
    pub(super) is_leaving: Cell<bool>,
    pub(super) is_closed: Cell<bool>,
    failed: RefCell<Option<RedisError>>,
    /// Counts the times that the lease was lost.
    generation: Cell<u32>,
    /// Until when, by the own clock, the lease surely lasts.
    lease_until: Cell<Option<Instant>>,
    /// For callers: something has come or ended.
    pub(super) changed: MultiWakerRegistration,
    /// For the session: there is something to do.
    pub(super) work: MultiWakerRegistration,
}

/// Waits on a signal until `condition` gives something.
pub(super) fn until<T>(
    signal: &MultiWakerRegistration,
    mut condition: impl FnMut() -> Option<T>,
) -> impl Future<Output = T> {
    poll_fn(move |cx| match condition() {
        Some(value) => Poll::Ready(value),
        None => {
            signal.wait(cx);
            Poll::Pending
        }
    })
}

// For callers.
impl ConsumerState {
    /// `first_task` is where this consumer's own ids begin.
    pub(super) fn new(first_task: u64, is_of_stream: bool) -> Self {
        Self { next_task: Cell::new(first_task), is_of_stream, ..Self::default() }
    }

    pub(super) fn generation(&self) -> u32 {
        self.generation.get()
    }

    pub(super) fn failure(&self) -> Option<RedisError> {
        self.failed.borrow().clone()
    }

    pub(super) fn want(&self, max: usize, startable: usize) {
        self.wanted.set(max);
        self.startable.set(startable);
        if max > 0 {
            if self.is_exhausted.take() {
                self.idle_until.set(None);
            }
            self.work.notify();
        }
    }

    /// Whether the claim that waits has been told that there is nothing more.
    pub(super) fn is_exhausted(&self) -> bool {
        self.is_exhausted.get()
    }

    /// Whether the lease may be over by now, for all that this side knows.
    fn is_lease_over(&self) -> bool {
        self.lease_until.get().is_some_and(|until| Instant::now() >= until)
    }

    /// Hands out what has arrived, unless the lease may be over. Says whether there was anything.
    pub(super) fn hand_out(&self, max: usize, claims: &mut Claims<Json, RedisReceipt>) -> bool {
        let mut ready = self.ready.borrow_mut();
        let mut malformed = self.malformed.borrow_mut();
        let any_malformed = !malformed.is_empty();
        for reason in malformed.drain(..) {
            claims.malformed(reason);
        }
        let count = if ready.is_empty() || self.is_lease_over() { 0 } else { ready.len().min(max) };
        let any = count > 0 || any_malformed;
        for delivery in ready.drain(..count) {
            claims.push(delivery);
        }
        self.wanted.set(self.wanted.get().saturating_sub(count));
        self.startable.set(self.startable.get().saturating_sub(count));
        any
    }

    /// Whether a delivery may begin: not when its lease is, or may be, lost, and not before the server knows that it does.
    pub(super) fn begin(&self, receipt: RedisReceipt) -> Begin {
        if receipt.generation != self.generation.get() || self.is_lease_over() {
            return Begin::Lost;
        }
        match self.batches.borrow_mut().begin(receipt) {
            Mark::Begun => return Begin::Now,
            Mark::Pending => return Begin::Later,
            Mark::New => {}
        }
        self.marks.borrow_mut().push(receipt);
        self.work.notify();
        Begin::Later
    }

    pub(super) fn tell(&self, job: Job) -> Rc<Job> {
        let job = Rc::new(job);
        self.jobs.borrow_mut().push_back(job.clone());
        self.work.notify();
        job
    }

    /// Takes back a delivery that nobody works on any more.
    pub(super) fn take_back(&self, delivery: Held) {
        let receipt = delivery.receipt;
        let is_told = self.jobs.borrow().iter().any(|job| job.deliveries().any(|told| told == receipt));
        if receipt.generation == self.generation.get() && !is_told && self.batches.borrow().is_open(receipt) {
            self.ready.borrow_mut().push_front(delivery);
            self.changed.notify();
        }
    }

    /// Whether the server holds nothing for this consumer, as far as this side knows.
    pub(super) fn holds_nothing(&self) -> bool {
        self.batches.borrow().is_empty() && self.jobs.borrow().is_empty() && self.outstanding.borrow().is_empty()
    }

    pub(super) fn fail(&self, error: &RedisError) {
        *self.failed.borrow_mut() = Some(error.clone());
        self.changed.notify();
    }

    /// Left, or failed: a later run begins anew.
    pub(super) fn reopen(&self) {
        if self.is_closed.take() {
            self.mark_lease_lost();
        }
        self.is_closing.set(false);
        self.is_leaving.set(false);
        *self.failed.borrow_mut() = None;
    }
}

/// The names of consumers that are being reaped already.
pub(super) fn names(silent: &VecDeque<Silent>) -> HashSet<&str> {
    silent.iter().map(|silent| silent.name.as_str()).collect()
}
