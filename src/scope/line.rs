//! How a scope gets its permits.

use crate::{
    executor::{Budget, Executor},
    scope::{Acquire, Permit, Permits},
};

/// What a scope has to start tasks with: a limit of its own, and permits, if it shares them with others.
pub(super) struct Room {
    limit: usize,
    line: Option<Line>,
}

impl Room {
    /// Room for `limit` tasks, each with a permit if there are `permits`; those are waited for at the gate of `tasks`.
    pub(super) fn new<F: Future>(limit: usize, permits: Option<&Permits>, tasks: &Executor<F>) -> Self {
        Self { limit, line: permits.map(|permits| Line::new(permits.clone(), tasks)) }
    }

    /// Whether nothing will be started any more.
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.line.as_ref().is_some_and(Line::is_closed)
    }

    /// The permit for one more task beside those that run, where permits are needed; `None` while there is no room.
    #[inline]
    pub(super) fn permit(&mut self, running: usize) -> Option<Option<Permit>> {
        if running >= self.limit {
            return None;
        }
        match &mut self.line {
            None => Some(None),
            Some(line) => line.permit().map(Some),
        }
    }

    /// As [`Line::look`].
    #[inline]
    pub(super) fn look(&mut self) {
        if let Some(line) = &mut self.line {
            line.look();
        }
    }

    /// As [`Line::keep_up`].
    #[inline]
    pub(super) fn keep_up(&mut self) {
        if let Some(line) = &mut self.line {
            line.keep_up();
        }
    }

    /// As [`Line::leave`].
    #[inline]
    pub(super) fn leave(&mut self) {
        if let Some(line) = &mut self.line {
            line.leave();
        }
    }
}

/// A scope's place in the line for permits. It waits at the gate of the scope's tasks, so that a permit which one task of the
/// scope leaves to the next costs a bit, and no wake of whoever polls the scope.
pub(super) struct Line {
    permits: Permits,
    wait: Executor<Acquire>,
    granted: Option<Permit>,
}

impl Line {
    /// In the line of `permits`, at the gate of `tasks`.
    pub(super) fn new<F: Future>(permits: Permits, tasks: &Executor<F>) -> Self {
        Self { permits, wait: tasks.sibling(), granted: None }
    }

    /// Whether there will be no permit any more.
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.granted.is_none() && self.permits.is_closed()
    }

    /// Looks whether its turn has come. To be called in every poll of the scope, needed or not: the gate asks for another
    /// poll as long as one of those at it has not looked.
    #[inline]
    pub(super) fn look(&mut self) {
        while self.wait.begin_tick() {
            if let Some((_, permit)) = self.wait.next_in_tick(&mut Budget::default()) {
                self.granted = permit.ok();
            }
        }
    }

    /// A permit, if it is this scope's turn. If not, it waits in line, and is polled again when it is.
    #[inline]
    pub(super) fn permit(&mut self) -> Option<Permit> {
        if self.granted.is_none() && self.wait.is_empty() {
            let permit = self.permits.try_acquire();
            if permit.is_some() {
                return permit;
            }
            if self.is_closed() {
                return None;
            }
            self.wait.spawn(self.permits.acquire());
            self.look();
        }
        self.granted.take()
    }

    /// Collects the wakes that came when it did not stand in line. A gate calls its parent back until every member has, and without
    /// `std` every wake is one from elsewhere.
    #[inline]
    pub(super) fn keep_up(&mut self) {
        while self.wait.is_empty() && self.wait.begin_tick() {
            self.wait.next_in_tick(&mut Budget::default());
        }
    }

    /// Leaves the line: there is nothing to do.
    pub(super) fn leave(&mut self) {
        self.wait.clear();
        self.granted = None;
    }
}
