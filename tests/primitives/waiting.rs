//! What it is to wait: in order, woken once and for one's own reason, and nothing is left behind.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use fourfold::{
    Clock, Permits,
    clock::SimulatedClock,
    scope::{Acquire, Closed, PushError, batch_with, worker_pool_with},
    worker_pool,
};
use futures_lite::future::zip;

use super::{ms, nz, poll, turn};

/// A waker that counts.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Something that waits, with a waker of its own.
struct Waiter<F> {
    future: Pin<Box<F>>,
    wakes: Arc<Count>,
}

impl<F: Future> Waiter<F> {
    fn new(future: F) -> Self {
        let mut waiter = Self { future: Box::pin(future), wakes: Arc::default() };
        assert!(waiter.poll().is_none(), "it has to wait");
        waiter
    }

    fn poll(&mut self) -> Option<F::Output> {
        match self.future.as_mut().poll(&mut Context::from_waker(&Waker::from(self.wakes.clone()))) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    fn wakes(&self) -> usize {
        self.wakes.0.swap(0, Ordering::Relaxed)
    }
}

#[test]
fn those_who_push_to_a_full_queue_are_woken_once_each_and_in_order() {
    const PUSHES: usize = 1000;
    let clock = SimulatedClock::new();
    let handled = RefCell::new(Vec::new());
    let handler = async |n, _: &_| {
        clock.sleep(ms(1)).await;
        handled.borrow_mut().push(n);
    };
    clock
        .run(worker_pool(nz(1), nz(1), handler, async |queue| {
            queue.push(0).await.unwrap();
            turn().await;
            queue.push(1).await.unwrap();
            let mut waiters: Vec<_> = (2..PUSHES).map(|n| Waiter::new(queue.push(n))).collect();
            for n in 0..waiters.len() {
                // One task ends, one place is free, one push is woken: the one that came first.
                clock.sleep(ms(1)).await;
                turn().await;
                let woken: Vec<usize> = (0..waiters.len()).filter(|n| waiters[*n].wakes() > 0).collect();
                assert_eq!(woken, [n]);
                assert_eq!(waiters[n].poll(), Some(Ok(())));
            }
        }))
        .unwrap()
        .unwrap();
    assert_eq!(handled.into_inner(), (0..PUSHES).collect::<Vec<_>>());
}

#[test]
fn a_push_is_not_woken_when_something_ends_that_frees_no_place() {
    let clock = SimulatedClock::new();
    let handler = async |(), _: &_| clock.sleep(ms(1)).await;
    let permits = Permits::new(nz(1));
    clock
        .run(worker_pool_with(&permits, nz(1), nz(1), handler, async |queue| {
            queue.push(()).await.unwrap();
            turn().await;
            let held = permits.acquire();
            queue.push(()).await.unwrap();
            let mut push = Waiter::new(queue.push(()));
            let mut join = Waiter::new(queue.join());
            let elsewhere = held.await;
            assert_eq!((push.wakes(), join.wakes()), (0, 0), "a task has ended, and its permit went elsewhere");
            drop(elsewhere);
            turn().await;
            assert_eq!((push.wakes(), join.wakes()), (1, 0));
            assert_eq!(push.poll(), Some(Ok(())));
            queue.join().await;
            assert_eq!((push.wakes(), join.wakes(), join.poll()), (0, 1, Some(())));
        }))
        .unwrap()
        .unwrap();
}

#[cfg(feature = "std")]
#[test]
fn a_queue_that_is_never_idle_keeps_nothing_for_those_who_have_waited() {
    let peak = |pushes: usize| {
        super::block_on(turn());
        let run = || {
            let handler = async |_, _: &_| turn().await;
            super::block_on(worker_pool(nz(1), nz(1), handler, async |queue| {
                for n in 0..pushes {
                    // Each with a waker of its own.
                    let waker = Waker::from(Arc::new(Count::default()));
                    let mut push = std::pin::pin!(queue.push(n));
                    while push.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                        turn().await;
                    }
                }
            }))
            .unwrap();
        };
        let info = allocation_counter::measure(run);
        assert_eq!(info.count_current, 0, "something was leaked: {info:?}");
        info.bytes_max
    };
    let (few, many) = (peak(100), peak(100_000));
    assert!(many <= few, "{many} bytes at the peak, {few} with a hundred pushes");
}

#[test]
fn a_join_counts_from_its_first_poll() {
    let clock = SimulatedClock::new();
    let handler = async |(), _: &_| clock.sleep(ms(1)).await;
    clock
        .run(worker_pool(nz(1), nz(2), handler, async |queue| {
            queue.push(()).await.unwrap();
            let join = queue.join();
            queue.join().await;
            for _ in 0..2 {
                queue.push(()).await.unwrap();
            }
            join.await;
            assert_eq!(queue.unfinished(), 0);
        }))
        .unwrap()
        .unwrap();
}

#[test]
fn a_join_that_is_dropped_leaves_nothing_behind() {
    let clock = SimulatedClock::new();
    let handler = async |(), _: &_| clock.sleep(ms(1)).await;
    clock
        .run(worker_pool(nz(1), nz(2), handler, async |queue| {
            queue.push(()).await.unwrap();
            let (dropped, mut kept) = (Waiter::new(queue.join()), Waiter::new(queue.join()));
            let wakes = dropped.wakes.clone();
            drop(dropped);
            assert_eq!(Arc::strong_count(&wakes), 1, "its waker is gone");
            queue.join().await;
            assert_eq!((wakes.0.load(Ordering::Relaxed), kept.wakes(), kept.poll()), (0, 1, Some(())));
        }))
        .unwrap()
        .unwrap();
}

