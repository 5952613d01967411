//! The slots: where futures live while they run, reused from task to task.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

struct Slot<F> {
    future: Pin<Box<Option<F>>>,
    waker: Waker,
}

/// All slots that there have ever been, and which of them are free.
pub(super) struct Slots<F> {
    slots: Vec<Slot<F>>,
    /// Free slots; the last one freed is the next one taken.
    free: Vec<usize>,
}

impl<F: Future> Slots<F> {
    pub(super) const fn new() -> Self {
        Slots { slots: Vec::new(), free: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The number of slots that there have ever been.
    pub(super) fn count(&self) -> usize {
        self.slots.len()
    }

    /// The slot that is taken next; it need not exist yet.
    #[inline]
    pub(super) fn next(&self) -> usize {
        self.free.last().copied().unwrap_or(self.slots.len())
    }

    /// Whether the next slot has to be made first.
    #[inline]
    pub(super) fn are_full(&self) -> bool {
        self.free.is_empty()
    }

    /// Adds a slot.
    pub(super) fn add(&mut self, waker: Waker) {
        let slot = self.slots.len();
        self.slots.push(Slot { future: Box::pin(None), waker });
        // Room for every slot, so that freeing one never allocates.
        self.free.reserve(self.slots.len());
        self.free.push(slot);
    }

    /// Adds slots until there are `count`, to be taken after those that are free now, the first one first.
    pub(super) fn reserve(&mut self, count: usize, mut waker: impl FnMut(usize) -> Waker) {
        let present = self.slots.len();
        self.slots.reserve_exact(count.saturating_sub(present));
        self.slots.extend((present..count).map(|slot| Slot { future: Box::pin(None), waker: waker(slot) }));
        // Room for every slot, so that freeing one never allocates.
        self.free.reserve_exact(self.slots.len() - self.free.len());
        self.free.splice(..0, (present..count).rev());
    }

    /// Puts a future into the next slot.
    pub(super) fn fill(&mut self, future: F) {
        let next = self.next();
        self.slots[next].future.set(Some(future));
        self.free.pop();
    }

    /// Polls a future in the next slot and leaves it there if it is pending.
    #[inline(always)]
    pub(super) fn start(&mut self, future: F) -> Poll<F::Output> {
        let next = self.next();
        let slot = &mut self.slots[next];
        let mut tenant = Tenant { future: slot.future.as_mut(), leave: || () };
        tenant.future.set(Some(future));
        match tenant.poll(&slot.waker) {
            Some(Poll::Ready(output)) => Poll::Ready(output),
            _ => {
                self.free.pop();
                Poll::Pending
            }
        }
    }

    /// Begins to poll one slot after the other.
    #[inline(always)]
    pub(super) fn visit(&mut self) -> Visit<'_, F> {
        Visit { slots: self, polled: 0 }
    }

    /// Drops what is in a slot; says whether anything was.
    pub(super) fn vacate(&mut self, index: usize) -> bool {
        let Some(slot) = self.slots.get_mut(index) else { return false };
        let occupied = slot.future.is_some();
        if occupied {
            drop(Tenant { future: slot.future.as_mut(), leave: || self.free.push(index) });
        }
        occupied
    }

    /// Drops everything, the last slot first, so that the first slot is the next one taken.
    pub(super) fn clear(&mut self) {
        for index in (0..self.slots.len()).rev() {
            self.vacate(index);
        }
    }
}

/// A visitor that polls slots. Dropping this, which only a panic in a poll does, vacates the slot that was polled last.
pub(super) struct Visit<'s, F: Future> {
    slots: &'s mut Slots<F>,
    polled: usize,
}

impl<F: Future> Visit<'_, F> {
    /// Polls what is in a slot, if anything is, and frees the slot if it finishes or panics.
    #[inline(always)]
    pub(super) fn poll(&mut self, index: usize) -> Option<Poll<F::Output>> {
        let Slots { slots, free } = &mut *self.slots;
        let Slot { future, waker } = slots.get_mut(index)?;
        let present = future.as_mut().as_pin_mut()?;
        self.polled = index;
        let poll = present.poll(&mut Context::from_waker(waker));
        if poll.is_ready() {
            // First: should the future's drop panic, the slot is still free.
            free.push(index);
            future.set(None);
        }
        Some(poll)
    }

    /// Ends the visit: no poll has panicked.
    #[inline(always)]
    pub(super) fn end(self) {
        mem::forget(self);
    }
}

impl<F: Future> Drop for Visit<'_, F> {
    #[cold]
    fn drop(&mut self) {
        self.slots.vacate(self.polled);
    }
}

/// A future in its slot. Dropping this, also by a panic, drops the future and leaves the slot.
struct Tenant<'a, F, L: FnMut()> {
    future: Pin<&'a mut Option<F>>,
    leave: L,
}

impl<F: Future, L: FnMut()> Tenant<'_, F, L> {
    #[inline(always)]
    fn poll(mut self, waker: &Waker) -> Option<Poll<F::Output>> {
        match self.future.as_mut().as_pin_mut()?.poll(&mut Context::from_waker(waker)) {
            Poll::Pending => {
                mem::forget(self);
                Some(Poll::Pending)
            }
            ready => Some(ready),
        }
    }
}

impl<F, L: FnMut()> Drop for Tenant<'_, F, L> {
    #[inline(always)]
    fn drop(&mut self) {
        // First: should the future's drop panic, the slot is still free.
        (self.leave)();
        self.future.set(None);
    }
}
