//! What makes the four different: whom a slow task holds up, and in what order things happen.

use std::{cell::RefCell, convert::Infallible};

use fourfold::{Clock, Config, Pattern};

use crate::common::*;

/// The first task takes a second, all others a millisecond. When each starts, in milliseconds.
fn starts_beside_a_slow_task(config: Config, tasks: u64) -> Vec<u64> {
    let bench = Bench::new(config, tasks);
    let starts = RefCell::new(vec![0; tasks as usize]);
    let (ended, _) = bench.run(async |task| {
        starts.borrow_mut()[task.payload as usize] = bench.clock.now().as_nanos() / 1_000_000;
        bench.clock.sleep(if task.payload == 0 { ms(1000) } else { ms(1) }).await;
        Ok::<_, Infallible>(())
    });
    assert_eq!(ended.unwrap().counters.done, tasks);
    starts.into_inner()
}

#[test]
fn a_slow_task_holds_up_its_batch_and_the_next_batch_waits() {
    let config = Config::new(Pattern::SemaphoreBatch, nz(4)).batch_size(nz(12));
    let starts = starts_beside_a_slow_task(config, 24);
    // The rest of its batch goes on with the other three permits; nothing of the next one starts before it has ended.
    assert_eq!(starts[..12], [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3]);
    assert_eq!(starts[12..], [1000, 1000, 1000, 1000, 1001, 1001, 1001, 1001, 1002, 1002, 1002, 1002]);
}

#[test]
fn a_slow_task_holds_up_one_worker_and_nobody_elsewhere() {
    for pattern in [Pattern::WorkerPool, Pattern::TaskSet, Pattern::TaskGroup] {
        let starts = starts_beside_a_slow_task(Config::new(pattern, nz(4)), 31);
        let expected: Vec<u64> = std::iter::once(0).chain((0..30).map(|n| n / 3)).collect();
        assert_eq!(starts, expected, "{pattern}");
    }
}

#[test]
fn batches_are_as_many_as_they_must_be_and_a_short_claim_is_a_short_batch() {
    for (tasks, most, batches) in [(0, None, 0), (1, None, 1), (20, None, 1), (21, None, 2), (20, Some(7), 3)] {
        let faults = Faults { claim_most: most, ..Faults::default() };
        let bench = Bench::with_faults(Config::new(Pattern::SemaphoreBatch, nz(5)), tasks, faults);
        let (ended, _) = bench.run(async |_| Ok::<_, Infallible>(()));
        assert_eq!(ended.unwrap().counters.batches, batches);
    }
}

#[test]
fn tasks_start_in_the_order_in_which_they_were_claimed() {
    for config in grid() {
        let bench = Bench::new(config, 300);
        let (_, checker) = bench.run(async |task| {
            bench.clock.sleep(ms(task.payload * 7 % 5)).await;
            Ok::<_, Infallible>(())
        });
        assert!(checker.order.is_sorted(), "permits are granted in the order asked for");
    }
}

#[test]
fn a_pool_claims_ahead_only_what_its_queue_holds() {
    for (limit, capacity) in [(1, 1), (4, 1), (4, 9), (1, 64)] {
        let config = Config::new(Pattern::WorkerPool, nz(limit)).queue_capacity(nz(capacity));
        let bench = Bench::new(config, 200);
        let (ended, _) = bench.run(async |_| {
            bench.clock.sleep(ms(3)).await;
            Ok::<_, Infallible>(())
        });
        let counters = ended.unwrap().counters;
        assert_eq!(
            (counters.done, counters.peak_in_flight, counters.peak_queued),
            (200, limit as u64, capacity as u64)
        );
    }
}
