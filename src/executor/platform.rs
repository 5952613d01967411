//! What differs between builds: the model checker's atomics under `cfg(fourfold_loom)`, and whether threads can be told
//! apart.

use core::task::Waker;

#[cfg(not(fourfold_loom))]
pub(super) use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(fourfold_loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Words in a group, each with a bit in the group's summary word. The model checker explores fewer, and a microcontroller
/// has no memory for more.
#[cfg(not(any(fourfold_loom, target_os = "none")))]
pub(super) const WORDS: usize = usize::BITS as usize;
#[cfg(all(target_os = "none", not(fourfold_loom)))]
pub(super) const WORDS: usize = 2;
#[cfg(fourfold_loom)]
pub(super) const WORDS: usize = 2;

/// The waker of whoever polls the executors of a gate.
#[cfg(not(fourfold_loom))]
#[derive(Default)]
pub(super) struct Parent(atomic_waker::AtomicWaker);
#[cfg(fourfold_loom)]
#[derive(Default)]
pub(super) struct Parent(loom::future::AtomicWaker);

impl Parent {
    pub(super) fn register(&self, waker: &Waker) {
        #[cfg(not(fourfold_loom))]
        self.0.register(waker);
        #[cfg(fourfold_loom)]
        self.0.register_by_ref(waker);
    }

    pub(super) fn wake(&self) {
        self.0.wake();
    }

    /// Lets go of the waker. Wakers of tasks may live on for long; the parent's task should not have to.
    pub(super) fn release(&self) {
        #[cfg(not(fourfold_loom))]
        drop(self.0.take());
        #[cfg(fourfold_loom)]
        drop(self.0.take_waker());
    }
}

/// Whether a thread knows itself, so that a wake by the owner's thread can be told from one by another thread.
pub(super) const KNOWS_THREADS: bool = cfg!(any(feature = "std", fourfold_loom));

#[cfg(all(feature = "std", not(fourfold_loom)))]
std::thread_local!(static HERE: core::cell::Cell<usize> = const { core::cell::Cell::new(0) });

/// The bit of `HERE` that is set while an outermost poll is under way; the others are its number.
#[cfg(all(feature = "std", not(fourfold_loom)))]
const INSIDE: usize = 1;

/// The stamp of the outermost poll that is under way on this thread, or of the last one. It is never 0.
#[cfg(all(feature = "std", not(fourfold_loom)))]
#[inline]
pub(super) fn outer_poll() -> usize {
    HERE.get() | INSIDE
}

/// Gives the next outermost poll another stamp.
#[cfg(all(feature = "std", not(fourfold_loom)))]
#[inline]
pub(super) fn count_outer_poll() {
    HERE.set(HERE.get().wrapping_add(2 * INSIDE));
}

/// Whether an outermost poll is under way.
#[cfg(all(feature = "std", not(fourfold_loom)))]
#[inline]
pub(super) fn is_in_poll() -> bool {
    HERE.get() & INSIDE != 0
}

/// Begins a poll; says whether it is the outermost one.
#[cfg(all(feature = "std", not(fourfold_loom)))]
#[inline]
pub(super) fn enter_poll() -> bool {
    let is_outermost = !is_in_poll();
    HERE.set(HERE.get() | INSIDE);
    is_outermost
}

/// Ends the outermost poll.
#[cfg(all(feature = "std", not(fourfold_loom)))]
#[inline]
pub(super) fn leave_outermost_poll() {
    HERE.set(HERE.get() & !INSIDE);
}

/// Without threads that know themselves, every poll of a scope is treated as an outermost one.
#[cfg(not(all(feature = "std", not(fourfold_loom))))]
pub(super) fn outer_poll() -> usize {
    1
}

#[cfg(not(all(feature = "std", not(fourfold_loom))))]
pub(super) fn count_outer_poll() {}

#[cfg(not(all(feature = "std", not(fourfold_loom))))]
pub(super) fn is_in_poll() -> bool {
    false
}

#[cfg(not(all(feature = "std", not(fourfold_loom))))]
pub(super) fn enter_poll() -> bool {
    true
}

#[cfg(not(all(feature = "std", not(fourfold_loom))))]
pub(super) fn leave_outermost_poll() {}

/// An address that no two living threads share.
#[cfg(all(feature = "std", not(fourfold_loom)))]
#[inline]
pub(super) fn this_thread() -> usize {
    HERE.with(|here| core::ptr::from_ref(here).addr())
}

#[cfg(fourfold_loom)]
pub(super) fn this_thread() -> usize {
    loom::thread_local!(static HERE: alloc::boxed::Box<u8> = alloc::boxed::Box::new(0));
    HERE.with(|here| core::ptr::from_ref::<u8>(here).addr())
}

/// Without `std` a thread does not know itself, so every wake is treated as one from elsewhere.
#[cfg(not(any(feature = "std", fourfold_loom)))]
#[inline]
pub(super) fn this_thread() -> usize {
    0
}
