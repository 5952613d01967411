//! Those who wait for something, in the order in which they came.

use alloc::vec::Vec;
use core::{mem, task::Waker};

/// No entry.
const NONE: usize = usize::MAX;

/// How much room is kept when nobody waits any more.
const KEPT: usize = 64;

/// Wakers in the order of arrival, each with what it waits for. Entering, waking the first one and leaving take the same
/// time however many wait; memory is bounded by those who wait at the same time.
///
/// An entry belongs to the one who waits: it stays, also after it was woken, until its owner [`remove`](Self::remove)s it.
pub(crate) struct WaitList<T> {
    entries: Vec<Entry<T>>,
    free: usize,
    first: usize,
    last: usize,
    /// Entries that have not been woken.
    waiting: usize,
    /// Entries that have an owner.
    owned: usize,
}

struct Entry<T> {
    state: State<T>,
    previous: usize,
    next: usize,
}

enum State<T> {
    Free,
    Waiting(Waker, T),
    Woken(bool),
}

/// What had become of an entry by the time it was removed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It was still waiting.
    Waiting,
    /// It was woken, and given what it waited for, or not.
    Woken {
        /// Whether it was given what it waited for.
        granted: bool,
    },
}

impl<T> Default for WaitList<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: NONE, first: NONE, last: NONE, waiting: 0, owned: 0 }
    }
}

impl<T> WaitList<T> {
    /// The number of those who wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// What the first one waits for.
    #[inline]
    pub(crate) fn first(&self) -> Option<&T> {
        match &self.entries.get(self.first)?.state {
            State::Waiting(_, wanted) => Some(wanted),
            State::Free | State::Woken(_) => None,
        }
    }

    /// Enters at the end; gives the place, which is the caller's until it is removed.
    pub(crate) fn enter(&mut self, waker: Waker, wanted: T) -> usize {
        let entry = Entry { state: State::Waiting(waker, wanted), previous: self.last, next: NONE };
        let place = self.free;
        let place = if let Some(free) = self.entries.get_mut(place) {
            self.free = free.next;
            *free = entry;
            place
        } else {
            self.entries.push(entry);
            self.entries.len() - 1
        };
        self.link(self.last, place);
        self.last = place;
        self.waiting += 1;
        self.owned += 1;
        place
    }

    /// Has the first one know that its turn has come, with what it waited for or without; gives its waker, which is to be
    /// woken when the list is no longer borrowed.
    pub(crate) fn wake_first(&mut self, granted: bool) -> Option<Waker> {
        let place = self.first;
        let entry = self.entries.get_mut(place)?;
        let State::Waiting(waker, _) = mem::replace(&mut entry.state, State::Woken(granted)) else { return None };
        self.unlink(place);
        Some(waker)
    }

    /// Whether an entry still waits; if so, `waker` is the one that is going to be woken. Gives the former waker, if it
    /// was another one, to be dropped when the list is no longer borrowed.
    pub(crate) fn wait_on(&mut self, place: usize, waker: &Waker) -> Option<Option<Waker>> {
        match &mut self.entries.get_mut(place)?.state {
            State::Waiting(present, _) if present.will_wake(waker) => Some(None),
            State::Waiting(present, _) => Some(Some(mem::replace(present, waker.clone()))),
            State::Free | State::Woken(_) => None,
        }
    }

    /// Removes an entry; says what had become of it. The waker is to be dropped when the list is no longer borrowed.
    pub(crate) fn remove(&mut self, place: usize) -> (Left, Option<Waker>) {
        let Some(entry) = self.entries.get_mut(place) else { return (Left::Waiting, None) };
        let left = match mem::replace(&mut entry.state, State::Free) {
            State::Waiting(waker, _) => {
                self.unlink(place);
                (Left::Waiting, Some(waker))
            }
            State::Woken(granted) => (Left::Woken { granted }, None),
            State::Free => return (Left::Waiting, None),
        };
        self.entries[place].next = self.free;
        self.free = place;
        self.owned -= 1;
        if self.owned == 0 && self.entries.len() > KEPT {
            self.entries = Vec::with_capacity(KEPT);
            self.free = NONE;
        }
        left
    }

    fn unlink(&mut self, place: usize) {
        let Entry { previous, next, .. } = self.entries[place];
        self.link(previous, next);
        match self.entries.get_mut(next) {
            Some(next) => next.previous = previous,
            None => self.last = previous,
        }
        self.waiting -= 1;
    }

    /// Has `next` come after `previous`.
    fn link(&mut self, previous: usize, next: usize) {
        match self.entries.get_mut(previous) {
            Some(previous) => previous.next = next,
            None => self.first = next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_come_is_the_first_to_be_woken_whoever_leaves() {
        // Against a plain list of the places, in order.
        let (mut list, mut expected) = (WaitList::default(), Vec::new());
        let mut woken = Vec::new();
        let mut random = 7_u64;
        for round in 0..20_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let draw = (random >> 33) as usize;
            match draw % 5 {
                0 | 1 if expected.len() < 100 => expected.push((list.enter(Waker::noop().clone(), round), round)),
                2 => {
                    let first = list.first().copied();
                    assert_eq!(first, expected.first().map(|(_, wanted)| *wanted));
                    assert_eq!(list.wake_first(true).is_some(), first.is_some());
                    woken.extend((!expected.is_empty()).then(|| expected.remove(0).0));
                }
                3 if !expected.is_empty() => {
                    let (place, _) = expected.remove(draw % expected.len());
                    assert!(list.wait_on(place, Waker::noop()).is_some());
                    assert_eq!(list.remove(place).0, Left::Waiting);
                }
                _ => {
                    if let Some(place) = woken.pop() {
                        assert!(list.wait_on(place, Waker::noop()).is_none());
                        assert_eq!(list.remove(place).0, Left::Woken { granted: true });
                    }
                }
            }
            assert_eq!(list.len(), expected.len());
        }
        assert!(list.entries.len() <= 20_000 / 5, "places are used again");
    }

    #[test]
    fn nothing_is_kept_for_those_who_waited_once() {
        let mut list = WaitList::default();
        let places: Vec<usize> = (0..10_000).map(|_| list.enter(Waker::noop().clone(), ())).collect();
        for place in places {
            list.remove(place);
        }
        assert!(list.entries.capacity() <= KEPT);
        assert_eq!(list.enter(Waker::noop().clone(), ()), 0);
    }
}
