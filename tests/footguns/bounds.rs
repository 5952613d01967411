//! Permits, claims, ends: what must hold whatever the handlers do.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::pending,
    num::NonZeroUsize,
};

use fourfold::{
    Clock, Config, Control, Failure, MemorySource, Pattern, Rate, Retry, Run, RunError, Task,
    clock::{SimulatedClock, Time},
    event::observer_fn,
    metrics::State,
};

use crate::common::*;

/// Permits come back when a handler is dropped, not at the end of its happy path.
#[test]
fn a_handler_that_never_ends_gives_its_permit_back_when_it_is_dropped() {
    for pattern in [Pattern::TaskSet, Pattern::SemaphoreBatch, Pattern::WorkerPool] {
        let config = Config::new(pattern, nz(1)).timeout(ms(1)).retry(Retry::NEVER);
        let bench = Bench::new(config, 20);
        let (ended, _) = bench.run(async |_| pending::<Result<(), Infallible>>().await);
        let report = ended.unwrap();
        assert_eq!((report.counters.timed_out, report.counters.dead, report.elapsed), (20, 20, ms(20)));
    }
}

/// Hidden prefetch: with all permits taken, nothing more is claimed than the pattern's table says.
#[test]
fn nothing_is_claimed_before_there_is_room() {
    for config in grid() {
        let limit = config.limit;
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
        assert_eq!(ended.unwrap().counters.done, limit as u64);
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

/// A borrow held across a poll: a handler may call back into whatever the run uses.
#[test]
fn a_handler_may_feed_the_source_it_runs_from_and_turn_every_knob() {
    for config in grid() {
        let clock = SimulatedClock::new();
        let (sender, source) = MemorySource::channel(4096).unwrap();
        let control = Control::new();
        sender.try_send(9_u64).unwrap();
        let sender = RefCell::new(Some(sender));
        let left = Cell::new(1023_u64);
        let run = Run::new(&source, async |task: &Task<u64>| {
            for _ in 0..if task.payload > 0 { 2 } else { 0 } {
                sender.borrow().as_ref().unwrap().try_send(task.payload - 1).unwrap();
            }
            control.set_limit(1 + left.get() as usize % 7).unwrap();
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
        assert_eq!((report.counters.done, left.get()), (1023, 0));
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
        let counters = ended.unwrap().counters;
        assert_eq!((counters.done, counters.peak_in_flight), (1000, 1000));
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
        let config = Config::new(Pattern::TaskGroup, nz(limit)).retry(Retry::NEVER);
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
        let counters = ended.unwrap().counters;
        assert!(counters.dead >= 4 && counters.dead + counters.cancelled <= 8, "{counters:?}");
    }
}

/// janus 294, and sentinels that too few workers take: a pool ends whatever its workers come to, and however many there are.
#[test]
fn a_pool_ends_with_fewer_workers_than_permits_and_when_all_its_tasks_fail() {
    for (limit, workers, capacity) in [(5, 1, 1), (1, 5, 1), (5, 2, 64), (64, 64, 1)] {
        let config = Config::new(Pattern::WorkerPool, nz(limit))
            .workers(nz(workers))
            .queue_capacity(nz(capacity))
            .retry(Retry::NEVER)
            .timeout(ms(3));
        let bench = Bench::new(config, 100);
        let (ended, _) = bench.run(async |task| match task.payload % 3 {
            0 => pending().await,
            1 => Err(Failure::transient("as told")),
            _ => Ok(()),
        });
        let counters = ended.unwrap().counters;
        assert_eq!((counters.done, counters.dead, counters.failed, counters.timed_out), (33, 67, 33, 34));
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
        assert_eq!((ended.unwrap().counters.succeeded, sum.get()), (500, 499 * 500 / 2));
    }
}

/// p-queue 163: timers that are set do not keep a run alive that has nothing left to do.
#[test]
fn timers_do_not_keep_a_finished_run_alive() {
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, nz(4))
            .timeout(ms(3_600_000))
            .rate(Rate::per_second(0.001).unwrap())
            .grace(ms(3_600_000));
        let bench = Bench::new(config, 1);
        let (ended, _) = bench.run(async |_| {
            bench.clock.sleep(ms(1)).await;
            bench.control.drain();
            Ok::<_, Infallible>(())
        });
        assert_eq!(ended.unwrap().elapsed, ms(1));
    }
}
