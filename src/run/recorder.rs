//! What happened, counted for the report and told to the observer.

use crate::{
    clock::{Clock, Time},
    event::{Event, EventKind, Observer},
    metrics::Counters,
};

/// The one who numbers, dates and counts the events of a run. Its counters are the same fold that observers use.
pub(super) struct Recorder<'a, C, O> {
    clock: &'a C,
    observer: &'a mut O,
    counters: Counters,
    sequence: u64,
    now: Time,
}

impl<'a, C: Clock, O: Observer> Recorder<'a, C, O> {
    pub(super) fn new(clock: &'a C, observer: &'a mut O) -> Self {
        Self { clock, observer, counters: Counters::default(), sequence: 0, now: Time::ZERO }
    }

    /// Reads the clock, if anyone observes the run. Reading it costs as much as a whole task, so the events of one poll
    /// share a time.
    #[inline]
    pub(super) fn update_time(&mut self) {
        if O::ACTIVE {
            self.now = self.clock.now();
        }
    }

    /// Counts an event and tells the observer.
    #[inline]
    pub(super) fn write(&mut self, kind: EventKind<&str>) {
        self.counters.apply(&kind);
        if O::ACTIVE {
            self.observer.event(&Event { sequence: self.sequence, at: self.now, kind });
            self.sequence += 1;
        }
    }

    #[inline]
    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }
}
