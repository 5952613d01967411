//! A wake between futures of one thread.

use alloc::vec::Vec;
use core::{
    cell::RefCell,
    fmt,
    task::{Context, Waker},
};

/// Wakes whoever waits. It carries no state of its own: a waiter checks its condition again each time it is polled.
#[derive(Default)]
pub(crate) struct MultiWakerRegistration {
    waiting: RefCell<Vec<Waker>>,
}

impl MultiWakerRegistration {
    /// The task of `cx` is woken by the next [`notify`](Self::notify).
    pub(crate) fn wait(&self, cx: &Context<'_>) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
    }

    /// Wakes all who wait. One waiter is the common case and costs no allocation.
    pub(crate) fn notify(&self) {
        loop {
            // Taken out one by one: a waker may do anything, waiting here again included.
            let next = self.waiting.borrow_mut().pop();
            match next {
                Some(waker) => waker.wake(),
                None => return,
            }
        }
    }
}

impl fmt::Debug for MultiWakerRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultiWakerRegistration").field("waiting", &self.waiting.borrow().len()).finish()
    }
}
