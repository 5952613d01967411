//! What whole runs cost: allocations, polls, and turns of the host.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use std::{cell::Cell, convert::Infallible};

use allocation_counter::{AllocationInfo, measure};
use fourfold::{Clock, Config, MemorySource, Observer, Pattern, Report, Run, Task, metrics::State};
use futures_lite::future::block_on;

use crate::common::*;

/// How a task waits.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Ready,
    Yields,
    Mixed,
}

fn run_through<O: Observer>(config: &Config, tasks: u64, kind: Kind, observer: O) -> Report {
    let source = MemorySource::new(0..tasks);
    let run = Run::new(&source, async |task: &Task<u64>| {
        let yields = match kind {
            Kind::Ready => 0,
            Kind::Yields => 1,
            Kind::Mixed => task.payload % 3,
        };
        for _ in 0..yields {
            yield_once().await;
        }
        Ok::<_, Infallible>(())
    });
    let report = block_on(run.config(*config).observer(observer).into_future()).unwrap();
    assert_eq!(report.counters.done, tasks);
    report
}

fn cost(config: &Config, tasks: u64, kind: Kind) -> AllocationInfo {
    measure(|| {
        run_through(config, tasks, kind, ());
    })
}

#[test]
fn a_task_in_the_steady_state_allocates_nothing() {
    for pattern in Pattern::ALL {
        for limit in [1, 5, 16, 256] {
            for kind in [Kind::Ready, Kind::Yields, Kind::Mixed] {
                let config = Config::new(pattern, nz(limit));
                cost(&config, 100, kind);
                let (short, long) = (cost(&config, 20_000, kind), cost(&config, 40_000, kind));
                // A list may still find that it needs to be longer than ever before.
                let more = long.count_total.saturating_sub(short.count_total);
                assert!(more <= 4, "{more} for 20,000 tasks more: {config:?} {kind:?}");
            }
        }
    }
}

#[test]
fn an_observer_that_folds_allocates_nothing_per_task_either() {
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, nz(16));
        let folded = |tasks| {
            measure(|| {
                let mut state = State::new();
                run_through(&config, tasks, Kind::Mixed, &mut state);
            })
        };
        folded(100);
        let (short, long) = (folded(20_000), folded(40_000));
        // A map of what is live frees and makes nodes as it goes.
        let more = long.count_total.saturating_sub(short.count_total);
        assert!(more < 20_000 / 2, "{more} for 20,000 tasks more: {pattern}");
        assert_eq!(long.bytes_max, short.bytes_max, "{pattern}");
    }
}

#[test]
fn a_million_tasks_take_no_more_memory_than_two_thousand() {
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, nz(16));
        cost(&config, 100, Kind::Ready);
        let (few, many) = (cost(&config, 2000, Kind::Mixed), cost(&config, 1_000_000, Kind::Mixed));
        // One list may have doubled at a rare moment; a byte per task would be two hundred times as much.
        assert!(many.bytes_max <= few.bytes_max + 4096, "{pattern}: {} and {} bytes", few.bytes_max, many.bytes_max);
        assert_eq!((many.count_current, many.bytes_current), (0, 0), "nothing is leaked");
    }
}

#[test]
fn a_limit_of_a_billion_costs_what_its_tasks_cost() {
    for pattern in Pattern::ALL {
        let of = |limit| cost(&Config::new(pattern, nz(limit)), 100, Kind::Yields).bytes_max;
        of(100);
        let (modest, huge) = (of(100), of(1_000_000_000));
        assert!(huge <= 2 * modest, "{pattern}: {huge} bytes, with a limit of 100 {modest}");
    }
}

/// Tasks that are ready at once leave the host its turn, and so do tasks that always wake themselves.
#[test]
fn a_busy_run_leaves_its_host_a_turn_every_few_hundred_polls() {
    for config in grid() {
        for kind in [Kind::Ready, Kind::Yields] {
            let (turns, started, most) = (Cell::new(0_u64), Cell::new(0_u64), Cell::new(0_u64));
            let source = MemorySource::new(0..20_000_u64);
            let run = Run::new(&source, async |_: &Task<u64>| {
                started.set(started.get() + 1);
                most.set(most.get().max(started.get()));
                if let Kind::Yields = kind {
                    yield_once().await;
                }
                Ok::<_, Infallible>(())
            });
            let host = async {
                loop {
                    turns.set(turns.get() + 1);
                    started.set(0);
                    yield_once().await;
                }
            };
            let run = async { run.config(config).await.unwrap() };
            let report = block_on(futures_lite::future::or(run, host));
            assert_eq!(report.counters.done, 20_000);
            assert!(most.get() <= 512, "{} starts in one turn: {config:?}", most.get());
            assert!(turns.get() >= 20_000 / 512);
        }
    }
}

/// However many are in flight, a task costs the same number of polls of the run.
#[test]
fn polls_grow_with_tasks_and_not_with_the_limit() {
    for pattern in Pattern::ALL {
        let polls = |limit: usize, tasks: u64| {
            let bench = Bench::new(Config::new(pattern, nz(limit)), tasks);
            let run = Run::new(&bench.source, async |_: &Task<u64>| {
                bench.clock.sleep(ms(1)).await;
                Ok::<_, Infallible>(())
            });
            let mut run = Box::pin(run.config(bench.config).clock(&bench.clock).into_future());
            let polls = Cell::new(0_usize);
            let counted = std::future::poll_fn(|cx| {
                polls.set(polls.get() + 1);
                run.as_mut().poll(cx)
            });
            bench.clock.run(counted).unwrap().unwrap();
            polls.get()
        };
        // A thousand tasks that end together need one poll, or a few where they are more than a turn's worth.
        assert!(polls(10, 1000) <= 220, "{pattern}: {}", polls(10, 1000));
        assert!(polls(1000, 10_000) <= 80, "{pattern}: {}", polls(1000, 10_000));
    }
}
