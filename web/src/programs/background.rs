//! An executor in the background, like that of a runtime: its tasks outlive the function that started them.

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

    /// Starts a future and discards its result. The future may not start others itself.
    pub(super) fn spawn<T>(&self, future: impl Future<Output = T> + 'a) {
        let future: Boxed<'a> = Box::pin(async move { drop(future.await) });
        self.tasks.borrow_mut().start(future);
    }

    /// Awaits a future while the tasks in the background run.
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

    /// Waits until all tasks have ended.
    pub(super) async fn join(&self) {
        while poll_fn(|cx| self.tasks.borrow_mut().poll_next(cx)).await.is_some() {}
    }
}
