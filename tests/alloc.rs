//! What tasks cost the heap: nothing, once their slots exist.
#![cfg(feature = "std")]

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Future, pending},
    num::NonZeroUsize,
    pin::{Pin, pin},
    task::{Context, Waker},
};

use allocation_counter::measure;
use fourfold::{
    Clock, Pattern, Run, Source, Task, TaskSet,
    executor::{Executor, Start},
    source::{ClaimStatus, Claims, Delivery, Settlement},
};
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

#[test]
fn a_set_with_a_reserve_allocates_nothing_after_its_start() {
    block_on(yield_now());
    let spawn_all = |set: &mut TaskSet<_>| {
        block_on(async {
            for number in 0..1_000 {
                set.spawn(task(number, number % 3)).await;
                set.prune().for_each(drop);
            }
        });
    };
    for reserve in [0, 16, 1_000_000] {
        let mut set = TaskSet::new(16).unwrap();
        set.reserve(reserve);
        let counted = measure(|| spawn_all(&mut set));
        assert_eq!(counted.count_total == 0, reserve > 0, "reserve {reserve}: {counted:?}");
    }
}

/// A source of numbers that allocates nothing; its first claim waits once.
struct Numbers {
    next: Cell<u64>,
    has_waited: Cell<bool>,
}

impl Source for Numbers {
    type Payload = ();
    type Receipt = ();
    type Error = Infallible;

    async fn claim(
        &self,
        max: NonZeroUsize,
        claims: &mut Claims<(), ()>,
        _: &impl Clock,
    ) -> Result<ClaimStatus, Infallible> {
        if !self.has_waited.replace(true) {
            yield_now().await;
        }
        for _ in 0..max.get() {
            claims.push(Delivery::new(Task::new(self.next.replace(self.next.get() + 1), ()), ()));
        }
        Ok(ClaimStatus::Open)
    }

    async fn settle(&self, settlements: &mut [Settlement<(), ()>], _: &impl Clock) -> Result<(), Infallible> {
        for settlement in settlements {
            settlement.take();
        }
        Ok(())
    }

    fn abandon(&self, _: Delivery<(), ()>) {}
}

/// Counts what a run allocates from its second poll on, before which it has claimed nothing, until 10,000 tasks are done.
fn allocations(pattern: Pattern, limit: usize, reserve: usize) -> u64 {
    let (source, done) = (Numbers { next: Cell::new(0), has_waited: Cell::new(false) }, Cell::new(0));
    let handler = async |task: &Task<()>| {
        for _ in 0..task.id.0 % 3 {
            yield_now().await;
        }
        done.set(done.get() + 1);
        Ok::<_, Infallible>(())
    };
    let mut run = pin!(Run::new(&source, handler).pattern(pattern).limit(limit).reserve(reserve).into_future());
    let poll = |run: Pin<&mut _>| assert!(Future::poll(run, &mut Context::from_waker(Waker::noop())).is_pending());
    poll(run.as_mut());
    assert_eq!(source.next.get(), 0);
    let counted = measure(|| {
        while done.get() < 10_000 {
            poll(run.as_mut());
        }
    });
    counted.count_total
}

#[test]
fn a_run_with_a_reserve_allocates_nothing_after_its_start() {
    for pattern in Pattern::ALL {
        for limit in [1, 8, 100] {
            assert_eq!(allocations(pattern, limit, limit), 0, "{pattern}, limit {limit}");
            assert_eq!(allocations(pattern, limit, usize::MAX), 0, "{pattern}, limit {limit}: no more than the limit");
            assert!(allocations(pattern, limit, 0) > 0, "{pattern}, limit {limit}: nothing would be counted");
        }
    }
}
