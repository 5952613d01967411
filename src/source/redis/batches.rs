//! The batches that a consumer holds, as it knows them: the server has the same, and can be given them again when it loses
//! them.

use core::ops::Range;
use std::{
    collections::{HashMap, HashSet},
    vec::Vec,
};

use super::{
    RedisReceipt,
    entry::{ALL_FIELDS, Entry, StreamId, unpack},
    error::{ConnectionError, odd_reply},
    protocol::{Act, ActOn, BatchState, Message},
};

/// It waits, and the server knows that it does.
const WAITS: u8 = b'0';
/// It has begun, or may at any time.
const BEGUN: u8 = b'1';
/// It has ended.
const ENDED: u8 = b'2';
/// It is to begin as soon as the server knows.
const BEGINS: u8 = b'b';

/// A batch as it was claimed.
#[derive(Debug)]
pub(super) struct Batch {
    packed: Vec<u8>,
    entries: Vec<Range<usize>>,
    /// A character for each entry.
    states: Vec<u8>,
    /// How many have not ended.
    left: usize,
    is_of_stream: bool,
}

impl Batch {
    /// Reads what a script returned.
    pub(super) fn read(packed: Vec<u8>, states: &[u8], is_of_stream: bool) -> Result<Self, ConnectionError> {
        let entries = unpack(&packed)?;
        if is_of_stream && !entries.iter().all(|range| Entry::parse_pending(&packed[range.clone()]).is_some()) {
            return Err(odd_reply("a claim"));
        }
        let known = |at: usize| states.get(at).copied().filter(|state| [WAITS, BEGUN, ENDED].contains(state));
        let states: Vec<u8> = (0..entries.len()).map(|at| known(at).unwrap_or(WAITS)).collect();
        let left = states.iter().filter(|state| **state != ENDED).count();
        Ok(Self { packed, entries, states, left, is_of_stream })
    }

    fn entry(&self, range: &Range<usize>) -> Entry<'_> {
        let bytes = &self.packed[range.clone()];
        let pending = if self.is_of_stream { Entry::parse_pending(bytes) } else { None };
        pending.unwrap_or_else(|| Entry::parse(bytes))
    }

    fn stream_id(&self, index: u32) -> Option<(StreamId, u32)> {
        let entry = self.entry(self.entries.get(index as usize)?);
        Some((entry.id?, entry.crashes))
    }

    /// The entries that have not ended, by their index.
    pub(super) fn open(&self) -> impl Iterator<Item = (u32, Entry<'_>)> {
        let open = (0_u32..).zip(self.entries.iter().zip(&self.states)).filter(|(_, (_, state))| **state != ENDED);
        open.map(|(index, (range, _))| (index, self.entry(range)))
    }

    /// The states as the server is told; empty when all have ended.
    fn told(&self) -> Vec<u8> {
        if self.left == 0 {
            return Vec::new();
        }
        self.states.iter().map(|state| if *state == BEGINS { BEGUN } else { *state }).collect()
    }

    /// How many bytes an entry has.
    pub(super) fn length(&self, index: u32) -> usize {
        self.entries.get(index as usize).map_or(0, Range::len)
    }

    fn end(&mut self, index: u32) {
        if let Some(state) = self.states.get_mut(index as usize).filter(|state| **state != ENDED) {
            *state = ENDED;
            self.left -= 1;
        }
    }

    fn act(&self, first: u64, index: u32, act: &Act) -> Option<ActOn> {
        let range = self.entries.get(index as usize)?.clone();
        let entry = self.entry(&range);
        let length = if matches!(act, Act::Release) { range.len() } else { entry.payload.len() };
        Some(ActOn {
            index: index as usize,
            act: act.clone(),
            start: range.end - length,
            length,
            task: entry.task.unwrap_or(first + u64::from(index)),
            attempts: entry.attempts,
            crashes: entry.crashes,
            since: entry.since,
            stream: entry.id.map(|id| (id, stored(&entry))),
        })
    }
}

/// The payload as a dead letter or a retry keeps it.
fn stored(entry: &Entry<'_>) -> Vec<u8> {
    let head = if entry.is_fields { ALL_FIELDS } else { b"" };
    [head, entry.payload].concat()
}

/// Whether a delivery may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The server knows that it does.
    Begun,
    /// The server will be told.
    New,
    /// The server is being told.
    Pending,
}

/// All batches of one lease.
#[derive(Debug, Default)]
pub(super) struct Batches {
    by_first: HashMap<u64, Batch>,
}

