//! An executor beside the program, as the one of a runtime is: what is started in it outlives the function that started it.

use core::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
};

use fourfold::executor::Executor;

type Boxed<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

pub(super) struct Background<'a> {
    tasks: RefCell<Executor<Boxed<'a>>>,
}

impl<'a> Background<'a> {
    pub(super) fn new() -> Self {
        Self { tasks: RefCell::default() }
    }

    /// Starts a future and lets go of it: what it comes to is nobody's. It may not start others itself.
    pub(super) fn spawn<T>(&self, future: impl Future<Output = T> + 'a) {
        let future: Boxed<'a> = Box::pin(async move { drop(future.await) });
        self.tasks.borrow_mut().start(future);
    }

    /// Awaits something while the background goes on.
    pub(super) async fn drive<T>(&self, body: impl Future<Output = T>) -> T {
        let mut body = pin!(body);
        poll_fn(|cx| {
            let polled = body.as_mut().poll(cx);
            if polled.is_pending() {
                while let Poll::Ready(Some(_)) = self.tasks.borrow_mut().poll_next(cx) {}
            }
            polled
        })
        .await
    }

    /// Waits until nothing is running.
    pub(super) async fn join(&self) {
        while poll_fn(|cx| self.tasks.borrow_mut().poll_next(cx)).await.is_some() {}
    }
}
