//! What tasks cost the heap: nothing, once their slots exist.
#![cfg(feature = "std")]

use std::future::pending;

use allocation_counter::measure;
use fourfold::executor::{Executor, Start};
use futures_lite::future::{block_on, yield_now};

async fn task(number: usize, yields: usize) -> usize {
    for _ in 0..yields {
        yield_now().await;
    }
    number
}

/// Runs `tasks` tasks, at most `limit` at once, and gives the sum of their outputs.
fn run<F: Future<Output = usize>>(
    executor: &mut Executor<F>,
    make: impl Fn(usize, usize) -> F,
    limit: usize,
    tasks: usize,
) -> usize {
    block_on(async {
        let (mut started, mut sum) = (0, 0);
        loop {
            while started < tasks && executor.len() < limit {
                started += 1;
                if let Start::Finished(number) = executor.start(make(started, started % 3)) {
                    sum += number;
                }
            }
            match executor.next().await {
                Some((_, number)) => sum += number,
                None if started == tasks => return sum,
                None => {}
            }
        }
    })
}

#[test]
fn a_task_in_the_steady_state_allocates_nothing() {
    for limit in [1, 16, 1000] {
        let mut executor = Executor::new();
        // Also makes block_on's own parker.
        run(&mut executor, task, limit, 10 * limit);
        let steady = measure(|| assert_eq!(run(&mut executor, task, limit, 10_000), 50_005_000));
        assert_eq!(steady.count_total, 0, "limit {limit}: {steady:?}");
    }
}

#[test]
fn a_million_tasks_take_no_more_memory_than_a_thousand() {
    let peak = |tasks| {
        block_on(yield_now());
        let info = measure(|| {
            run(&mut Executor::new(), task, 16, tasks);
        });
        assert_eq!(info.count_current, 0, "something was leaked: {info:?}");
        (info.count_total, info.bytes_max)
    };
    assert_eq!(peak(1_000), peak(1_000_000));
}

#[test]
fn a_slot_takes_112_bytes_and_the_future() {
    const TASKS: usize = 65_536;
    let task = |payload: [u64; 4]| async move {
        pending::<()>().await;
        payload
    };
    let future = size_of_val(&task([0; 4]));
    let info = measure(|| {
        let mut executor = Executor::new();
        for number in 0..TASKS {
            executor.spawn(task([number as u64; 4]));
        }
        assert_eq!(executor.len(), TASKS);
    });
    let per_slot = info.bytes_max as usize / TASKS;
    assert!(per_slot <= future + 112, "{per_slot} bytes for a future of {future}");
}

#[test]
fn slots_are_made_when_they_are_needed() {
    let info = measure(|| drop(Executor::<std::future::Pending<()>>::new()));
    assert!(info.bytes_total < 256, "{info:?}");
}
