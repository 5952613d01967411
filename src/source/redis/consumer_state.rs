//! What a consumer knows: what it wants, what it holds, what it still has to tell the server. Callers write into it what they
//! want and wait for a change; the session does the work. So a caller that is dropped takes nothing with it.

use core::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    task::Poll,
    time::Duration,
};
use std::{
    collections::{HashSet, VecDeque},
    rc::Rc,
    string::String,
    time::Instant,
    vec::Vec,
};

use super::{
    RedisReceipt,
    entry::{Entry, unpack},
    error::{ConnectionError, RedisError},
    list::{Act, BATCH_MAX},
};
use crate::{
    source::{Claims, Delivery, Json},
    sync::MultiWakerRegistration,
    task::{Attempt, Task, TaskId},
};

/// How many claims may be under way: the server works on one while this side does on another.
pub(super) const LANES: usize = 4;
/// What is claimed at once is worth a round trip.
const SHARE_MIN: usize = 16;

type Held = Delivery<Json, RedisReceipt>;

/// Deliveries to be ended by one message.
#[derive(Debug, Default)]
pub(super) struct Job {
    pub(super) generation: u32,
    pub(super) done: Vec<u64>,
    pub(super) acts: Vec<(u64, Act)>,
    pub(super) is_finished: Cell<bool>,
    /// The lease was lost before the server was told.
    pub(super) is_lost: Cell<bool>,
}

impl Job {
    fn deliveries(&self) -> impl Iterator<Item = u64> {
        self.done.iter().copied().chain(self.acts.iter().map(|(delivery, _)| *delivery))
    }
}

#[derive(Debug, Default)]
pub(super) struct ConsumerState {
    /// What the waiting claim wants in all.
    wanted: Cell<usize>,
    /// What claims under way have asked for.
    asked: Cell<usize>,
    /// Arrived, not handed out.
    ready: RefCell<VecDeque<Held>>,
    malformed: RefCell<Vec<String>>,
    /// Every delivery of this generation that is not settled yet.
    in_flight: RefCell<HashSet<u64>>,
    jobs: RefCell<VecDeque<Rc<Job>>>,
    /// The queue was found empty; nothing is asked for before.
    idle_until: Cell<Option<Instant>>,
    is_exhausted: Cell<bool>,
    /// The server holds something for this consumer that it does not know of.
    needs_audit: Cell<bool>,
    pub(super) is_closing: Cell<bool>,
    pub(super) is_leaving: Cell<bool>,
    pub(super) is_closed: Cell<bool>,
    failed: RefCell<Option<RedisError>>,
    /// Counts the times that the lease was lost.
    generation: Cell<u32>,
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
    pub(super) fn generation(&self) -> u32 {
        self.generation.get()
    }

    pub(super) fn failure(&self) -> Option<RedisError> {
        self.failed.borrow().clone()
    }

    pub(super) fn want(&self, max: usize) {
        self.wanted.set(max);
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

    /// Hands out what has arrived. Says whether there was anything.
    pub(super) fn hand_out(&self, max: usize, claims: &mut Claims<Json, RedisReceipt>) -> bool {
        let mut ready = self.ready.borrow_mut();
        let mut malformed = self.malformed.borrow_mut();
        let any = !ready.is_empty() || !malformed.is_empty();
        for reason in malformed.drain(..) {
            claims.malformed(reason);
        }
        let count = ready.len().min(max);
        for delivery in ready.drain(..count) {
            claims.push(delivery);
        }
        self.wanted.set(self.wanted.get().saturating_sub(count));
        any
    }

    pub(super) fn tell(&self, job: Job) -> Rc<Job> {
        let job = Rc::new(job);
        self.jobs.borrow_mut().push_back(job.clone());
        self.work.notify();
        job
    }

    /// Takes back a delivery that nobody works on any more.
    pub(super) fn take_back(&self, delivery: Held) {
        let RedisReceipt { delivery: number, generation } = delivery.receipt;
        let is_told = self.jobs.borrow().iter().any(|job| job.deliveries().any(|told| told == number));
        if generation == self.generation.get() && !is_told && self.in_flight.borrow().contains(&number) {
            self.ready.borrow_mut().push_front(delivery);
            self.changed.notify();
        }
    }
}

// For the session.
impl ConsumerState {
    /// How much the next claim may ask for.
    pub(super) fn share(&self) -> Option<usize> {
        let under_way = self.ready.borrow().len() + self.asked.get();
        let need = self.wanted.get().saturating_sub(under_way);
        let is_held_up = self.idle_until.get().is_some() || self.needs_audit.get() || self.is_closing.get();
        if need == 0 || is_held_up || self.is_exhausted.get() {
            return None;
        }
        let share = (self.wanted.get() / LANES).max(SHARE_MIN).min(need).min(BATCH_MAX);
        self.asked.set(self.asked.get() + share);
        Some(share)
    }

    pub(super) fn answered(&self, share: usize) {
        self.asked.set(self.asked.get().saturating_sub(share));
    }

    /// A new connection: what was asked over the old one will not be answered.
    pub(super) fn restart(&self) {
        self.asked.set(0);
        self.idle_until.set(None);
    }

