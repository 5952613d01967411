//! The events of a run, with an index of the times at which tasks end.

use fourfold::{
    Event, Observer,
    check::Invariants,
    clock::Time,
    event::EventKind,
    metrics::{State, Timeline},
    trace,
};

/// The number of permits that the state shows.
const PERMITS_MAX: usize = 1 << 20;

/// The place of an event in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// The position of its event.
    pub(crate) position: u64,
    pub(crate) at: Time,
}

/// A timeline with its playhead, and indexes of its events.
#[derive(Clone, Debug)]
pub struct Recording {
    timeline: Timeline,
    /// The time of the playhead: between the event before it and the one after.
    at: Time,
    /// The times at which tasks gave each permit back.
    ends: Vec<Vec<Mark>>,
}

/// The result of checking a run against the invariants.
#[derive(Debug, serde::Serialize)]
pub struct Checks {
    /// The first violation of an invariant, if there is one.
    pub violation: Option<String>,
    /// The number of events that never arrived.
    pub missed: u64,
    /// Whether the run was seen to its end.
    pub complete: bool,
}

impl Default for Recording {
    fn default() -> Self {
        Self::new(Timeline::new())
    }
}

impl Recording {
    /// Creates a recording from a timeline.
    pub fn new(timeline: Timeline) -> Self {
        let at = timeline.state().at();
        Self { timeline, at, ends: Vec::new() }
    }

    /// Starts anew from a state that was folded elsewhere. Earlier events are discarded.
    pub fn restart(&mut self, state: State) {
        *self = Self::new(Timeline::from_state(state));
    }

    /// Adds an event at the end.
    pub fn push(&mut self, event: &Event<&str>) {
        let mark = Mark { position: self.timeline.end(), at: event.at };
        self.timeline.push(event);
        if let EventKind::Ended { permit, .. } = event.kind
            && permit < PERMITS_MAX
        {
            if permit >= self.ends.len() {
                self.ends.resize_with(permit + 1, Vec::new);
            }
            self.ends[permit].push(mark);
        }
    }

    /// Returns the events and the playhead.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Returns the time of the playhead, no earlier than the event before it.
    pub fn at(&self) -> Time {
        self.at
    }

    /// Returns the time of the first event that is kept.
    pub fn starts_at(&self) -> Time {
        let first = self.timeline.event(self.timeline.start());
        first.map_or_else(|| self.timeline.last_state().at(), |event| event.at)
    }

    /// Returns the time of the last event.
    pub fn ends_at(&self) -> Time {
        self.timeline.last_state().at()
    }

    /// Moves the playhead to a time.
    pub fn seek(&mut self, at: Time) {
        self.timeline.seek(at);
        self.at = at.clamp(self.timeline.state().at(), self.ends_at().max(self.timeline.state().at()));
    }

    /// Moves the playhead to a position.
    pub fn seek_to(&mut self, position: u64) {
        self.timeline.seek_to(position);
        self.at = self.timeline.state().at();
    }

    /// Moves the playhead by a number of events, forward or back, and returns the new position.
    pub fn step(&mut self, events: i64) -> u64 {
        self.seek_to(self.timeline.position().saturating_add_signed(events));
        self.timeline.position()
    }

    /// Moves the playhead to the next or the previous notable event; returns false when there is none.
    pub fn notable(&mut self, forward: bool) -> bool {
        let found = if forward { self.timeline.next_notable() } else { self.timeline.previous_notable() };
        self.at = self.timeline.state().at();
        found
    }

    /// Returns the time at which the task that holds this permit will give it back, where that is known.
    pub(crate) fn end_of(&self, permit: usize) -> Option<Time> {
        let ends = self.ends.get(permit)?;
        let passed = ends.partition_point(|mark| mark.position < self.timeline.position());
        Some(ends.get(passed)?.at)
    }

    /// Returns every event that is kept.
    pub fn events(&self) -> impl Iterator<Item = Event<&str>> {
        let timeline = &self.timeline;
        (timeline.start()..timeline.end()).map_while(|position| timeline.event(position))
    }

    /// Checks the run against the invariants.
    pub fn checks(&self) -> Checks {
        let missed = self.timeline.last_state().missed();
        let mut events = self.events().peekable();
        let begins = events.peek().is_some_and(|event| matches!(event.kind, EventKind::RunStarted { .. }));
        let mut invariants = Invariants::new();
        if begins {
            events.for_each(|event| invariants.check(&event));
        }
        let violation = invariants.violation().map(ToString::to_string);
        Checks { violation, missed, complete: invariants.is_complete() }
    }

    /// Writes the whole recording in a form.
    pub fn write(&self, form: &mut dyn trace::Form) -> Vec<u8> {
        let mut text = Vec::new();
        form.begin(&mut text);
        self.events().for_each(|event| form.event(&event, &mut text));
        form.end(&mut text);
        text
    }

    /// Returns one event as a line of a trace.
    pub fn line(&self, position: u64) -> Option<String> {
        let event = self.timeline.event(position)?;
        let mut text = Vec::new();
        trace::write_line(&event, &mut text);
        String::from_utf8(text).ok()
    }

    /// Returns up to `count` events as lines of a trace.
    pub fn lines(&self, from: u64, count: u64) -> String {
        let from = from.max(self.timeline.start());
        let to = from.saturating_add(count).min(self.timeline.end());
        let mut text = Vec::new();
        for event in (from..to).map_while(|position| self.timeline.event(position)) {
            trace::write_line(&event, &mut text);
            text.push(b'\n');
        }
        // JSON is always valid UTF-8.
        String::from_utf8(text).unwrap_or_default()
    }
}

impl Observer for Recording {
    fn event(&mut self, event: &Event<&str>) {
        self.push(event);
    }
}
