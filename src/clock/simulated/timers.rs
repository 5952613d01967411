//! The timers of a simulated clock: a heap in which each knows its place, so that one that is
//! dropped is taken out at once.

use alloc::vec::Vec;
use core::task::Waker;

use crate::clock::Time;

/// Which timer: its slot, and its number, for slots are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    slot: usize,
    sequence: u64,
}

/// Earliest first; those of one moment in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Slots; each one's parent, at half its place, is due no later.
    heap: Vec<usize>,
    next: u64,
}

#[derive(Debug)]
struct Slot {
    due: Time,
    sequence: u64,
    /// Its place in the heap.
    place: usize,
    waker: Option<Waker>,
}

impl Timers {
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// When the earliest is due.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.heap.first().map(|slot| self.slots[*slot].due)
    }

    pub(super) fn set(&mut self, due: Time, waker: Waker) -> Handle {
        let sequence = self.next;
        self.next += 1;
        let place = self.heap.len();
        let new = Slot { due, sequence, place, waker: Some(waker) };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = new;
                slot
            }
            None => {
                self.slots.push(new);
                self.slots.len() - 1
            }
        };
        self.heap.push(slot);
        self.rise(place);
        Handle { slot, sequence }
    }

    /// The waker of a timer that is set.
    pub(super) fn waker(&mut self, handle: Handle) -> Option<&mut Waker> {
        self.slots.get_mut(handle.slot).filter(|slot| slot.sequence == handle.sequence)?.waker.as_mut()
    }

    /// Takes a timer out, if it has not gone off.
    pub(super) fn clear(&mut self, handle: Handle) -> Option<Waker> {
        let slot = self.slots.get_mut(handle.slot).filter(|slot| slot.sequence == handle.sequence)?;
        let waker = slot.waker.take()?;
        let place = slot.place;
        self.take(place);
        Some(waker)
    }

    /// Takes the earliest out, if it is due.
    pub(super) fn pop(&mut self, now: Time) -> Option<Waker> {
        let slot = *self.heap.first()?;
        if self.slots[slot].due > now {
            return None;
        }
        let waker = self.slots[slot].waker.take();
        self.take(0);
        waker
    }

    fn take(&mut self, place: usize) {
        self.free.push(self.heap.swap_remove(place));
        if place < self.heap.len() {
            self.slots[self.heap[place]].place = place;
            self.rise(place);
            self.sink(place);
        }
    }

    fn is_earlier(&self, place: usize, other: usize) -> bool {
        let key = |place: usize| {
            let slot = &self.slots[self.heap[place]];
            (slot.due, slot.sequence)
        };
        key(place) < key(other)
    }

    fn swap(&mut self, place: usize, other: usize) {
        self.heap.swap(place, other);
        self.slots[self.heap[place]].place = place;
        self.slots[self.heap[other]].place = other;
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.is_earlier(place, (place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let mut first = place;
            for child in [2 * place + 1, 2 * place + 2] {
                if child < self.heap.len() && self.is_earlier(child, first) {
                    first = child;
                }
            }
            if first == place {
                return;
            }
            self.swap(place, first);
            place = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeMap, sync::Arc, task::Wake};
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Tells which timer it belongs to.
    struct Bell(u64, Arc<AtomicU64>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.1.store(self.0, Ordering::Relaxed);
        }
    }

    #[test]
    fn they_go_off_in_the_order_of_an_ordered_map() {
        let rung = Arc::new(AtomicU64::new(0));
        let (mut timers, mut expected) = (Timers::default(), BTreeMap::new());
        let mut handles = Vec::new();
        let mut random = 1_u64;
        for number in 0..20_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let draw = random >> 33;
            match draw % 8 {
                0..=3 => {
                    let due = Time::from_nanos(draw % 97);
                    let handle = timers.set(due, Waker::from(Arc::new(Bell(number, rung.clone()))));
                    assert!(timers.waker(handle).is_some());
                    expected.insert((due, handle.sequence), number);
                    handles.push((due, handle));
                }
                4..=5 if !handles.is_empty() => {
                    // Of those that went off or were taken out long ago too.
                    let (due, handle) = handles[draw as usize % handles.len()];
                    let cleared = timers.clear(handle).is_some();
                    assert_eq!(cleared, expected.remove(&(due, handle.sequence)).is_some());
                    assert!(timers.waker(handle).is_none());
                }
                _ => {
                    let now = Time::from_nanos(draw % 97);
                    let first = expected.first_entry().filter(|entry| entry.key().0 <= now);
                    let (popped, first) = (timers.pop(now), first.map(|entry| entry.remove()));
                    assert_eq!(popped.is_some(), first.is_some());
                    if let (Some(waker), Some(first)) = (popped, first) {
                        waker.wake();
                        assert_eq!(rung.load(Ordering::Relaxed), first);
                    }
                }
            }
            assert_eq!((timers.len(), timers.next_due()), (expected.len(), expected.keys().next().map(|key| key.0)));
        }
        assert!(timers.slots.len() < 5000, "slots are used again: {}", timers.slots.len());
    }
}
