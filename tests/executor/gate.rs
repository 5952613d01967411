//! Executors that share a gate, and executors within tasks.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::thread;

use fourfold::executor::{Budget, Executor};

use super::record::{Handle, Record, Task, eager, poll, task};

#[test]
fn a_wake_after_the_last_tick_brings_the_parent_back() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut executor = Executor::new();
    executor.start(task(&record, "a", 2, &handle));
    {
        let parent = record.parent();
        let cx = &Context::from_waker(&parent);
        let _inside = executor.gate().enter(cx);
        let again = executor.gate().enter(cx);
        assert!(!executor.begin_tick());
        handle.wake();
        drop(again);
        assert_eq!(record.take(), ["poll a"]);
    }
    assert_eq!(record.take(), ["wake parent"]);
}

#[test]
fn a_call_that_a_member_did_not_answer_brings_the_parent_back() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut neglected = Executor::new();
    let mut polled: Executor<Task> = neglected.sibling();
    neglected.start(task(&record, "a", 2, &handle));
    assert!(poll(&mut neglected, &record).is_pending());
    let waker = handle.waker();
    thread::spawn(move || waker.wake()).join().unwrap();
    assert_eq!(record.take(), ["poll a", "wake parent"]);
    {
        let _inside = polled.gate().enter(&Context::from_waker(&record.parent()));
        assert!(!polled.begin_tick());
    }
    assert_eq!(record.take(), ["wake parent"]);
    assert_eq!(poll(&mut neglected, &record), Poll::Ready(Some((0, ()))));
}

#[test]
fn siblings_wake_each_other_without_the_parent() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut names = Executor::new();
    let mut numbers = names.sibling::<Task<u8>>();
    names.start(task(&record, "a", 2, &handle));
    let (noting, waker) = (record.clone(), handle.waker());
    numbers.spawn(Box::pin(async move {
        noting.note("poll 7");
        waker.wake();
        7
    }));
    {
        let _inside = names.gate().enter(&Context::from_waker(&record.parent()));
        let mut budget = Budget::default();
        assert!(!names.begin_tick() && numbers.begin_tick());
        assert_eq!(numbers.next_in_tick(&mut budget), Some((0, 7)));
        assert!(names.begin_tick());
        assert_eq!(names.next_in_tick(&mut budget), Some((0, ())));
    }
    assert_eq!(record.take(), ["poll a", "poll 7", "poll a"]);
}

#[test]
fn a_sibling_polled_later_still_brings_the_parent_back() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut first = Executor::new();
    let mut second: Executor<Task> = first.sibling();
    first.start(task(&record, "first", 2, &handle));
    let waker = handle.waker();
    second.spawn(Box::pin(poll_fn(move |_| {
        waker.wake_by_ref();
        Poll::Pending
    })));
    assert!(poll(&mut first, &record).is_pending());
    record.take();
    // `first` sleeps already; `second` wakes one of its tasks.
    assert!(poll(&mut second, &record).is_pending());
    assert_eq!(record.take(), ["wake parent"]);
    assert_eq!(poll(&mut first, &record), Poll::Ready(Some((0, ()))));
}

#[test]
fn executors_nest() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut inner = Executor::new();
    inner.spawn(eager(&record, "inner", 3));
    inner.spawn(task(&record, "waiting", 2, &handle));
    let mut outer: Executor<Task<usize>> = Executor::new();
    let nested = outer.spawn(Box::pin(async move {
        let mut finished = 0;
        while inner.next().await.is_some() {
            finished += 1;
        }
        finished
    }));
    let waiting = handle.clone();
    let mut turns = 0;
    outer.spawn(Box::pin(poll_fn(move |cx| {
        turns += 1;
        if turns == 2 {
            waiting.wake();
            return Poll::Ready(0);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })));
    assert!(poll(&mut outer, &record).is_pending());
    assert_eq!(record.take(), ["poll inner", "poll waiting", "wake parent"]);
    assert_eq!(poll(&mut outer, &record), Poll::Ready(Some((1, 0))));
    assert!(poll(&mut outer, &record).is_pending());
    assert_eq!(record.take(), ["poll inner", "wake parent"]);
    assert_eq!(poll(&mut outer, &record), Poll::Ready(Some((nested, 2))));
    assert_eq!(record.take(), ["poll inner", "poll waiting"]);
}
