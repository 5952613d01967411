//! Mistakes that others have made, a test each.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod common;

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::{Future, pending, poll_fn},
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use async_lock::Mutex;
use common::*;
use fourfold::*;

/// Snoozing (futures-rs 2387; Rust's "barbara battles buffered streams"): what is in flight is polled while the source is waited for. Here the source
/// needs a lock that tasks hold, in every one of its methods.
#[test]
fn a_source_may_wait_for_what_a_task_in_flight_holds() {
    struct Locked<'a>(MemorySource<'a, u64, &'a SimulatedClock>, &'a Mutex<()>);

    impl Source for Locked<'_> {
        type Payload = u64;
        type Receipt = ();
        type Error = Infallible;

        async fn claim(&self, max: NonZeroUsize, claims: &mut Claims<u64, ()>) -> Result<Supply, Infallible> {
            drop(self.1.lock().await);
            self.0.claim(max.min(nz(2)), claims).await
        }

        async fn settle(&self, settlements: &mut [Settlement<u64, ()>]) -> Result<(), Infallible> {
            let _lock = self.1.lock().await;
            self.0.settle(settlements).await
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
        let source = Locked(MemorySource::new(&clock, 0..30), &lock);
        let run = Run::new(&source, async |_: &Task<u64>| {
            let _lock = lock.lock().await;
            clock.sleep(ms(3)).await;
            Ok::<_, Infallible>(())
        });
        match clock.run(run.config(config.clone()).clock(&clock).into_future()) {
            Ok(ended) => assert_eq!(ended.unwrap().tally.done, 30),
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
        assert_eq!((report.tally.done, report.tally.peak_in_flight), (tasks as u64, tasks as u64));
        assert_eq!(polls.get(), 2 * tasks, "one poll to wait, one to end");
    }
}

/// Permits come back when a handler is dropped, not at the end of its happy path.
#[test]
fn a_handler_that_never_ends_gives_its_permit_back_when_it_is_dropped() {
    for pattern in [Pattern::TaskSet, Pattern::SemaphoreBatch, Pattern::WorkerPool] {
        let config = Config { timeout: Some(ms(1)), retry: Retry::NEVER, ..Config::new(pattern, nz(1)) };
        let bench = Bench::new(config, 20);
        let (ended, _) = bench.run(async |_| pending::<Result<(), Infallible>>().await);
        let report = ended.unwrap();
        assert_eq!((report.tally.timed_out, report.tally.dead, report.elapsed), (20, 20, ms(20)));
    }
}

/// Hidden prefetch: with all permits taken, nothing more is claimed than the pattern's table says.
#[test]
fn nothing_is_claimed_before_there_is_room() {
    for config in grid() {
        let limit = config.limit.get();
        let waiting = match config.pattern {
            Pattern::TaskSet | Pattern::TaskGroup => 0,
            Pattern::WorkerPool => limit,
            Pattern::SemaphoreBatch => 3 * limit,
        };
        let bench = Bench::new(config, 1000);
        let (ended, _) = bench.run(async |_| {
            bench.clock.sleep(ms(1000)).await;
            if bench.clock.now() == Time::ZERO + ms(1000) {
                assert_eq!(bench.source.books.borrow().claimed, (limit + waiting) as u64);
                bench.control.drain();
            }
            Ok::<_, Infallible>(())
        });
        assert_eq!(ended.unwrap().tally.done, limit as u64);
    }
}

/// A batch called a pool: the next task of a pool starts when any of those before it ends.
#[test]
fn a_pool_is_no_batch() {
    let bench = Bench::new(Config::new(Pattern::WorkerPool, nz(2)), 5);
    let (ended, _) = bench.run(async |task| {
        bench.clock.sleep(ms([100, 10, 10, 10, 10][task.payload as usize])).await;
        Ok::<_, Infallible>(())
    });
    assert_eq!(ended.unwrap().elapsed, ms(100));
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
        assert_eq!(ended.unwrap().tally.done, 200);
        // The run is gone, its wakers are not.
        wakers.into_inner().into_iter().for_each(Waker::wake);
    }
}

