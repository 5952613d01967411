//! How the turn of a run gets one of its own parts polled again.

use core::{
    cell::RefCell,
    task::{Context, Poll, Waker},
};

use core::future::poll_fn;

/// One part waits at it, the turn rings it. Ringing from inside the run's own poll costs a bit in the ready set.
#[derive(Default)]
pub(crate) struct WakerRegistration {
    waker: RefCell<Option<Waker>>,
}

impl WakerRegistration {
    /// Waits until `check` gives something; it is asked again at each ring.
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

    /// Has the waiting part, if there is one, check again.
    pub(crate) fn ring(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}
