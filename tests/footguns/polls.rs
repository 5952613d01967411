//! Who is polled when: nobody starves, nobody spins.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use async_lock::Mutex;
use fourfold::{
    Clock, Config, Control, MemorySource, Pattern, Rate, Run, Source, Task,
    clock::SimulatedClock,
    source::{ClaimStatus, Claims, Delivery, Settlement},
};

use crate::common::*;

/// Snoozing (futures-rs 2387; Rust's "barbara battles buffered streams"): what is in flight is polled while the source is waited for. Here the source
/// needs a lock that tasks hold, in every one of its methods.
#[test]
fn a_source_may_wait_for_what_a_task_in_flight_holds() {
    struct Locked<'a>(MemorySource<'a, u64>, &'a Mutex<()>);

    impl Source for Locked<'_> {
        type Payload = u64;
        type Receipt = ();
        type Error = Infallible;

        async fn claim(
            &self,
            max: NonZeroUsize,
            claims: &mut Claims<u64, ()>,
            clock: &impl Clock,
        ) -> Result<ClaimStatus, Infallible> {
            drop(self.1.lock().await);
            self.0.claim(max.min(nz(2)), claims, clock).await
        }

        async fn settle(&self, settlements: &mut [Settlement<u64, ()>], clock: &impl Clock) -> Result<(), Infallible> {
            let _lock = self.1.lock().await;
            self.0.settle(settlements, clock).await
        }

        fn abandon(&self, delivery: Delivery<u64, ()>) {
            self.0.abandon(delivery);
        }

        async fn close(&self) -> Result<(), Infallible> {
            let _lock = self.1.lock().await;
            Ok(())
        }
    }

    for config in grid() {
        let (clock, lock) = (SimulatedClock::new(), Mutex::new(()));
        let source = Locked(MemorySource::new(0..30), &lock);
        let run = Run::new(&source, async |_: &Task<u64>| {
            let _lock = lock.lock().await;
            clock.sleep(ms(3)).await;
            Ok::<_, Infallible>(())
        });
        match clock.run(run.config(config).clock(&clock).into_future()) {
            Ok(ended) => assert_eq!(ended.unwrap().counters.done, 30),
            Err(stalled) => panic!("{stalled}: {config:?}"),
        }
    }
}

/// futures-rs 2526: N wakes cost N polls, not N².
#[test]
fn many_tasks_woken_at_once_are_polled_once_each() {
    struct Counted<'a, F>(F, &'a Cell<usize>);

    impl<F: Future + Unpin> Future for Counted<'_, F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
            self.1.set(self.1.get() + 1);
            Pin::new(&mut self.0).poll(cx)
        }
    }

    for pattern in Pattern::ALL {
        let tasks = 5000;
        let bench = Bench::new(Config::new(pattern, nz(tasks)), tasks as u64);
        let polls = Cell::new(0);
        let (ended, _) = bench.run(async |_| {
            Counted(bench.clock.sleep(ms(1)), &polls).await;
            Ok::<_, Infallible>(())
        });
        let report = ended.unwrap();
        assert_eq!((report.counters.done, report.counters.peak_in_flight), (tasks as u64, tasks as u64));
        assert_eq!(polls.get(), 2 * tasks, "one poll to wait, one to end");
    }
}

/// A waker that is kept and used after its task has ended finds another task in the slot, or none.
#[test]
fn a_waker_kept_after_its_task_has_ended_does_no_harm() {
    for config in grid() {
        let bench = Bench::new(config, 200);
        let wakers = RefCell::new(Vec::<Waker>::new());
        let (ended, _) = bench.run(async |task| {
            let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            let stale: Vec<Waker> = wakers.borrow().iter().rev().take(5).cloned().collect();
            stale.iter().for_each(Waker::wake_by_ref);
            wakers.borrow_mut().push(waker);
            bench.clock.sleep(ms(task.payload % 3)).await;
            stale.into_iter().for_each(Waker::wake);
            Ok::<_, Infallible>(())
        });
        assert_eq!(ended.unwrap().counters.done, 200);
        // The run is gone, its wakers are not.
        wakers.into_inner().into_iter().for_each(Waker::wake);
    }
}