/// A borrow held across a poll: a handler may call back into whatever the run uses.
#[test]
fn a_handler_may_feed_the_source_it_runs_from_and_turn_every_knob() {
    for config in grid() {
        let clock = SimulatedClock::new();
        let (sender, source) = MemorySource::channel(&clock, nz(4096));
        let control = Control::new();
        sender.try_send(9_u64).unwrap();
        let sender = RefCell::new(Some(sender));
        let left = Cell::new(1023_u64);
        let run = Run::new(&source, async |task: &Task<u64>| {
            for _ in 0..if task.payload > 0 { 2 } else { 0 } {
                sender.borrow().as_ref().unwrap().try_send(task.payload - 1).unwrap();
            }
            control.set_limit(nz(1 + left.get() as usize % 7));
            assert!(source.held() > 0 && !control.is_draining());
            clock.sleep(ms(task.payload % 2)).await;
            left.set(left.get() - 1);
            if left.get() == 0 {
                // The last producer is gone: the source is exhausted.
                sender.take();
            }
            Ok::<_, Infallible>(())
        });
        let report = clock.run(run.config(config).clock(&clock).control(&control).into_future()).unwrap().unwrap();
        assert_eq!((report.tally.done, left.get()), (1023, 0));
    }
}

/// Handlers that wake themselves for ever, as many as are polled in a turn, starve neither the source, nor the other handlers, nor the host.
#[test]
fn handlers_that_never_wait_starve_nobody() {
    struct Beat<'a>(MemorySource<'a, u64, ()>, Cell<usize>);

    impl Source for Beat<'_> {
        type Payload = u64;
        type Receipt = ();
        type Error = Infallible;

        async fn claim(&self, max: NonZeroUsize, claims: &mut Claims<u64, ()>) -> Result<Supply, Infallible> {
            self.0.claim(max, claims).await
        }

        async fn settle(&self, settlements: &mut [Settlement<u64, ()>]) -> Result<(), Infallible> {
            self.0.settle(settlements).await
        }

        async fn drive(&self) -> Result<Infallible, Infallible> {
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
            let source = Beat(MemorySource::new((), 0..limit as u64), Cell::new(0));
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
            assert_eq!(report.unwrap().tally.done, limit as u64);
        }
    }
}