    /// A batch has arrived.
    pub(super) fn accept(&self, key: &str, first: u64, packed: &[u8]) -> Result<(), ConnectionError> {
        let mut malformed = Vec::new();
        for (number, bytes) in (first..).zip(unpack(packed)?) {
            self.enter(key, number, bytes, &mut malformed);
        }
        self.idle_until.set(None);
        self.bury(malformed);
        self.changed.notify();
        Ok(())
    }

    fn enter(&self, key: &str, number: u64, bytes: &[u8], malformed: &mut Vec<(u64, Act)>) {
        self.in_flight.borrow_mut().insert(number);
        let entry = Entry::parse(bytes);
        match Json::parse(entry.payload) {
            Ok(payload) => {
                let attempt = Attempt::new(entry.attempt().get()).unwrap_or(Attempt::FIRST);
                let task = Task { id: TaskId(entry.task.unwrap_or(number)), attempt, payload };
                let receipt = RedisReceipt { delivery: number, generation: self.generation.get() };
                self.ready.borrow_mut().push_back(Delivery { task, receipt });
            }
            Err(error) => {
                let reason = format!("the key \"{key}\": task {}: {error}", entry.task.unwrap_or(number));
                self.malformed.borrow_mut().push(reason);
                malformed.push((number, Act::Malformed { reason: error.to_string() }));
            }
        }
    }

    fn bury(&self, acts: Vec<(u64, Act)>) {
        if !acts.is_empty() {
            self.tell(Job { generation: self.generation.get(), acts, ..Job::default() });
        }
    }

    /// The queue was empty when the server looked, `held` what it sees here, `due` when the next delayed task is.
    pub(super) fn found_none(&self, follow: bool, held: usize, due: Option<Duration>, recheck: Duration) {
        let is_clear = self.asked.get() == 0
            && self.in_flight.borrow().is_empty()
            && self.ready.borrow().is_empty()
            && self.jobs.borrow().is_empty();
        if is_clear && held > 0 {
            self.needs_audit.set(true);
            self.work.notify();
        } else if is_clear && !follow && due.is_none() && self.wanted.get() > 0 {
            self.is_exhausted.set(true);
            self.changed.notify();
        }
        self.idle_until.set(Some(Instant::now() + due.map_or(recheck, |due| due.min(recheck))));
        self.work.notify();
    }

    /// Until when the session waits for the queue; `None` when it does not.
    pub(super) fn waits_until(&self) -> Option<Instant> {
        self.idle_until.get().filter(|_| self.wanted.get() > 0 && !self.is_exhausted.get() && !self.is_closing.get())
    }

    /// There may be something in the queue.
    pub(super) fn look_again(&self) {
        self.idle_until.set(None);
        self.work.notify();
    }

    pub(super) fn next_job(&self) -> Option<Rc<Job>> {
        self.jobs.borrow().front().cloned()
    }

    /// The server has been told.
    pub(super) fn finish(&self, job: &Rc<Job>) {
        {
            let mut in_flight = self.in_flight.borrow_mut();
            for delivery in job.deliveries() {
                in_flight.remove(&delivery);
            }
        }
        self.jobs.borrow_mut().retain(|other| !Rc::ptr_eq(other, job));
        job.is_finished.set(true);
        self.changed.notify();
        // What was given back can be claimed, what is delayed will be due, and the last one decides whether there is more.
        if !job.acts.is_empty() || self.in_flight.borrow().is_empty() {
            self.look_again();
        } else if self.is_closing.get() {
            self.work.notify();
        }
    }

    /// The server says how many deliveries this consumer holds.
    pub(super) fn compare(&self, held: usize) {
        if held > self.in_flight.borrow().len() + self.asked.get() {
            self.needs_audit.set(true);
            self.work.notify();
        }
    }

    pub(super) fn audit(&self) -> Option<()> {
        (self.needs_audit.get() && self.asked.get() == 0).then_some(())
    }

    pub(super) fn audited(&self) {
        self.needs_audit.set(false);
        self.look_again();
    }

    /// Those of `held` that this side does not know of.
    pub(super) fn unknown(&self, mut held: Vec<u64>) -> Vec<u64> {
        let in_flight = self.in_flight.borrow();
        held.retain(|delivery| !in_flight.contains(delivery));
        held
    }

    /// Takes up deliveries whose claim was never answered. Says how many.
    pub(super) fn adopt(&self, key: &str, numbers: &[u64], entries: &[Option<Vec<u8>>]) -> usize {
        let mut malformed = Vec::new();
        let mut count = 0;
        for (number, bytes) in numbers.iter().zip(entries) {
            if let Some(bytes) = bytes {
                self.enter(key, *number, bytes, &mut malformed);
                count += 1;
            }
        }
        self.bury(malformed);
        self.changed.notify();
        count
    }

    pub(super) fn can_leave(&self) -> Option<()> {
        let is_quiet = self.asked.get() == 0 && self.jobs.borrow().is_empty();
        (self.is_closing.get() && is_quiet).then_some(())
    }

    /// The lease was lost: all that was held is somebody else's. Says how many deliveries that are.
    pub(super) fn mark_lease_lost(&self) -> usize {
        self.generation.set(self.generation.get().wrapping_add(1));
        let count = std::mem::take(&mut *self.in_flight.borrow_mut()).len();
        self.ready.borrow_mut().clear();
        for job in self.jobs.take() {
            job.is_lost.set(true);
            job.is_finished.set(true);
        }
        self.needs_audit.set(false);
        self.restart();
        self.changed.notify();
        count
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
