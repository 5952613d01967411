//! What differs between builds: the model checker's atomics under `cfg(fourfold_loom)`, and whether threads can be told
//! apart.

#[cfg(not(fourfold_loom))]
pub(super) use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(fourfold_loom)]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use core::task::Waker;

/// Words in a group, each with a bit in the group's summary word. The model checker explores fewer.
#[cfg(not(fourfold_loom))]
pub(super) const WORDS: usize = usize::BITS as usize;
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

/// No thread at all.
pub(super) const NOBODY: usize = 0;

/// An address that no two living threads share.
#[cfg(all(feature = "std", not(fourfold_loom)))]
#[inline]
pub(super) fn this_thread() -> usize {
    std::thread_local!(static HERE: u8 = const { 0 });
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
    NOBODY
}
