//! What a consumer's state knows of its lease, and of what the server holds for it.

use core::time::Duration;
use std::{time::Instant, vec::Vec};

use super::{ConsumerState, names, session::Chunk};
use crate::source::redis::{
    entry::StreamId,
    protocol::{ActOn, BATCH_BYTES_MAX, Silent},
};

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

    /// How many deliveries the server may hold for this consumer, as far as this side knows.
    pub(in super::super) fn known(&self) -> usize {
        let asked: usize = self.outstanding.borrow().iter().map(|request| request.max).sum();
        self.batches.borrow().known() + asked
    }

    /// The server says how much it holds for this consumer: pending entries, or the fields of a hash, which are one, and two
    /// for each batch.
    pub(in super::super) fn compare(&self, held: usize) {
        let known = if self.is_of_stream {
            self.known()
        } else {
            1 + 2 * (self.batches.borrow().len() + self.outstanding.borrow().len())
        };
        if held > known {
            self.needs_audit.set(true);
            self.work.notify();
        }
    }

    pub(in super::super) fn audit(&self) -> Option<()> {
        // The batches of a list have names. In a stream, what is on its way looks like what was lost on it.
        let is_quiet = !self.is_of_stream || self.outstanding.borrow().is_empty();
        (self.needs_audit.get() && is_quiet).then_some(())
    }

    pub(in super::super) fn audited(&self) {
        self.needs_audit.set(false);
        self.look_again();
    }

    /// Keeps the ids of which this side knows nothing, and names a batch for them.
    pub(in super::super) fn unknown(&self, ids: &mut Vec<StreamId>) -> u64 {
        let known = self.batches.borrow().stream_ids();
        ids.retain(|id| !known.contains(id));
        self.new_tasks(ids.len())
    }

    /// All that this consumer holds, for a server that has lost it together with the group.
    pub(in super::super) fn held_entries(&self) -> Vec<ActOn> {
        let mut batches = self.batches.borrow_mut();
        for job in self.jobs.borrow().iter() {
            for (receipt, _) in &job.acts {
                batches.reopen(*receipt);
            }
        }
        batches.open_entries()
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
