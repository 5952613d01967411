//! Tasks that make tasks: what handlers push to a source in memory.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    convert::Infallible,
    num::NonZeroUsize,
};

use fourfold::{Clock, Config, Failure, MemorySource, Run, Task, clock::SimulatedClock, source::Overflow};
use futures_lite::future::{block_on, yield_now, zip};

use crate::common::*;

/// Every page links to two others, and each is found by another one.
#[test]
fn ten_thousand_pages_are_found_by_each_other_with_any_pattern_and_limit() {
    const PAGES: u64 = 10_000;
    for config in grid() {
        let (clock, source) = (SimulatedClock::new(), MemorySource::new([0]));
        let seen = RefCell::new(BTreeSet::from([0]));
        let run = Run::new(&source, async |task: &Task<u64>| {
            if task.payload.is_multiple_of(16) {
                clock.sleep(ms(task.payload % 5)).await;
            }
            if task.payload % 500 == 7 && task.attempt.get() == 1 {
                return Err(Failure::transient("again"));
            }
            for link in [2 * task.payload + 1, 2 * task.payload + 2] {
                if link < PAGES && seen.borrow_mut().insert(link) {
                    source.push(link)?;
                }
            }
            Ok(())
        });
        let report = clock.run(run.config(config).clock(&clock).into_future()).unwrap().unwrap();
        assert_eq!((report.counters.done, report.counters.retried), (PAGES, PAGES / 500));
        assert_eq!(report.counters.peak_in_flight.min(4), config.limit.min(4) as u64);
        assert!(source.take_rest().is_empty());
    }
}

#[test]
fn what_is_pushed_is_claimed_before_what_the_iterator_has() {
    let (source, order) = (MemorySource::new([1, 2, 3]), RefCell::new(Vec::new()));
    let run = Run::new(&source, async |task: &Task<u32>| {
        order.borrow_mut().push(task.payload);
        if task.payload < 10 {
            source.push(10 * task.payload)?;
        }
        Ok::<_, Overflow<u32>>(())
    });
    let config = Config::new(fourfold::Pattern::TaskSet, 1);
    assert_eq!(block_on(run.config(config).into_future()).unwrap().counters.done, 6);
    assert_eq!(*order.borrow(), [1, 10, 2, 20, 3, 30]);
}

#[test]
fn a_run_that_waits_for_its_source_wakes_for_what_is_pushed_beside_it() {
    let (sender, source) = MemorySource::channel(1).unwrap();
    let done = Cell::new(0);
    let run = Run::new(&source, async |_: &Task<u32>| {
        done.set(done.get() + 1);
        Ok::<_, Infallible>(())
    });
    let beside = async {
        for n in 0..100 {
            source.push(n).unwrap();
            yield_now().await;
            yield_now().await;
            assert_eq!(done.get(), n + 1, "it is claimed at once");
        }
        drop(sender);
    };
    assert_eq!(block_on(zip(run.into_future(), beside)).0.unwrap().counters.done, 100);
}

#[test]
fn what_is_pushed_beyond_the_overflow_comes_back_and_the_rest_stays_for_the_next_run() {
    let source = MemorySource::new(0..0_u32).overflow(2);
    assert_eq!([1, 2].map(|n| source.push(n)), [Ok(()), Ok(())]);
    assert_eq!(source.push(3).unwrap_err().into_inner(), 3);
    let run = Run::new(&source, async |_: &Task<u32>| Ok::<_, Infallible>(()));
    assert_eq!(block_on(run.into_future()).unwrap().counters.done, 2);
    assert_eq!(source.push(4), Ok(()));
    assert_eq!(source.take_rest().iter().map(|task| (task.id.0, task.payload)).collect::<Vec<_>>(), [(2, 4)]);
}

#[test]
fn a_channel_of_any_capacity_is_made() {
    for capacity in [1, 1 << 24, (1 << 24) + 1, usize::MAX] {
        let (sender, source) = MemorySource::channel(NonZeroUsize::new(capacity).unwrap()).unwrap();
        sender.try_send(7_u8).unwrap();
        assert_eq!(sender.try_send(8).is_err(), capacity == 1);
        drop(sender);
        let run = Run::new(&source, async |_: &Task<u8>| Ok::<_, Infallible>(()));
        assert_eq!(block_on(run.into_future()).unwrap().counters.claimed, if capacity == 1 { 1 } else { 2 });
    }
}