/// Handlers that wake themselves for ever, as many as are polled in a turn, starve neither the source, nor the other handlers, nor the host.
#[test]
fn handlers_that_never_wait_starve_nobody() {
    struct Beat<'a>(MemorySource<'a, u64>, Cell<usize>);

    impl Source for Beat<'_> {
        type Payload = u64;
        type Receipt = ();
        type Error = Infallible;

        async fn claim(
            &self,
            max: NonZeroUsize,
            claims: &mut Claims<u64, ()>,
            clock: &impl Clock,
        ) -> Result<ClaimStatus, Infallible> {
            self.0.claim(max, claims, clock).await
        }

        async fn settle(&self, settlements: &mut [Settlement<u64, ()>], clock: &impl Clock) -> Result<(), Infallible> {
            self.0.settle(settlements, clock).await
        }

        async fn drive(&self, _: &impl Clock) -> Result<Infallible, Infallible> {
            loop {
                self.1.set(self.1.get() + 1);
                yield_once().await;
            }
        }

        fn abandon(&self, delivery: Delivery<u64, ()>) {
            self.0.abandon(delivery);
        }
    }

    for pattern in Pattern::ALL {
        for limit in [1, 511, 512, 513, 1024] {
            let source = Beat(MemorySource::new(0..limit as u64), Cell::new(0));
            let host = Cell::new(0);
            let run = Run::new(&source, async |_: &Task<u64>| {
                // Busy until the source and the host have both had their turns.
                while source.1.get() < 20 || host.get() < 20 {
                    yield_once().await;
                }
                Ok::<_, Infallible>(())
            });
            let beside = async {
                for _ in 0..20 {
                    host.set(host.get() + 1);
                    yield_once().await;
                }
            };
            let run = run.pattern(pattern).limit(nz(limit)).into_future();
            let (report, ()) = futures_lite::future::block_on(futures_lite::future::zip(run, beside));
            assert_eq!(report.unwrap().counters.done, limit as u64);
        }
    }
}

/// The other way round: a source that is never short of tasks that are ready at once does not keep a task in flight from being polled.
#[test]
fn an_endless_supply_of_short_tasks_starves_no_task_in_flight() {
    for pattern in [Pattern::TaskSet, Pattern::WorkerPool, Pattern::TaskGroup] {
        for limit in [2, 16, 512, 4096] {
            let control = Control::new();
            let source = MemorySource::new(0..u64::MAX);
            let shorts = Cell::new(0);
            let run = Run::new(&source, async |task: &Task<u64>| {
                if task.payload > 0 {
                    shorts.set(shorts.get() + 1);
                    return Ok::<_, Infallible>(());
                }
                for _ in 0..10 {
                    yield_once().await;
                }
                control.drain();
                Ok(())
            });
            let run = run.pattern(pattern).limit(nz(limit)).control(&control);
            futures_lite::future::block_on(run.into_future()).unwrap();
            assert!(shorts.get() < 20 * 4096, "{} tasks overtook one that was ready", shorts.get());
        }
    }
}

/// A source that always answers at once, and never with a task, does not keep the host from its turn.
#[test]
fn a_source_full_of_what_is_no_task_starves_nobody() {
    struct Rubbish;

    impl Source for Rubbish {
        type Payload = ();
        type Receipt = ();
        type Error = Infallible;

        async fn claim(
            &self,
            _: NonZeroUsize,
            claims: &mut Claims<(), ()>,
            _: &impl Clock,
        ) -> Result<ClaimStatus, Infallible> {
            claims.malformed("rubbish");
            Ok(ClaimStatus::Open)
        }

        async fn settle(&self, _: &mut [Settlement<(), ()>], _: &impl Clock) -> Result<(), Infallible> {
            unreachable!("there was no task")
        }

        fn abandon(&self, _: Delivery<(), ()>) {
            unreachable!("there was no task")
        }
    }

    for pattern in Pattern::ALL {
        let control = Control::new();
        let run = Run::new(&Rubbish, async |_: &Task<()>| Ok::<_, Infallible>(())).pattern(pattern).control(&control);
        let beside = async {
            yield_once().await;
            control.drain();
        };
        let both = futures_lite::future::zip(run.into_future(), beside);
        let (report, ()) = futures_lite::future::block_on(both);
        assert!(report.unwrap().counters.malformed > 0);
    }
}

/// While a run waits it asks for nothing: no wake of its host, no poll. (A busy loop would pass every other test.)
#[test]
fn a_run_that_waits_leaves_its_host_alone() {
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let slow = Faults { claim_delay: ms(10), claim_lingers: ms(10), settle_delay: ms(10), ..Faults::default() };
    for config in grid() {
        for faults in [Faults::default(), slow.clone()] {
            let bench = Bench::with_faults(config.rate(Rate::per_second(100.0).unwrap()), 40, faults);
            let run = Run::new(&bench.source, async |task: &Task<u64>| {
                bench.clock.sleep(ms(task.payload % 30)).await;
                Ok::<_, Infallible>(())
            });
            let mut run = run.config(bench.config).clock(&bench.clock).into_future();
            let wakes = Arc::new(Count(AtomicUsize::new(0)));
            let waker = Waker::from(wakes.clone());
            let (mut polls, mut times) = (0, 0);
            let ended = loop {
                let before = wakes.0.load(Ordering::Relaxed);
                if let Poll::Ready(ended) = run.as_mut().poll(&mut Context::from_waker(&waker)) {
                    break ended;
                }
                polls += 1;
                assert_eq!(wakes.0.load(Ordering::Relaxed), before, "it wakes its host though it only waits");
                assert!(bench.clock.advance());
                times += 1;
            };
            assert_eq!((ended.unwrap().counters.done, polls), (40, times));
        }
    }
}
