//! Faults that are injected into single tasks.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{
    cell::RefCell,
    future::poll_fn,
    pin::pin,
    task::{Poll, Waker},
    time::Duration,
};

use crate::{Clock, Failure, Task, TaskId, Work};

/// What befalls one attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Fail,
    Panic,
    Slow(Duration),
}

/// The faults to come, and who is to be woken for them.
#[derive(Default)]
pub(super) struct Faults {
    faults: RefCell<BTreeMap<TaskId, Vec<Fault>>>,
    running: RefCell<BTreeMap<TaskId, Waker>>,
}

impl Faults {
    pub(super) fn inject(&self, task: TaskId, fault: Fault) {
        self.faults.borrow_mut().entry(task).or_default().push(fault);
        let waker = self.running.borrow_mut().remove(&task);
        // Woken when nothing is borrowed any more.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn take(&self, task: TaskId) -> Vec<Fault> {
        self.faults.borrow_mut().remove(&task).unwrap_or_default()
    }

    /// Acts a task out as it is written, but for its faults.
    pub(super) async fn act<C: Clock>(&self, clock: &C, task: &Task<Work>) -> Result<(), Failure> {
        let mut delay = Duration::ZERO;
        let mut work = pin!(task.payload.act(clock, task.attempt));
        let result = poll_fn(|cx| {
            for fault in self.take(task.id) {
                match fault {
                    Fault::Fail => return Poll::Ready(Err(Failure::transient("injected failure"))),
                    Fault::Panic => return Poll::Ready(Err(Failure::panicked("injected panic"))),
                    Fault::Slow(by) => delay += by,
                }
            }
            let poll = work.as_mut().poll(cx);
            if poll.is_pending() {
                self.running.borrow_mut().insert(task.id, cx.waker().clone());
            }
            poll
        })
        .await;
        self.running.borrow_mut().remove(&task.id);
        if delay > Duration::ZERO && result.is_ok() {
            clock.sleep(delay).await;
        }
        result
    }
}
