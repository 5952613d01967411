//! The observer that shows a run.

use alloc::rc::Rc;
use core::cell::RefCell;

use super::Shared;
use crate::{
    event::{Event, Observer},
    metrics::State,
};

/// Folds the events of a run, and keeps the latest for those who follow it.
#[derive(Clone, Debug)]
pub struct Watch {
    state: Rc<RefCell<State>>,
    shared: Rc<Shared>,
}

impl Watch {
    pub(super) fn new(shared: &Rc<Shared>) -> Self {
        Self { state: Rc::default(), shared: Rc::clone(shared) }
    }

    /// Returns the state that the events up to now lead to.
    pub fn state(&self) -> &Rc<RefCell<State>> {
        &self.state
    }
}

impl Observer for Watch {
    fn event(&mut self, event: &Event<&str>) {
        self.state.borrow_mut().apply(event);
        let Some(live) = &self.shared.live else { return };
        live.ring.borrow_mut().push(event);
        if live.asleep.replace(false) {
            live.news.notify(usize::MAX);
        }
    }
}
