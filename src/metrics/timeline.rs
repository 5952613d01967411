//! The events of a run with a playhead, and the state at any of them.

use alloc::{collections::VecDeque, vec::Vec};
use core::num::NonZeroUsize;

use super::State;
use crate::{
    clock::Time,
    event::{Event, Observer, OwnedEvent},
};

/// The number of events between two states that are kept, and the maximum that seeking folds.
const SPACING: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
/// The number of events between two states for each task in the state, where that is more.
const SPACING_PER_TASK: usize = 4;
/// How many events are kept unless something else is said.
const EVENTS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2_097_151);

/// The events of a run, with a playhead that moves to any of them and shows the state there.
///
/// A position is a number of events that have happened: 0 is before the first event. A state is
/// kept at regular intervals, so that a move folds a few thousand events at most. When a run has
/// more events than the timeline keeps (2,097,152 by default), the oldest are dropped, and the
/// timeline [starts](Self::start) later. An event takes 64 bytes, and its text when it has one.
///
/// ```
/// use core::{convert::Infallible, time::Duration};
/// use fourfold::{Clock, MemorySource, Run, Task, clock::{SimulatedClock, Time},
///     metrics::Timeline};
///
/// let clock = SimulatedClock::new();
/// let source = MemorySource::new(0..8);
/// let mut timeline = Timeline::new();
/// let run = Run::new(&source, async |_: &Task<i32>| {
///     clock.sleep(Duration::from_millis(10)).await;
///     Ok::<_, Infallible>(())
/// });
/// let run = run.limit(4).clock(&clock).observer(&mut timeline);
/// clock.run(run.into_future()).unwrap().unwrap();
///
/// timeline.seek(Time::ZERO + Duration::from_millis(15));
/// assert_eq!((timeline.state().counters().done, timeline.state().counters().in_flight), (4, 4));
/// let digest = timeline.digest();
/// timeline.step_back();
/// assert_ne!(timeline.digest(), digest);
/// timeline.step();
/// assert_eq!(timeline.digest(), digest);
/// ```
#[derive(Clone, Debug)]
pub struct Timeline {
    chunks: VecDeque<Chunk>,
    /// Events that were dropped.
    start: u64,
    /// Events that are kept.
    kept: usize,
    kept_max: NonZeroUsize,
    spacing: NonZeroUsize,
    tail: State,
    playhead: State,
    position: u64,
}

/// A stretch of events, and the state before it.
#[derive(Clone, Debug)]
struct Chunk {
    start: u64,
    before: State,
    records: Vec<OwnedEvent>,
}

impl Timeline {
    /// Makes a timeline without events.
    pub fn new() -> Self {
        Self::with_capacity(EVENTS_MAX)
    }

    /// Makes a timeline that keeps about this many of the latest events. Default: 2,097,152.
    pub fn with_capacity(events: NonZeroUsize) -> Self {
        Self {
            chunks: VecDeque::new(),
            start: 0,
            kept: 0,
            kept_max: events,
            spacing: SPACING,
            tail: State::new(),
            playhead: State::new(),
            position: 0,
        }
    }

    /// Sets the number of events between two states that are kept. Default: 4096. Smaller intervals
    /// make moves faster, and take about 100 kB for each state.
    #[must_use = "a timeline is made with it"]
    pub fn keyframe_every(mut self, events: NonZeroUsize) -> Self {
        self.spacing = events;
        self
    }

    /// Makes a timeline that begins at a state, such as the snapshot of a run that goes on
    /// elsewhere.
    pub fn from_state(state: State) -> Self {
        Self { tail: state.clone(), playhead: state, ..Self::new() }
    }

    /// Adds an event at the end; the playhead does not move. An event that is earlier than the last
    /// one gets the time of the last one.
    pub fn push(&mut self, event: &Event<&str>) {
        let event = &Event { at: event.at.max(self.tail.at()), ..*event };
        let spacing = self.spacing();
        match self.chunks.back_mut() {
            Some(chunk) if chunk.records.len() < spacing => chunk.records.push(OwnedEvent::from(event)),
            last => {
                // After a full one another full one is to be expected: growing would copy all of it
                // more than once.
                let mut records = Vec::with_capacity(last.map_or(0, |chunk| chunk.records.len().min(spacing)));
                records.push(OwnedEvent::from(event));
                self.chunks.push_back(Chunk { start: self.end(), before: self.tail.clone(), records });
            }
        }
        self.kept += 1;
        self.tail.apply(event);
        while self.kept > self.kept_max.get() && self.chunks.len() > 1 {
            self.drop_oldest();
        }
    }

    fn spacing(&self) -> usize {
        let tail = &self.tail;
        self.spacing.get().max(SPACING_PER_TASK * (tail.tasks().len() + tail.queue().len() + tail.permits().len()))
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.chunks.pop_front() else { return };
        self.kept -= oldest.records.len();
        self.start += oldest.records.len() as u64;
        if self.position < self.start {
            self.seek_to(self.start);
        }
    }

