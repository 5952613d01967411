//! The latest events of all runs, and the ids by which a reader goes on where it stopped.

use alloc::{collections::VecDeque, string::String};
use core::fmt::Write;
use std::hash::{BuildHasher, RandomState};

use crate::event::{Event, OwnedEvent};

/// The maximum number of events that are kept: 13 seconds of 5,000 events per second.
pub(super) const EVENTS_MAX: usize = 1 << 16;
/// The maximum size of the reasons in the kept events, in bytes.
const TEXT_MAX: usize = 8 << 20;

/// Events in a row, the oldest making room for the newest. An index counts the events of all runs.
#[derive(Debug)]
pub(super) struct Ring {
    records: VecDeque<OwnedEvent>,
    /// The index of the oldest.
    start: u64,
    text: usize,
    /// The latest run comes last.
    runs: VecDeque<RunStart>,
    begun: u64,
    /// The same for no two processes: an id of an earlier one at the same address means nothing here.
    token: u32,
}

/// Where a run begins.
#[derive(Clone, Copy, Debug)]
struct RunStart {
    /// The number of the run, from 1.
    number: u64,
    index: u64,
}

fn text_len(event: &OwnedEvent) -> usize {
    event.kind.text().map_or(0, |text| text.len())
}

impl Ring {
    pub(super) fn new() -> Self {
        let token = RandomState::new().hash_one(0) as u32;
        Self { records: VecDeque::new(), start: 0, text: 0, runs: VecDeque::new(), begun: 0, token }
    }

    pub(super) fn begin_run(&mut self) {
        self.begun += 1;
        self.runs.push_back(RunStart { number: self.begun, index: self.end() });
        while self.runs.get(1).is_some_and(|next| next.index < self.start) {
            self.runs.pop_front();
        }
    }

    #[inline]
    pub(super) fn push(&mut self, event: &Event<&str>) {
        let record = OwnedEvent::from(event);
        let text = text_len(&record);
        if self.records.len() == EVENTS_MAX || self.text + text > TEXT_MAX {
            self.make_room(text);
        }
        self.text += text;
        self.records.push_back(record);
    }

    fn make_room(&mut self, text: usize) {
        while self.records.len() >= EVENTS_MAX || self.text + text > TEXT_MAX {
            let Some(oldest) = self.records.pop_front() else { return };
            self.text -= text_len(&oldest);
            self.start += 1;
        }
    }

    /// The index of the oldest event.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The index of the event that comes next.
    pub(super) fn end(&self) -> u64 {
        self.start + self.records.len() as u64
    }

    pub(super) fn get(&self, index: u64) -> Option<&OwnedEvent> {
        self.records.get(usize::try_from(index.checked_sub(self.start)?).ok()?)
    }

    /// The run to which the event at this index belongs, or will.
    pub(super) fn run_at(&self, index: u64) -> u64 {
        self.runs.iter().rev().find(|run| run.index <= index).map_or(1, |run| run.number)
    }

    /// The latest run, from 1; the one that will be the first counts as one.
    pub(super) fn latest_run(&self) -> u64 {
        self.begun.max(1)
    }

    /// Writes the id of a follower who knows this number of events of this run.
    pub(super) fn write_id(&self, run: u64, known: u64, text: &mut String) {
        // Text in memory takes everything.
        let _ = write!(text, "{:08x}-{run}-{known}", self.token);
    }

    /// Returns the index at which the follower with this id continues; `None` when the id is not of this ring.
    pub(super) fn resume(&self, id: &str) -> Option<u64> {
        let mut parts = id.split('-');
        let (token, run, known) = (parts.next()?, parts.next()?, parts.next()?);
        let (run, known) = (run.parse::<u64>().ok()?, known.parse::<u64>().ok()?);
        if parts.next().is_some() || u32::from_str_radix(token, 16) != Ok(self.token) {
            return None;
        }
        let place = self.runs.iter().position(|start| start.number == run)?;
        let end = self.runs.get(place + 1).map_or(self.end(), |next| next.index);
        self.runs[place].index.checked_add(known).filter(|index| *index <= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Time, event::EventKind};

    fn push(ring: &mut Ring, sequences: core::ops::Range<u64>, reason: &str) {
        for sequence in sequences {
            ring.push(&Event { sequence, at: Time::ZERO, kind: EventKind::Malformed { reason } });
        }
    }

    fn id(ring: &Ring, run: u64, known: u64) -> String {
        let mut id = String::new();
        ring.write_id(run, known, &mut id);
        id
    }

    #[test]
    fn ids_lead_back_to_their_place_in_every_run() {
        let mut ring = Ring::new();
        ring.begin_run();
        push(&mut ring, 0..10, "");
        ring.begin_run();
        push(&mut ring, 0..5, "");
        for (run, known, index) in [(1, 0, 0), (1, 9, 9), (1, 10, 10), (2, 0, 10), (2, 5, 15)] {
            assert_eq!(ring.resume(&id(&ring, run, known)), Some(index));
        }
        assert_eq!((ring.run_at(9), ring.run_at(10), ring.run_at(15)), (1, 2, 2));
        for (run, known) in [(1, 11), (2, 6), (3, 0), (0, 0), (1, u64::MAX)] {
            assert_eq!(ring.resume(&id(&ring, run, known)), None, "{run} {known}");
        }
        let other = Ring::new();
        assert_eq!(other.resume(&id(&ring, 1, 0)), None, "of another process");
        for id in ["", "-", "1-1", "x-1-1", "00000000-1-1-1", "7", "-1-1-1"] {
            assert_eq!(ring.resume(id), None, "{id}");
        }
    }

    #[test]
    fn events_and_their_text_are_bounded() {
        let mut ring = Ring::new();
        ring.begin_run();
        push(&mut ring, 0..EVENTS_MAX as u64 + 7, "");
        assert_eq!((ring.start(), ring.end()), (7, EVENTS_MAX as u64 + 7));
        assert_eq!(ring.get(6), None);
        assert_eq!(ring.get(7).map(|record| record.borrowed().sequence), Some(7));
        let reason = "x".repeat(TEXT_MAX / 4);
        push(&mut ring, 0..9, &reason);
        assert_eq!((ring.records.len(), ring.text), (4, TEXT_MAX));
        push(&mut ring, 9..10, &"x".repeat(2 * TEXT_MAX));
        assert_eq!(ring.records.len(), 1, "the newest is kept, however long");
    }

    #[test]
    fn runs_that_are_out_of_the_ring_are_forgotten() {
        let mut ring = Ring::new();
        for _ in 0..100 {
            ring.begin_run();
            push(&mut ring, 0..EVENTS_MAX as u64 / 2, "");
        }
        assert!(ring.runs.len() <= 4, "{}", ring.runs.len());
        assert_eq!(ring.run_at(ring.end()), 100);
    }
}
