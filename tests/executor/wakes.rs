//! Wakes: early, late, doubled, from elsewhere.

use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::thread;

use fourfold::executor::{Executor, Start};

use super::record::{Handle, NOTHING, Record, poll, task};

#[test]
fn woken_twice_polled_once() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut executor = Executor::new();
    executor.start(task(&record, "a", 3, &handle));
    assert!(poll(&mut executor, &record).is_pending());
    handle.wake();
    handle.wake();
    assert!(poll(&mut executor, &record).is_pending());
    assert!(poll(&mut executor, &record).is_pending());
    handle.wake();
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((0, ()))));
    assert_eq!(record.take(), ["poll a", "wake parent", "poll a", "wake parent", "poll a"]);
}

#[test]
fn a_wake_after_completion_polls_nobody() {
    let (record, first, second) = (Record::default(), Handle::default(), Handle::default());
    let mut executor = Executor::new();
    executor.start(task(&record, "a", 2, &first));
    executor.start(task(&record, "b", 2, &second));
    first.wake();
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((0, ()))));
    assert!(poll(&mut executor, &record).is_pending());
    first.wake();
    assert!(poll(&mut executor, &record).is_pending());
    assert_eq!(record.take(), ["poll a", "poll b", "poll a", "wake parent"]);
}

#[test]
fn a_stale_wake_polls_the_new_occupant_once_in_vain() {
    let (record, old, new) = (Record::default(), Handle::default(), Handle::default());
    let mut executor = Executor::new();
    executor.start(task(&record, "old", 2, &old));
    old.wake();
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((0, ()))));
    assert_eq!(executor.start(task(&record, "new", 3, &new)), Start::Running(0));
    assert!(poll(&mut executor, &record).is_pending());
    old.wake();
    assert!(poll(&mut executor, &record).is_pending());
    assert_eq!(record.take(), ["poll old", "poll old", "poll new", "wake parent", "poll new"]);
    assert!(poll(&mut executor, &record).is_pending());
    assert_eq!(record.take(), NOTHING);
}

#[test]
fn a_spawn_while_the_parent_sleeps_wakes_it() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut executor = Executor::new();
    executor.spawn(task(&record, "a", 2, &handle));
    assert!(poll(&mut executor, &record).is_pending());
    executor.spawn(task(&record, "b", 1, &handle));
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((1, ()))));
    assert_eq!(record.take(), ["poll a", "wake parent", "poll b"]);
}

#[test]
fn wakes_from_other_threads_wake_the_parent_once() {
    const TASKS: usize = 200;
    let record = Record::default();
    let handles: Vec<_> = (0..TASKS).map(|_| Handle::default()).collect();
    let mut executor = Executor::new();
    for handle in &handles {
        executor.start(task(&record, "it", 3, handle));
    }
    assert!(poll(&mut executor, &record).is_pending());
    record.take();
    let wakers: Vec<_> = handles.iter().map(Handle::waker).collect();
    thread::scope(|scope| {
        for some in wakers.chunks(50) {
            scope.spawn(|| some.iter().for_each(Waker::wake_by_ref));
        }
    });
    assert_eq!(record.take(), ["wake parent"]);
    assert!(poll(&mut executor, &record).is_pending());
    assert_eq!(record.take(), ["poll it"; TASKS]);
    // Having been answered, the next call wakes the parent again.
    let waker = wakers[7].clone();
    thread::spawn(move || waker.wake()).join().unwrap();
    assert_eq!(record.take(), ["wake parent"]);
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((7, ()))));
}

#[test]
fn wakes_from_another_thread_lose_nothing() {
    const TASKS: usize = 64;
    const WAKES: usize = 2_000;
    let (send, receive) = std::sync::mpsc::channel::<Waker>();
    let other = thread::spawn(move || receive.into_iter().for_each(Waker::wake));
    let mut executor = Executor::new();
    for _ in 0..TASKS {
        let (send, mut left) = (send.clone(), WAKES / TASKS);
        executor.spawn(poll_fn(move |cx| {
            left -= 1;
            if left == 0 {
                return Poll::Ready(());
            }
            send.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }));
    }
    drop(send);
    let finished = futures_lite::future::block_on(async {
        let mut finished = 0;
        while executor.next().await.is_some() {
            finished += 1;
        }
        finished
    });
    assert_eq!(finished, TASKS);
    drop(executor);
    other.join().unwrap();
}

#[test]
fn one_ready_among_many_is_one_poll() {
    const TASKS: usize = 10_000;
    let record = Record::default();
    let handles: Vec<_> = (0..TASKS).map(|_| Handle::default()).collect();
    let mut executor = Executor::new();
    for handle in &handles {
        executor.start(task(&record, "it", 3, handle));
    }
    assert!(poll(&mut executor, &record).is_pending());
    record.take();
    for slot in [0, 63, 64, 4095, 4096, 9_999] {
        handles[slot].wake();
        assert!(poll(&mut executor, &record).is_pending());
        assert_eq!(record.take(), ["wake parent", "poll it"]);
        let waker = handles[slot].waker();
        thread::spawn(move || waker.wake()).join().unwrap();
        assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((slot, ()))));
        assert!(poll(&mut executor, &record).is_pending());
        assert_eq!(record.take(), ["wake parent", "poll it"]);
    }
}

#[test]
fn wakers_outlive_the_executor() {
    let (record, handle, other) = (Record::default(), Handle::default(), Handle::default());
    let mut executor = Executor::new();
    let mut sibling = executor.sibling();
    executor.start(task(&record, "a", 2, &handle));
    sibling.start(task(&record, "b", 2, &other));
    handle.wake();
    drop(executor);
    assert!(poll(&mut sibling, &record).is_pending());
    // Whatever the dead executor's wakers do, the living one does not come back for it again and again.
    handle.wake();
    assert!(poll(&mut sibling, &record).is_pending());
    assert_eq!(record.take(), ["poll a", "poll b"]);
    other.wake();
    assert_eq!(poll(&mut sibling, &record), Poll::Ready(Some((0, ()))));
    drop(sibling);
    let waker = handle.waker();
    thread::spawn(move || waker.wake()).join().unwrap();
    assert_eq!(record.take(), ["wake parent", "poll b"]);
}
