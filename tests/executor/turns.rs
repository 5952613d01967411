//! Ticks, turns and the order of slots.

use std::future::{pending, poll_fn};
use std::task::{Context, Poll};

use fourfold::executor::{Budget, Executor, POLLS_PER_TURN, Start};

use super::record::{Handle, NOTHING, Record, eager, poll, task};

#[test]
fn ready_at_once_meets_nothing() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut executor = Executor::new();
    assert_eq!(executor.start(task(&record, "a", 1, &handle)), Start::Finished(()));
    assert_eq!((executor.len(), executor.next_slot(), executor.is_ready()), (0, 0, false));
    assert_eq!(poll(&mut executor, &record), Poll::Ready(None));
    assert_eq!(record.take(), ["poll a"]);
}

#[test]
fn spawned_is_polled_first_in_the_next_tick() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut executor = Executor::new();
    assert_eq!(executor.spawn(task(&record, "a", 1, &handle)), 0);
    assert_eq!(executor.spawn(task(&record, "b", 1, &handle)), 1);
    assert_eq!(record.take(), NOTHING);
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((0, ()))));
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((1, ()))));
    assert_eq!(record.take(), ["poll a", "poll b"]);
}

#[test]
fn a_self_waker_does_not_starve_the_others() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut executor = Executor::new();
    executor.spawn(eager(&record, "greedy", 4));
    executor.spawn(eager(&record, "modest", 2));
    executor.spawn(task(&record, "ready", 1, &handle));
    // Each in a turn of its own, which what is returned does not end.
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((2, ()))));
    assert!(poll(&mut executor, &record).is_pending());
    assert_eq!(record.take(), ["poll greedy", "poll modest", "poll ready", "wake parent"]);
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((1, ()))));
    assert!(poll(&mut executor, &record).is_pending());
    assert_eq!(record.take(), ["poll greedy", "poll modest", "wake parent"]);
    assert!(poll(&mut executor, &record).is_pending());
    assert_eq!(record.take(), ["poll greedy", "wake parent"]);
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((0, ()))));
    assert_eq!(record.take(), ["poll greedy"]);
}

#[test]
fn a_task_that_another_wakes_is_polled_in_the_same_turn() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut executor = Executor::new();
    executor.spawn(task(&record, "waiting", 2, &handle));
    executor.spawn(Box::pin(async move { handle.wake() }));
    executor.spawn(eager(&record, "greedy", 9));
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((1, ()))));
    assert_eq!(poll(&mut executor, &record), Poll::Ready(Some((0, ()))));
    assert!(poll(&mut executor, &record).is_pending());
    assert_eq!(record.take(), ["poll waiting", "poll greedy", "poll waiting", "wake parent"]);
}

#[test]
fn a_turn_ends_with_its_budget() {
    let record = Record::default();
    let handles = [Handle::default(), Handle::default()];
    let mut executor = Executor::new();
    // Two that wake each other, and would for ever.
    for own in [0, 1] {
        let (record, handles) = (record.clone(), handles.clone());
        executor.spawn(poll_fn(move |cx| {
            record.note("poll it");
            *handles[own].0.borrow_mut() = Some(cx.waker().clone());
            if let Some(waker) = &*handles[1 - own].0.borrow() {
                waker.wake_by_ref();
            }
            Poll::<()>::Pending
        }));
    }
    for _ in 0..2 {
        assert!(poll(&mut executor, &record).is_pending());
        let mut turn = record.take();
        assert_eq!(turn.pop().as_deref(), Some("wake parent"));
        assert_eq!(turn, ["poll it"; POLLS_PER_TURN]);
    }
}

#[test]
fn a_tick_goes_on_where_the_budget_ended_it() {
    let (record, handle) = (Record::default(), Handle::default());
    let mut executor = Executor::new();
    for name in ["a", "b", "c"] {
        executor.spawn(task(&record, name, 2, &handle));
    }
    {
        let _inside = executor.gate().enter(&Context::from_waker(&record.parent()));
        let mut budget = Budget::new(2);
        assert!(executor.begin_tick());
        assert_eq!(executor.next_in_tick(&mut budget), None);
        assert!(budget.is_spent() && executor.is_ready());
    }
    // What is left brings the parent back.
    assert_eq!(record.take(), ["poll a", "poll b", "wake parent"]);
    let _inside = executor.gate().enter(&Context::from_waker(&record.parent()));
    assert!(executor.begin_tick());
    assert_eq!(executor.next_in_tick(&mut Budget::default()), None);
    assert_eq!(record.take(), ["poll c"]);
    assert!(!executor.begin_tick() && !executor.is_ready());
}

#[test]
fn slots_are_reused_last_freed_first() {
    let mut executor = Executor::new();
    for slot in 0..3 {
        assert_eq!(executor.next_slot(), slot);
        assert_eq!(executor.start(pending::<()>()), Start::Running(slot));
    }
    executor.cancel(0);
    executor.cancel(2);
    assert_eq!(executor.next_slot(), 2);
    assert_eq!(executor.spawn(pending()), 2);
    assert_eq!(executor.start(pending()), Start::Running(0));
    assert_eq!(executor.next_slot(), 3);
}
