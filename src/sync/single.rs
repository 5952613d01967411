//! One waker that waits.

use core::{
    cell::RefCell,
    future::poll_fn,
    task::{Context, Poll, Waker},
};

/// The waker of one future that waits for another one of the same thread.
#[derive(Default)]
pub(crate) struct WakerRegistration {
    waker: RefCell<Option<Waker>>,
}

impl WakerRegistration {
    /// Waits until `check` returns something. It is called again after each [`wake`](Self::wake).
    pub(crate) async fn until<T>(&self, mut check: impl FnMut() -> Option<T>) -> T {
        poll_fn(|cx| match check() {
            Some(value) => Poll::Ready(value),
            None => {
                self.attach(cx);
                Poll::Pending
            }
        })
        .await
    }

    fn attach(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &*waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
    }

    /// Wakes the future that waits, if there is one.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}
