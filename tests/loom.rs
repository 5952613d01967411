//! The wake against the sleep, in every order that the memory model allows:
//! `RUSTFLAGS="--cfg fourfold_loom" cargo test --release --no-default-features --features std --test loom`
//!
//! A wake that gets lost leaves its task waiting for ever, which the model checker reports as a deadlock.
#![cfg(fourfold_loom)]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use fourfold::executor::{Budget, Executor};
use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// A task that has another thread set a flag and wake it, and is ready once it sees the flag. The flag itself
/// orders nothing: that it is seen after the wake is the executor's doing.
fn woken_by_a_thread() -> Task {
    let flag = Arc::new(AtomicBool::new(false));
    let mut started = false;
    Box::pin(poll_fn(move |cx| {
        if !started {
            started = true;
            let (flag, waker) = (flag.clone(), cx.waker().clone());
            thread::spawn(move || {
                flag.store(true, Ordering::Relaxed);
                waker.wake();
            });
        }
        if flag.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    }))
}

/// With two threads besides the parent's, every order is too many: those with at most two preemptions, where loom's
/// authors found nearly all mistakes to be.
fn model_of_three_threads(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(test);
}

#[test]
fn a_wake_is_not_lost() {
    loom::model(|| {
        let mut executor = Executor::new();
        executor.spawn(woken_by_a_thread());
        assert_eq!(block_on(executor.next()), Some((0, ())));
        assert_eq!(block_on(executor.next()), None);
    });
}

#[test]
fn neither_of_two_wakes_is_lost() {
    model_of_three_threads(|| {
        let mut executor = Executor::new();
        executor.start(woken_by_a_thread());
        executor.start(woken_by_a_thread());
        block_on(async { while executor.next().await.is_some() {} });
        assert!(executor.is_empty());
    });
}

#[test]
fn a_wake_is_not_lost_between_siblings() {
    model_of_three_threads(|| {
        let mut first = Executor::new();
        let mut second = first.sibling();
        first.spawn(woken_by_a_thread());
        second.spawn(woken_by_a_thread());
        block_on(poll_fn(|cx| {
            let _inside = first.gate().enter(cx);
            // So little that a poll never gets through everything.
            let mut budget = Budget::new(1);
            for executor in [&mut first, &mut second] {
                if executor.begin_tick() {
                    while executor.next_in_tick(&mut budget).is_some() {}
                }
                if budget.is_spent() {
                    break;
                }
            }
            if first.is_empty() && second.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        }));
    });
}

#[test]
fn a_wake_may_meet_the_end() {
    loom::model(|| {
        let mut executor = Executor::new();
        executor.start(woken_by_a_thread());
        drop(executor);
    });
}
