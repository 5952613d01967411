//! A parent that records, and tasks that note when they are polled.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use fourfold::executor::Executor;

pub(crate) type Task<T = ()> = Pin<Box<dyn Future<Output = T>>>;

/// What happened, in order: `poll NAME` by tasks, `wake parent` by the parent's waker.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().expect("no test panics while it notes").push(what.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics while it notes"))
    }

    pub(crate) fn parent(&self) -> Waker {
        struct Parent(Record);
        impl Wake for Parent {
            fn wake(self: Arc<Self>) {
                self.0.note("wake parent");
            }
        }
        Waker::from(Arc::new(Parent(self.clone())))
    }
}

pub(crate) const NOTHING: [&str; 0] = [];

/// The wakers of a task's polls, kept for the test to wake.
#[derive(Clone, Default)]
pub(crate) struct Handle(pub(crate) Rc<RefCell<Option<Waker>>>);

impl Handle {
    pub(crate) fn waker(&self) -> Waker {
        self.0.borrow().clone().expect("the task has been polled")
    }

    pub(crate) fn wake(&self) {
        self.waker().wake();
    }
}

/// A task that notes each poll, keeps its waker in `handle`, and is ready at poll number `polls`.
pub(crate) fn task(record: &Record, name: &'static str, polls: usize, handle: &Handle) -> Task {
    let (record, handle, mut left) = (record.clone(), handle.clone(), polls);
    Box::pin(poll_fn(move |cx| {
        record.note(format!("poll {name}"));
        *handle.0.borrow_mut() = Some(cx.waker().clone());
        left -= 1;
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    }))
}

/// A task that wakes itself in each of its polls but the last.
pub(crate) fn eager(record: &Record, name: &'static str, polls: usize) -> Task {
    let (record, mut left) = (record.clone(), polls);
    Box::pin(poll_fn(move |cx| {
        record.note(format!("poll {name}"));
        left -= 1;
        if left == 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }))
}

pub(crate) fn poll<F: Future>(executor: &mut Executor<F>, record: &Record) -> Poll<Option<(usize, F::Output)>> {
    executor.poll_next(&mut Context::from_waker(&record.parent()))
}
