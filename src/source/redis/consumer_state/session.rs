//! What the session does with a consumer's state.

use core::time::Duration;
use std::{rc::Rc, time::Instant, vec::Vec};

use super::{ConsumerState, Job};
use crate::{
    source::redis::{
        RedisOptions, RedisReceipt,
        batches::Batch,
        entry::TASK_MAX,
        error::ConnectionError,
        protocol::{Act, BATCH_BYTES_MAX, BATCH_MAX, Message, Nothing, Request, Rest},
    },
    source::{Delivery, Json},
    task::{Attempt, Task},
};

/// How many claims may be under way: the server works on one while this side does on another.
pub(in super::super) const LANES: usize = 4;
/// What is claimed at once is worth a round trip.
const SHARE_MIN: usize = 16;
/// The most endings other than done that one message has.
const ACTS_MAX: usize = 250;
/// How often a run that ends when there is nothing more looks at what others hold.
const LOOK: Duration = Duration::from_millis(250);

/// Why an entry of a stream is no task.
const NO_PAYLOAD: &str = "no payload: the entry has several fields, and none of them is called payload";

/// Batches with their states, as many as go into one message.
pub(in super::super) type Chunk = Vec<(u64, Vec<u8>, Vec<u8>)>;

/// What the next message tells.
#[derive(Debug)]
pub(in super::super) enum Telling {
    Ended(Rc<Job>),
    /// Only that deliveries begin.
    Begun,
}

// Claims.
impl ConsumerState {
    /// The next claim, when there is one to make.
    pub(in super::super) fn next_request(&self) -> Option<Request> {
        if let Some(request) = self.to_ask_again.borrow_mut().pop_front() {
            return Some(request);
        }
        let mut outstanding = self.outstanding.borrow_mut();
        let asked: usize = outstanding.iter().map(|request| request.max).sum();
        let need = self.wanted.get().saturating_sub(self.ready.borrow().len() + asked);
        let is_held_up = self.idle_until.get().is_some() || self.needs_audit.get() || self.is_closing.get();
        if need == 0 || is_held_up || self.is_exhausted.get() || self.is_beside_one_alone() {
            return None;
        }
        let is_clear = outstanding.is_empty() && self.batches.borrow().is_empty();
        // What is delivered alone may be on its way: nothing else is asked for until that is known.
        let may_be_alone = outstanding.iter().any(|request| request.is_alone);
        if may_be_alone || self.is_suspect_next.get() && !is_clear {
            return None;
        }
        let share = (self.wanted.get() / LANES).max(SHARE_MIN).min(need).min(BATCH_MAX);
        let begun: usize = outstanding.iter().map(|request| request.startable).sum();
        let startable = self.startable.get().saturating_sub(self.ready.borrow().len() + begun).min(share);
        let request = Request { first: self.new_tasks(share), max: share, startable, is_alone: is_clear };
        outstanding.push(request);
        Some(request)
    }

    fn is_beside_one_alone(&self) -> bool {
        self.alone.get().is_some_and(|first| self.batches.borrow().has(first))
    }

    /// Ids that no other task has: they begin at random with each consumer, and go on from there.
    pub(super) fn new_tasks(&self, count: usize) -> u64 {
        let first = self.next_task.get();
        let next = first + count as u64;
        self.next_task.set(if next > TASK_MAX - BATCH_MAX as u64 { 1 } else { next });
        first
    }

    pub(in super::super) fn answered(&self, request: Request) {
        self.outstanding.borrow_mut().retain(|other| other.first != request.first);
        if self.needs_audit.get() {
            self.work.notify();
        }
    }

    /// A new session: what was asked before it has to be asked again, unless it is not wanted any more.
    pub(in super::super) fn restart(&self) {
        // What a claim brought whose reply is lost is pending in the group: it is taken up by that.
        if self.is_closing.get() || self.is_of_stream {
            self.outstanding.borrow_mut().clear();
        }
        *self.to_ask_again.borrow_mut() = self.outstanding.borrow().iter().copied().collect();
        self.idle_until.set(None);
        self.silent.borrow_mut().clear();
    }

    /// A batch has arrived, or was found.
    pub(in super::super) fn accept(
        &self,
        options: &RedisOptions,
        first: u64,
        packed: Vec<u8>,
        states: &[u8],
    ) -> Result<usize, ConnectionError> {
        let batch = Batch::read(packed, states, self.is_of_stream)?;
        let mut malformed = Vec::new();
        let mut count = 0;
        for (index, entry) in batch.open() {
            count += 1;
            if entry.crashes > 0 {
                self.alone.set(Some(first));
            }
            let id = entry.task.unwrap_or(first + u64::from(index));
            let receipt = RedisReceipt { batch: first, index, generation: self.generation.get() };
            let json = match entry.payload {
                _ if entry.is_fields => Err(None),
                text if options.is_text => Json::parse_text(text).map_err(Some),
                json => Json::parse(json).map_err(Some),
            };
            match json {
                Ok(payload) => {
                    let attempt = Attempt::new(entry.attempt().get()).unwrap_or(Attempt::FIRST);
                    let task = Task::new(id, payload).with_attempt(attempt);
                    self.ready.borrow_mut().push_back(Delivery { task, receipt });
                }
                Err(error) => {
                    let reason = error.map_or_else(|| NO_PAYLOAD.into(), |error| error.to_string());
                    self.malformed.borrow_mut().push(format!("the key \"{}\": task {id}: {reason}", options.key));
                    malformed.push((receipt, Act::Malformed { reason }));
                }
            }
        }
        self.batches.borrow_mut().add(first, batch);
        self.is_suspect_next.set(false);
        self.idle_until.set(None);
        if !malformed.is_empty() {
            self.tell(Job { generation: self.generation.get(), acts: malformed, ..Job::default() });
        }
        self.changed.notify();
        Ok(count)
    }

