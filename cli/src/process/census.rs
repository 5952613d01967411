//! How many processes there are, for those who wait until there are fewer.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

/// The processes that live.
#[derive(Clone, Debug, Default)]
pub(super) struct Census(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    alive: Cell<usize>,
    waiting: RefCell<Vec<Waker>>,
}

/// One of them. Dropped, it is counted no more.
#[derive(Debug)]
pub(super) struct Counted(Rc<Inner>);

impl Census {
    /// Counts one more.
    pub(super) fn enter(&self) -> Counted {
        self.0.alive.set(self.0.alive.get() + 1);
        Counted(Rc::clone(&self.0))
    }

    /// Returns how many there are.
    pub(super) fn alive(&self) -> usize {
        self.0.alive.get()
    }

    /// Waits until there are fewer than `count`.
    pub(super) async fn below(&self, count: usize) {
        poll_fn(|cx| {
            if self.alive() < count {
                return Poll::Ready(());
            }
            self.0.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.alive.set(self.0.alive.get() - 1);
        self.0.waiting.take().into_iter().for_each(Waker::wake);
    }
}