impl Batches {
    pub(super) fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.by_first.len()
    }

    /// How many deliveries have not ended.
    pub(super) fn left(&self) -> usize {
        self.by_first.values().map(|batch| batch.left).sum()
    }

    pub(super) fn has(&self, first: u64) -> bool {
        self.by_first.contains_key(&first)
    }

    pub(super) fn add(&mut self, first: u64, batch: Batch) {
        self.by_first.insert(first, batch);
    }

    pub(super) fn get(&self, first: u64) -> Option<&Batch> {
        self.by_first.get(&first)
    }

    /// Whether a delivery has not ended.
    pub(super) fn is_open(&self, receipt: RedisReceipt) -> bool {
        let batch = self.by_first.get(&receipt.batch);
        batch.and_then(|batch| batch.states.get(receipt.index as usize)).is_some_and(|state| *state != ENDED)
    }

    /// Marks a delivery that is to begin.
    pub(super) fn begin(&mut self, receipt: RedisReceipt) -> Mark {
        let batch = self.by_first.get_mut(&receipt.batch);
        match batch.and_then(|batch| batch.states.get_mut(receipt.index as usize)) {
            Some(state) if *state == WAITS => {
                *state = BEGINS;
                Mark::New
            }
            Some(state) if *state == BEGINS => Mark::Pending,
            _ => Mark::Begun,
        }
    }

    /// What the server is to be told of these endings and beginnings. Until it has been, the batches stay.
    pub(super) fn message(
        &mut self,
        done: &[RedisReceipt],
        acts: &[(RedisReceipt, Act)],
        begun: &[RedisReceipt],
    ) -> Message {
        let mut message = Vec::new();
        let (mut ended, mut beginning) = (Vec::new(), Vec::new());
        for (receipt, act) in acts {
            if let Some(batch) = self.by_first.get_mut(&receipt.batch) {
                let on = batch.act(receipt.batch, receipt.index, act);
                batch.end(receipt.index);
                part(&mut message, receipt.batch).acts.extend(on);
            }
        }
        for receipt in done {
            if let Some(batch) = self.by_first.get_mut(&receipt.batch) {
                batch.end(receipt.index);
                part(&mut message, receipt.batch);
                if batch.is_of_stream {
                    ended.extend(batch.stream_id(receipt.index).map(|(id, _)| id));
                }
            }
        }
        for receipt in begun {
            part(&mut message, receipt.batch);
            if let Some(batch) = self.by_first.get(&receipt.batch).filter(|batch| batch.is_of_stream) {
                beginning.extend(batch.stream_id(receipt.index));
            }
        }
        message.retain_mut(|part| {
            let batch = self.by_first.get(&part.first);
            part.states = batch.map(Batch::told).unwrap_or_default();
            batch.is_some()
        });
        Message { batches: message, ended, beginning }
    }

    /// How many deliveries there are in all batches, at least those that the server knows of.
    pub(super) fn known(&self) -> usize {
        self.by_first.values().map(|batch| batch.entries.len()).sum()
    }

    /// The ids of all deliveries, where the queue is a stream.
    pub(super) fn stream_ids(&self) -> HashSet<StreamId> {
        let batches = self.by_first.values();
        batches.flat_map(|batch| batch.entries.iter().filter_map(|range| batch.entry(range).id)).collect()
    }

    /// All deliveries that have not ended, as if they were to be released.
    pub(super) fn open_entries(&self) -> Vec<ActOn> {
        let open = self
            .by_first
            .iter()
            .flat_map(|(first, batch)| batch.open().filter_map(|(index, _)| batch.act(*first, index, &Act::Release)));
        open.collect()
    }

    /// The server has been told.
    pub(super) fn told(&mut self, message: &[BatchState]) {
        for part in message {
            if part.states.is_empty() {
                self.by_first.remove(&part.first);
            } else if let Some(batch) = self.by_first.get_mut(&part.first) {
                for (state, told) in batch.states.iter_mut().zip(&part.states) {
                    if *state == BEGINS && *told == BEGUN {
                        *state = BEGUN;
                    }
                }
            }
        }
    }

    /// Takes back that a delivery has ended: the server may not have put it where it was to go.
    pub(super) fn reopen(&mut self, receipt: RedisReceipt) {
        if let Some(batch) = self.by_first.get_mut(&receipt.batch)
            && let Some(state) = batch.states.get_mut(receipt.index as usize).filter(|state| **state == ENDED)
        {
            *state = BEGUN;
            batch.left += 1;
        }
    }

    /// All of it, for a server that has lost it.
    pub(super) fn all(&self) -> Vec<(u64, Vec<u8>, Vec<u8>)> {
        let open = self.by_first.iter().filter(|(_, batch)| batch.left > 0);
        open.map(|(first, batch)| (*first, batch.packed.clone(), batch.told())).collect()
    }
}

/// What a message says of a batch; most of the time it is the one that was spoken of last.
fn part(message: &mut Vec<BatchState>, first: u64) -> &mut BatchState {
    let at = message.iter().rposition(|part| part.first == first).unwrap_or(message.len());
    if at == message.len() {
        message.push(BatchState { first, states: Vec::new(), acts: Vec::new() });
    }
    &mut message[at]
}
