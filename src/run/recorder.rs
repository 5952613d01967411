//! What happened, told to whoever counts and whoever watches.

use crate::{
    clock::{Clock, Time},
    event::{Event, EventKind, Observer},
    metrics::Counters,
};

/// Numbers and dates the events of one run. The run's own counters are the same fold that observers use.
pub(super) struct Recorder<'a, O> {
    observer: &'a mut O,
    counters: Counters,
    sequence: u64,
    now: Time,
}

impl<'a, O: Observer> Recorder<'a, O> {
    pub(super) fn new(observer: &'a mut O) -> Self {
        Self { observer, counters: Counters::default(), sequence: 0, now: Time::ZERO }
    }

    /// Looks at the clock, if anybody wants to know. Reading it costs as much as a whole task, so events of one poll share a
    /// time.
    #[inline]
    pub(super) fn update_time<C: Clock>(&mut self, clock: &C) {
        if O::ACTIVE {
            self.now = clock.now();
        }
    }

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
