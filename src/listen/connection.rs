//! An open connection, as the requests on it see it.

use alloc::rc::Rc;
use core::cell::Cell;

use super::{Shared, seats::Seat};

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) shared: Rc<Shared>,
    pub(super) seat: Seat,
    /// Whether the connection is one that follows the events.
    follows: Cell<bool>,
}

impl Connection {
    /// Makes a connection of its seat, which follows nothing yet.
    pub(super) fn new(shared: Rc<Shared>, seat: Seat) -> Self {
        Self { shared, seat, follows: Cell::new(false) }
    }

    /// Counts the connection among those that follow the events, until it ends.
    pub(super) fn follow(&self) {
        if !self.follows.replace(true) {
            self.shared.followers.set(self.shared.followers.get() + 1);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.follows.get() {
            self.shared.followers.set(self.shared.followers.get() - 1);
            self.shared.left.notify(usize::MAX);
        }
    }
}
