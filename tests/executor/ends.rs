//! How tasks end other than by finishing: panics, cancels and drops.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use fourfold::executor::{Executor, Start};

use super::record::{Handle, Record, Task, poll, task};

#[test]
fn a_panic_frees_the_slot_and_the_rest_goes_on() {
    let (record, handle) = (Record::default(), Handle::default());
    let dropped = Rc::new(Cell::new(0));
    let bomb = |at_once: bool| -> Task {
        let (guard, mut armed) = (CountDrop(dropped.clone()), at_once);
        Box::pin(poll_fn(move |_| {
            let _ = &guard;
            assert!(!armed, "boom");
            armed = true;
            Poll::Pending
        }))
    };
    let mut executor = Executor::new();
    executor.spawn(task(&record, "a", 1, &handle));
    let slot = executor.spawn(bomb(true));
    executor.spawn(task(&record, "b", 1, &handle));
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((0, ()))));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut executor, &record))).is_err());
    assert_eq!((dropped.get(), executor.len(), executor.next_slot()), (1, 1, slot));
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((2, ()))));
    // In the first poll of all, too.
    let next = executor.next_slot();
    assert!(catch_unwind(AssertUnwindSafe(|| executor.start(bomb(true)))).is_err());
    assert_eq!((dropped.get(), executor.len(), executor.next_slot()), (2, 0, next));
    assert_eq!(executor.start(bomb(false)), Start::Running(next));
    assert_eq!(record.take(), ["poll a", "poll b"]);
}

struct CountDrop(Rc<Cell<usize>>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn every_future_is_dropped_exactly_once() {
    let drops: Vec<_> = (0..4).map(|_| Rc::new(Cell::new(0))).collect();
    let task = |number: usize, ready: bool| {
        let guard = CountDrop(drops[number].clone());
        async move {
            let _guard = guard;
            if !ready {
                pending::<()>().await;
            }
        }
    };
    let count = || drops.iter().map(|count| count.get()).collect::<Vec<_>>();
    let mut executor = Executor::new();
    executor.start(task(0, true));
    assert_eq!(count(), [1, 0, 0, 0]);
    executor.start(task(1, false));
    executor.spawn(task(2, false));
    executor.start(task(3, false));
    assert!(executor.cancel(0));
    assert!(!executor.cancel(0) && !executor.cancel(99));
    assert_eq!((count(), executor.len()), (vec![1, 1, 0, 0], 2));
    assert!(poll(&mut executor, &Record::default()).is_pending());
    drop(executor);
    assert_eq!(count(), [1, 1, 1, 1]);
}

#[test]
fn clear_drops_all_and_begins_with_the_first_slot() {
    let record = Record::default();
    let drops = Rc::new(Cell::new(0));
    let mut executor = Executor::new();
    for _ in 0..100 {
        let guard = CountDrop(drops.clone());
        executor.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
    }
    assert!(executor.cancel(40));
    executor.clear();
    assert_eq!((drops.get(), executor.len(), executor.next_slot()), (100, 0, 0));
    assert_eq!(poll(&mut executor, &record), Poll::Ready(None));
}

/// Wakes a waker when dropped.
struct WakeOnDrop(Handle);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.wake();
    }
}

#[test]
fn a_drop_may_wake_others_and_itself() {
    let (record, handle, own) = (Record::default(), Handle::default(), Handle::default());
    let waking = |handle: &Handle| -> Task {
        let (guard, kept) = (WakeOnDrop(handle.clone()), own.clone());
        Box::pin(poll_fn(move |cx| {
            let _ = &guard;
            *kept.0.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        }))
    };
    let mut executor = Executor::new();
    executor.start(task(&record, "a", 2, &handle));
    executor.start(waking(&handle));
    executor.start(waking(&own));
    assert!(poll(&mut executor, &record).is_pending());
    executor.cancel(1);
    executor.cancel(2);
    assert_eq!(record.take(), ["poll a", "wake parent"]);
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((0, ()))));
    assert_eq!(record.take(), ["poll a"]);
    executor.start(waking(&own));
    drop(executor);
    own.wake();
}