/// The other way round: a source that is never short of tasks that are ready at once does not keep a task in flight from being polled.
#[test]
fn an_endless_supply_of_short_tasks_starves_no_task_in_flight() {
    for pattern in [Pattern::TaskSet, Pattern::WorkerPool, Pattern::TaskGroup] {
        for limit in [2, 16, 512, 4096] {
            let control = Control::new();
            let source = MemorySource::new((), 0..u64::MAX);
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

        async fn claim(&self, _: NonZeroUsize, claims: &mut Claims<(), ()>) -> Result<Supply, Infallible> {
            claims.malformed("rubbish");
            Ok(Supply::Open)
        }

        async fn settle(&self, _: &mut [Settlement<(), ()>]) -> Result<(), Infallible> {
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
        assert!(report.unwrap().tally.malformed > 0);
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
            let bench = Bench::with_faults(Config { rate: Rate::per_second(100.0), ..config.clone() }, 40, faults);
            let run = Run::new(&bench.source, async |task: &Task<u64>| {
                bench.clock.sleep(ms(task.payload % 30)).await;
                Ok::<_, Infallible>(())
            });
            let mut run = run.config(bench.config.clone()).clock(&bench.clock).into_future();
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
            assert_eq!((ended.unwrap().tally.done, polls), (40, times));
        }
    }
}

/// A limit of nothing cannot be written down, and the largest there is costs what its tasks cost.
#[test]
fn a_limit_is_never_zero_and_may_be_the_largest_number_there_is() {
    assert_eq!(NonZeroUsize::new(0), None);
    for pattern in Pattern::ALL {
        let bench = Bench::new(Config::new(pattern, NonZeroUsize::MAX), 1000);
        let (ended, _) = bench.run(async |_| {
            bench.clock.sleep(ms(1)).await;
            Ok::<_, Infallible>(())
        });
        let tally = ended.unwrap().tally;
        assert_eq!((tally.done, tally.peak_in_flight), (1000, 1000));
    }
}

/// Drops that nobody sees: an observer that misses events knows how many.
#[test]
fn events_that_are_missed_are_counted() {
    let bench = Bench::new(Config::default(), 50);
    let (mut state, mut dropped) = (State::new(), 0);
    let observer = observer_fn(|event| match event.sequence % 7 {
        3 | 4 => dropped += 1,
        _ => state.apply(event),
    });
    let run = Run::new(&bench.source, async |_: &Task<u64>| Ok::<_, Infallible>(())).observer(observer);
    futures_lite::future::block_on(run.into_future()).unwrap();
    assert!(dropped > 40);
    // Those at the very end are known to be missing only when something comes after them.
    assert!(state.missed() <= dropped && state.missed() + 2 >= dropped);
}

/// cpython 75633: when a group fails nobody goes on without it.
#[test]
fn a_failed_group_leaves_no_orphans() {
    for limit in LIMITS {
        let config = Config { retry: Retry::NEVER, ..Config::new(Pattern::TaskGroup, nz(limit)) };
        let bench = Bench::new(config, 10 * limit as u64);
        let gauge = Gauge::default();
        let (ended, _) = bench.run(async |task| {
            let _in = gauge.enter();
            bench.clock.sleep(ms(1)).await;
            if task.payload == 0 {
                return Err(Failure::transient("the first"));
            }
            bench.clock.sleep(ms(1)).await;
            assert_eq!(limit, 0, "an orphan goes on");
            Ok(())
        });
        assert!(matches!(ended, Err(RunError::Group { .. })));
        assert_eq!(gauge.now(), 0);
    }
}

/// cpython 76865: patterns that collect every failure still stop when told to.
#[test]
fn collecting_all_failures_does_not_swallow_an_abort() {
    for pattern in [Pattern::TaskSet, Pattern::SemaphoreBatch, Pattern::WorkerPool] {
        let bench = Bench::new(Config::new(pattern, nz(4)), 100);
        let (ended, _) = bench.run(async |task| {
            bench.clock.sleep(ms(1)).await;
            if task.payload == 6 {
                bench.control.abort();
            }
            Err::<(), _>(Failure::permanent("as all others"))
        });
        let tally = ended.unwrap().tally;
        assert!(tally.dead >= 4 && tally.dead + tally.cancelled <= 8, "{tally:?}");
    }
}

/// janus 294, and sentinels that too few workers take: a pool ends whatever its workers come to, and however many there are.
#[test]
fn a_pool_ends_with_fewer_workers_than_permits_and_when_all_its_tasks_fail() {
    for (limit, workers, capacity) in [(5, 1, 1), (1, 5, 1), (5, 2, 64), (64, 64, 1)] {
        let config = Config {
            workers: Some(nz(workers)),
            queue_capacity: Some(nz(capacity)),
            retry: Retry::NEVER,
            timeout: Some(ms(3)),
            ..Config::new(Pattern::WorkerPool, nz(limit))
        };
        let bench = Bench::new(config, 100);
        let (ended, _) = bench.run(async |task| match task.payload % 3 {
            0 => pending().await,
            1 => Err(Failure::transient("as told")),
            _ => Ok(()),
        });
        let tally = ended.unwrap().tally;
        assert_eq!((tally.done, tally.dead, tally.failed, tally.timed_out), (33, 67, 33, 34));
    }
}

/// Lost updates (`total += await x`): what is counted is counted in one place, between polls.
#[test]
fn counts_do_not_get_lost_between_awaits() {
    for config in grid() {
        let bench = Bench::new(config, 500);
        let sum = Cell::new(0);
        let (ended, _) = bench.run(async |task| {
            bench.clock.sleep(ms(task.payload % 5)).await;
            sum.set(sum.get() + task.payload);
            Ok::<_, Infallible>(())
        });
        assert_eq!((ended.unwrap().tally.succeeded, sum.get()), (500, 499 * 500 / 2));
    }
}

/// p-queue 163: timers that are set do not keep a run alive that has nothing left to do.
#[test]
fn timers_do_not_keep_a_finished_run_alive() {
    for pattern in Pattern::ALL {
        let config = Config {
            timeout: Some(ms(3_600_000)),
            rate: Rate::per_second(0.001),
            grace: Some(ms(3_600_000)),
            ..Config::new(pattern, nz(4))
        };
        let bench = Bench::new(config, 1);
        let (ended, _) = bench.run(async |_| {
            bench.clock.sleep(ms(1)).await;
            bench.control.drain();
            Ok::<_, Infallible>(())
        });
        assert_eq!(ended.unwrap().elapsed, ms(1));
    }
}
