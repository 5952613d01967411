//! How many connections are open, and which of them make room.

use alloc::{collections::VecDeque, vec::Vec};
use core::cell::RefCell;

use smol::Task;

/// How many connections are open at once for everything; a browser opens six.
const GENERAL_MAX: usize = 64;
/// How many more are for health and metrics alone.
const RESERVED_MAX: usize = 8;
/// The same where descriptors are short.
const RESERVED_MAX_SHORT: usize = 2;

/// What a connection may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// A place for every request.
    General,
    /// Health and metrics, once.
    Reserved,
}

/// The connections that are open. One that is taken out of here ends.
#[derive(Debug, Default)]
pub(super) struct Seats {
    general: RefCell<Vec<Task<()>>>,
    /// The oldest comes first.
    reserved: RefCell<VecDeque<Task<()>>>,
}

impl Seats {
    /// Chooses the seat of the next connection, which has a descriptor of this number, and makes it free.
    ///
    /// The system gives the lowest number that is free: one above a quarter of what the process may have says that the
    /// quarter below is in use. The rest is for tasks, but for what health needs: a process that runs takes eight.
    ///
    /// Where all reserved seats are taken, the connection that has had one for the longest time is ended: a check of health
    /// is answered at once, and a client that sends it in drips does not keep others out.
    pub(super) fn choose(&self, descriptor: u64, descriptors_max: u64) -> Option<Seat> {
        let is_short = descriptor >= descriptors_max / 4;
        let mut general = self.general.borrow_mut();
        general.retain(|connection| !connection.is_finished());
        if general.len() < GENERAL_MAX && !is_short {
            return Some(Seat::General);
        }
        if descriptor >= descriptors_max - descriptors_max / 8 {
            return None;
        }
        let mut reserved = self.reserved.borrow_mut();
        reserved.retain(|connection| !connection.is_finished());
        let max = if is_short { RESERVED_MAX_SHORT } else { RESERVED_MAX };
        while reserved.len() >= max {
            drop(reserved.pop_front());
        }
        Some(Seat::Reserved)
    }

    /// Keeps a connection open in the seat that was chosen for it.
    pub(super) fn take(&self, seat: Seat, connection: Task<()>) {
        match seat {
            Seat::General => self.general.borrow_mut().push(connection),
            Seat::Reserved => self.reserved.borrow_mut().push_back(connection),
        }
    }

    /// Ends the newest connection, so that its descriptor is free for a task.
    pub(super) fn give_way(&self) {
        let mut general = self.general.borrow_mut();
        general.retain(|connection| !connection.is_finished());
        drop(general.pop());
    }
}

#[cfg(test)]
mod tests {
    use core::future::pending;

    use smol::LocalExecutor;

    use super::*;

    #[test]
    fn the_last_seats_are_for_health_and_the_newest_of_those_who_want_one() {
        let executor = LocalExecutor::new();
        let seats = Seats::default();
        for _ in 0..GENERAL_MAX {
            assert_eq!(seats.choose(10, 1024), Some(Seat::General));
            seats.take(Seat::General, executor.spawn(pending()));
        }
        for _ in 0..3 * RESERVED_MAX {
            assert_eq!(seats.choose(10, 1024), Some(Seat::Reserved));
            seats.take(Seat::Reserved, executor.spawn(pending()));
            assert!(seats.reserved.borrow().len() <= RESERVED_MAX);
        }
        while executor.try_tick() {}
        assert_eq!(seats.general.borrow().len(), GENERAL_MAX);
    }

    #[test]
    fn a_descriptor_of_a_high_number_is_left_to_tasks() {
        let executor = LocalExecutor::new();
        let seats = Seats::default();
        assert_eq!(seats.choose(15, 64), Some(Seat::General));
        for _ in 0..3 * RESERVED_MAX {
            assert_eq!(seats.choose(16, 64), Some(Seat::Reserved));
            seats.take(Seat::Reserved, executor.spawn(pending()));
            assert!(seats.reserved.borrow().len() <= RESERVED_MAX_SHORT);
        }
        assert_eq!((seats.choose(55, 64), seats.choose(56, 64)), (Some(Seat::Reserved), None));
    }
}