#[test]
fn a_newcomer_does_not_overtake_from_within_a_wake() {
    /// Takes what it can get, the moment it is woken.
    struct Grabber;
    impl Wake for Grabber {
        fn wake(self: Arc<Self>) {
            GRABBED
                .with_borrow_mut(|(permits, grabbed)| grabbed.extend(permits.as_ref().and_then(Permits::try_acquire)));
        }
    }
    type Grabbed = (Option<Permits>, Vec<fourfold::scope::Permit>);
    std::thread_local!(static GRABBED: RefCell<Grabbed> = const { RefCell::new((None, Vec::new())) });

    let permits = Permits::new(nz(1));
    let held = permits.try_acquire();
    let mut first = permits.acquire();
    assert!(Pin::new(&mut first).poll(&mut Context::from_waker(&Waker::from(Arc::new(Grabber)))).is_pending());
    let mut second = Waiter::new(permits.acquire());
    GRABBED.set((Some(permits.clone()), Vec::new()));
    permits.set_limit(nz(3));
    assert_eq!(GRABBED.take().1.len(), 0, "one waits still when the first is woken");
    assert!(poll(Pin::new(&mut first)).is_ready() && second.poll().is_some());
    drop(held);
}

#[test]
fn whoever_wants_many_is_not_passed_over_for_ever() {
    let permits = Permits::new(nz(4));
    let mut held: Vec<_> = (0..3).map(|_| permits.try_acquire().unwrap()).collect();
    let mut many = Waiter::new(permits.acquire_many(3));
    assert!(permits.try_acquire().is_none(), "one is free, but not for those who come later");
    let mut one = Waiter::new(permits.acquire());
    held.pop();
    assert_eq!((many.wakes(), one.wakes()), (0, 0));
    held.pop();
    assert_eq!((many.wakes(), one.wakes(), permits.held()), (1, 0, 4));
    let three = many.poll().unwrap().unwrap();
    assert_eq!(three.count(), 3);
    drop(three);
    assert!(one.poll().unwrap().is_ok());
    // Who gives up lets those behind have what was too little for itself.
    let too_many = Waiter::new(permits.acquire_many(5));
    let mut behind = Waiter::new(permits.acquire_many(2));
    drop(too_many);
    assert_eq!(behind.wakes(), 1);
    assert!(behind.poll().unwrap().is_ok());
    drop(held);
    assert_eq!((permits.held(), permits.waiting()), (0, 0));
}

#[test]
fn permits_with_a_limit_of_0_are_handed_out_again_in_order() {
    let permits = Permits::new(nz(2));
    permits.set_limit(0);
    let mut line: Vec<Waiter<Acquire>> = (0..3).map(|_| Waiter::new(permits.acquire())).collect();
    assert_eq!((permits.available(), permits.waiting(), permits.held()), (0, 3, 0));
    permits.set_limit(3);
    assert!(line.iter_mut().all(|acquire| acquire.wakes() == 1 && acquire.poll().is_some()));
    assert_eq!((permits.held(), permits.waiting()), (0, 0));
}

#[test]
fn closed_permits_end_what_waits_for_them() {
    let clock = SimulatedClock::new();
    let permits = Permits::new(nz(1));
    let held = permits.try_acquire().unwrap();
    let mut waiting = Waiter::new(permits.acquire());
    permits.close();
    assert_eq!(waiting.wakes(), 1);
    assert_eq!(waiting.poll().unwrap().unwrap_err(), Closed);
    assert_eq!((permits.held(), permits.available()), (1, 0));
    drop(held);
    assert!(permits.try_acquire().is_none() && permits.held() == 0);

    // A batch and a pool finish what they have begun.
    let permits = Permits::new(nz(2));
    let close = async {
        clock.sleep(ms(15)).await;
        permits.close();
    };
    let batch = batch_with(&permits, 0..10, async |n| {
        clock.sleep(ms(10)).await;
        n
    });
    let (results, ()) = clock.run(zip(batch, close)).unwrap();
    assert_eq!(results, [0, 1, 2, 3]);

    let permits = Permits::new(nz(1));
    let handler = async |n, _: &_| {
        clock.sleep(ms(10)).await;
        assert!(n < 2);
        if n == 1 {
            permits.close();
        }
    };
    let pool = worker_pool_with(&permits, nz(4), nz(2), handler, async |queue| {
        let mut pushed = 0;
        while queue.push(pushed).await.is_ok() {
            pushed += 1;
        }
        assert_eq!(queue.push(9).await, Err(PushError::Closed(9)));
        queue.join().await;
        pushed
    });
    assert_eq!(clock.run(pool), Ok(Ok(4)));
}

#[test]
fn a_close_while_a_push_has_its_place_gives_the_task_back() {
    let clock = SimulatedClock::new();
    clock
        .run(worker_pool(
            nz(1),
            nz(1),
            async |_, _: &_| clock.sleep(ms(1)).await,
            async |queue| {
                queue.push(1).await.unwrap();
                turn().await;
                queue.push(2).await.unwrap();
                let mut push = Waiter::new(queue.push(3));
                clock.sleep(ms(1)).await;
                turn().await;
                assert_eq!(push.wakes(), 1);
                queue.close();
                assert_eq!(push.poll(), Some(Err(PushError::Closed(3))));
            },
        ))
        .unwrap()
        .unwrap();
}