    /// Nothing could be claimed when the server looked.
    pub(in super::super) fn found_none(&self, follow: bool, nothing: Nothing, recheck: Duration) {
        let is_clear = self.holds_nothing() && self.ready.borrow().is_empty();
        self.is_sentry.set(nothing.is_sentry);
        if nothing.is_suspect {
            self.is_suspect_next.set(true);
            self.work.notify();
            return;
        }
        self.is_suspect_next.set(false);
        let now = Instant::now();
        let mut wait = if follow { Duration::from_secs(30) } else { recheck };
        if is_clear && !follow && nothing.due.is_none() && self.wanted.get() > 0 {
            self.needs_rest.set(true);
            wait = wait.min(LOOK);
        }
        // One consumer wakes for what is due, and each for what it has delayed itself.
        if let Some(due) = nothing.due.filter(|_| nothing.is_sentry || !follow) {
            wait = wait.min(due);
        }
        if let Some(due) = self.own_due.take().filter(|due| *due > now && nothing.due.is_some()) {
            self.own_due.set(Some(due));
            wait = wait.min(due - now);
        }
        self.idle_until.set(Some(now + wait));
        self.work.notify();
    }

    /// Whether the server is to be asked what is left.
    pub(in super::super) fn wants_rest(&self) -> Option<()> {
        self.needs_rest.take().then_some(())
    }

    /// What is left: nothing at all is the end.
    pub(in super::super) fn learn_rest(&self, rest: Rest, no_wait: bool) {
        let is_clear = self.holds_nothing() && self.ready.borrow().is_empty();
        if !is_clear || self.wanted.get() == 0 {
            return;
        }
        if rest.has_tasks {
            self.look_again();
        } else if rest.is_mine {
            self.needs_audit.set(true);
            self.work.notify();
        } else if rest.others == 0 || no_wait {
            self.is_exhausted.set(true);
            self.changed.notify();
        }
    }

    /// Until when the session waits for the queue; `None` when it does not.
    pub(in super::super) fn waits_until(&self) -> Option<Instant> {
        self.idle_until.get().filter(|_| self.wanted.get() > 0 && !self.is_exhausted.get() && !self.is_closing.get())
    }

    /// There may be something in the queue.
    pub(in super::super) fn look_again(&self) {
        self.idle_until.set(None);
        self.is_suspect_next.set(false);
        self.work.notify();
    }
}

// Endings and beginnings.
impl ConsumerState {
    pub(in super::super) fn next_telling(&self) -> Option<Telling> {
        match self.jobs.borrow().front() {
            Some(job) => Some(Telling::Ended(job.clone())),
            None => (!self.marks.borrow().is_empty()).then_some(Telling::Begun),
        }
    }

    /// The next message of a job, from its parts that are still to be told; and of all that is to begin.
    pub(in super::super) fn message<'j>(
        &self,
        done: &mut &'j [RedisReceipt],
        acts: &mut &'j [(RedisReceipt, Act)],
    ) -> (Message, Vec<RedisReceipt>) {
        let begun: Vec<RedisReceipt> = self.marks.borrow().iter().take(BATCH_MAX).copied().collect();
        let (now, later) = done.split_at(done.len().min(BATCH_MAX));
        *done = later;
        let mut bytes = 0;
        let batches = self.batches.borrow();
        let count = acts.iter().take(ACTS_MAX).take_while(|(receipt, _)| {
            let is_in = bytes < BATCH_BYTES_MAX;
            bytes += batches.get(receipt.batch).map_or(0, |batch| batch.length(receipt.index));
            is_in
        });
        let (acts_now, acts_later) = acts.split_at(count.count());
        *acts = acts_later;
        drop(batches);
        (self.batches.borrow_mut().message(now, acts_now, &begun), begun)
    }

    /// The server has been told a message.
    pub(in super::super) fn told(&self, message: &Message, begun: &[RedisReceipt]) {
        self.batches.borrow_mut().told(&message.batches);
        self.marks.borrow_mut().retain(|receipt| !begun.contains(receipt));
        if !begun.is_empty() {
            self.changed.notify();
        }
    }

    /// The server has been told all of a job.
    pub(in super::super) fn finish(&self, job: &Rc<Job>) {
        self.jobs.borrow_mut().retain(|other| !Rc::ptr_eq(other, job));
        job.is_finished.set(true);
        self.changed.notify();
        let dues = job.acts.iter().filter_map(|(_, act)| match act {
            Act::Retry { after } => Instant::now().checked_add(*after),
            _ => None,
        });
        if let Some(due) = dues.min() {
            self.own_due.set(Some(self.own_due.get().map_or(due, |other| other.min(due))));
        }
        // What was given back can be claimed, what is delayed will be due, and the last one decides whether there is more.
        if !job.acts.is_empty() || self.batches.borrow().is_empty() {
            self.look_again_when_clear();
        } else if self.is_closing.get() {
            self.work.notify();
        }
    }

    /// As [`look_again`](Self::look_again), but what waits for a consumer that holds nothing goes on waiting for it.
    fn look_again_when_clear(&self) {
        self.idle_until.set(None);
        self.work.notify();
    }
}
