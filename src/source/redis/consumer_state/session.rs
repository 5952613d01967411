//! What the session does with a consumer's state.

use core::time::Duration;
use std::{rc::Rc, time::Instant, vec::Vec};

use super::{ConsumerState, Job, names};
use crate::{
    source::redis::{
        RedisOptions, RedisReceipt,
        batches::Batch,
        entry::TASK_MAX,
        error::ConnectionError,
        list::{Act, BATCH_BYTES_MAX, BATCH_MAX, BatchState, Nothing, Request, Rest, Silent},
    },
    source::{Delivery, Json},
    task::{Attempt, Task, TaskId},
};

/// How many claims may be under way: the server works on one while this side does on another.
pub(in super::super) const LANES: usize = 4;
/// What is claimed at once is worth a round trip.
const SHARE_MIN: usize = 16;
/// The most endings other than done that one message has.
const ACTS_MAX: usize = 250;
/// How often a run that ends when there is nothing more looks at what others hold.
const LOOK: Duration = Duration::from_millis(250);

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
        if self.is_suspect_next.get() && !is_clear {
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
    fn new_tasks(&self, count: usize) -> u64 {
        let first = self.next_task.get();
        let next = first + count as u64;
        self.next_task.set(if next > TASK_MAX - BATCH_MAX as u64 { 1 } else { next });
        first
    }

    pub(in super::super) fn answered(&self, request: Request) {
        self.outstanding.borrow_mut().retain(|other| other.first != request.first);
    }

    /// A new session: what was asked before it has to be asked again, unless it is not wanted any more.
    pub(in super::super) fn restart(&self) {
        if self.is_closing.get() {
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
        let batch = Batch::read(packed, states)?;
        let mut malformed = Vec::new();
        let mut count = 0;
        for (index, entry) in batch.open() {
            count += 1;
            if entry.crashes > 0 {
                self.alone.set(Some(first));
            }
            let id = entry.task.unwrap_or(first + u64::from(index));
            let receipt = RedisReceipt { batch: first, index, generation: self.generation.get() };
            let payload = if options.is_text { Json::parse_text(entry.payload) } else { Json::parse(entry.payload) };
            match payload {
                Ok(payload) => {
                    let attempt = Attempt::new(entry.attempt().get()).unwrap_or(Attempt::FIRST);
                    let task = Task { id: TaskId(id), attempt, payload };
                    self.ready.borrow_mut().push_back(Delivery { task, receipt });
                }
                Err(error) => {
                    self.malformed.borrow_mut().push(format!("the key \"{}\": task {id}: {error}", options.key));
                    malformed.push((receipt, Act::Malformed { reason: error.to_string() }));
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
    ) -> (Vec<BatchState>, Vec<RedisReceipt>) {
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
    pub(in super::super) fn told(&self, message: &[BatchState], begun: &[RedisReceipt]) {
        self.batches.borrow_mut().told(message);
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

// The lease, and what the server knows.
impl ConsumerState {
    /// The heartbeat that was sent then was heard.
    pub(in super::super) fn heard(&self, sent: Instant, lease: Duration) {
        let was_over = self.is_lease_over();
        self.lease_until.set(Some(sent + lease));
        if was_over {
            self.changed.notify();
        }
    }

    /// For how long the lease has been over.
    pub(in super::super) fn over_for(&self) -> Duration {
        self.lease_until.get().map_or(Duration::ZERO, |until| Instant::now().saturating_duration_since(until))
    }

    /// The server says how many fields this consumer's hash has: one, and two for each batch.
    pub(in super::super) fn compare(&self, fields: usize) {
        if fields > 1 + 2 * (self.batches.borrow().len() + self.outstanding.borrow().len()) {
            self.needs_audit.set(true);
            self.work.notify();
        }
    }

    pub(in super::super) fn audit(&self) -> Option<()> {
        self.needs_audit.get().then_some(())
    }

    pub(in super::super) fn audited(&self) {
        self.needs_audit.set(false);
        self.look_again();
    }

    /// Whether this side neither knows of a batch nor has asked for it.
    pub(in super::super) fn is_unknown(&self, first: u64) -> bool {
        let is_asked = self.outstanding.borrow().iter().any(|request| request.first == first);
        !is_asked && !self.batches.borrow().has(first)
    }

    /// All that this consumer holds, in messages of a bearable size, for a server that has lost it.
    pub(in super::super) fn restoration(&self) -> (usize, Vec<Chunk>) {
        let mut batches = self.batches.borrow_mut();
        for job in self.jobs.borrow().iter() {
            for (receipt, _) in &job.acts {
                batches.reopen(*receipt);
            }
        }
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut bytes = usize::MAX;
        for batch in batches.all() {
            if bytes >= BATCH_BYTES_MAX {
                chunks.push(Chunk::new());
                bytes = 0;
            }
            bytes += batch.1.len();
            if let Some(chunk) = chunks.last_mut() {
                chunk.push(batch);
            }
        }
        (batches.left(), chunks)
    }

    /// Takes note of consumers that are to be reaped.
    pub(in super::super) fn add_silent(&self, found: Vec<Silent>) {
        let mut silent = self.silent.borrow_mut();
        for found in found {
            if !names(&silent).contains(found.name.as_str()) {
                silent.push_back(found);
            }
        }
        drop(silent);
        self.work.notify();
    }

    pub(in super::super) fn next_silent(&self) -> Option<Silent> {
        self.silent.borrow().front().cloned()
    }

    pub(in super::super) fn reaped(&self) {
        self.silent.borrow_mut().pop_front();
    }

    pub(in super::super) fn can_leave(&self) -> Option<()> {
        let is_quiet = self.outstanding.borrow().is_empty() && self.jobs.borrow().is_empty();
        (self.is_closing.get() && is_quiet).then_some(())
    }

    /// The lease was lost: all that was held is another consumer's. Says how many deliveries that are.
    pub(in super::super) fn mark_lease_lost(&self) -> usize {
        self.generation.set(self.generation.get().wrapping_add(1));
        let count = core::mem::take(&mut *self.batches.borrow_mut()).left();
        self.ready.borrow_mut().clear();
        self.marks.borrow_mut().clear();
        self.outstanding.borrow_mut().clear();
        self.lease_until.set(None);
        self.alone.set(None);
        for job in self.jobs.take() {
            job.is_lost.set(true);
            job.is_finished.set(true);
        }
        self.needs_audit.set(false);
        self.restart();
        self.changed.notify();
        count
    }
}
