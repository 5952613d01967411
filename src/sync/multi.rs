//! Many wakers that wait.

use alloc::vec::Vec;
use core::{
    cell::RefCell,
    fmt,
    task::{Context, Waker},
};

/// The wakers of futures that wait for another one of the same thread. Each checks its condition again when it is polled.
#[derive(Default)]
pub(crate) struct MultiWakerRegistration {
    waiting: RefCell<Vec<Waker>>,
}

impl MultiWakerRegistration {
    /// Has the task of `cx` woken by the next [`notify`](Self::notify).
    pub(crate) fn wait(&self, cx: &Context<'_>) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
    }

    /// Wakes all tasks that wait.
    pub(crate) fn notify(&self) {
        loop {
            // Taken out one by one: a waker may run any code, and wait here again.
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