    /// Returns the first position that the playhead can move to: 0 until events are dropped.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Returns the last position, which is the number of events so far.
    pub fn end(&self) -> u64 {
        self.start + self.kept as u64
    }

    /// Returns the position of the playhead.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns the state at the playhead.
    pub fn state(&self) -> &State {
        &self.playhead
    }

    /// Returns the state at the end.
    pub fn last_state(&self) -> &State {
        &self.tail
    }

    /// Computes the [digest](State::digest) of the state at the playhead.
    pub fn digest(&self) -> u64 {
        self.playhead.digest()
    }

    /// Returns the event that leads from this position to the next one.
    pub fn event(&self, position: u64) -> Option<Event<&str>> {
        let chunk = self.chunks.get(self.chunk_of(position)?)?;
        Some(chunk.records.get(usize::try_from(position - chunk.start).ok()?)?.borrowed())
    }

    /// Returns the events from the playhead on.
    pub fn ahead(&self) -> impl Iterator<Item = Event<&str>> {
        (self.position..self.end()).map_while(|position| self.event(position))
    }

    /// Moves the playhead to a time: behind all events up to that time, events at that time
    /// included.
    pub fn seek(&mut self, at: Time) {
        let later = self.chunks.partition_point(|chunk| chunk.before.at() <= at);
        let position = match later.checked_sub(1).and_then(|index| self.chunks.get(index)) {
            Some(chunk) => {
                let passed = chunk.records.partition_point(|record| record.borrowed().at <= at);
                chunk.start + passed as u64
            }
            None => self.start,
        };
        self.seek_to(position);
    }

    /// Moves the playhead to a position, or to the nearest one that is kept.
    pub fn seek_to(&mut self, position: u64) {
        let position = position.clamp(self.start, self.end());
        // The state before the chunk, unless the playhead is between the two.
        let chunk = self.chunk_of(position.saturating_sub(1).max(self.start)).and_then(|index| self.chunks.get(index));
        if let Some(chunk) = chunk
            && !(chunk.start..=position).contains(&self.position)
        {
            self.playhead.clone_from(&chunk.before);
            self.position = chunk.start;
        }
        while self.position < position {
            self.step();
        }
    }

    /// Moves the playhead to the start, or to the first event that is kept.
    pub fn seek_start(&mut self) {
        self.seek_to(self.start);
    }

    /// Moves the playhead to the end.
    pub fn seek_end(&mut self) {
        self.playhead.clone_from(&self.tail);
        self.position = self.end();
    }

    /// Moves the playhead forward by one event; returns false at the end.
    pub fn step(&mut self) -> bool {
        let Some(index) = self.chunk_of(self.position) else { return false };
        let chunk = &self.chunks[index];
        let Some(record) = usize::try_from(self.position - chunk.start).ok().and_then(|at| chunk.records.get(at))
        else {
            return false;
        };
        self.playhead.apply(&record.borrowed());
        self.position += 1;
        true
    }

    /// Moves the playhead back by one event; returns false at the start.
    pub fn step_back(&mut self) -> bool {
        let moves = self.position > self.start;
        if moves {
            self.seek_to(self.position - 1);
        }
        moves
    }

    /// Moves the playhead behind the next [notable](crate::event::EventKind::is_notable) event.
    /// Without one, it moves the playhead to the end and returns false.
    pub fn next_notable(&mut self) -> bool {
        let found = (self.position..self.end()).find(|position| self.is_notable(*position));
        self.seek_to(found.map_or(self.end(), |position| position + 1));
        found.is_some()
    }

    /// Moves the playhead back, behind the notable event before the one at the playhead. Without
    /// one, it moves the playhead to the start and returns false.
    pub fn previous_notable(&mut self) -> bool {
        let found = (self.start..self.position.saturating_sub(1)).rev().find(|position| self.is_notable(*position));
        self.seek_to(found.map_or(self.start, |position| position + 1));
        found.is_some()
    }

    fn is_notable(&self, position: u64) -> bool {
        self.event(position).is_some_and(|event| event.kind.is_notable())
    }

    /// A position at or before a time, and the state there: the last one that is kept.
    pub(super) fn before(&self, at: Time) -> (u64, State) {
        let later = self.chunks.partition_point(|chunk| chunk.before.at() < at);
        match self.chunks.get(later.saturating_sub(1)) {
            Some(chunk) => (chunk.start, chunk.before.clone()),
            None => (self.end(), self.tail.clone()),
        }
    }

    /// The chunk that holds the event at a position, or would.
    fn chunk_of(&self, position: u64) -> Option<usize> {
        self.chunks.partition_point(|chunk| chunk.start <= position).checked_sub(1)
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Timeline {
    fn event(&mut self, event: &Event<&str>) {
        self.push(event);
    }
}
