//! The four patterns, as scopes and as runs, each held to its result and to its limit.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::cell::Cell;

use cortex_m_semihosting::hprintln;
use fourfold::{Control, Failure, MemorySource, Pattern, Retry, Run, Task, TaskSet, batch, task_group, worker_pool};
use fourfold_bare_metal::{
    heap::{self, measure},
    succeed,
    wait::block_on,
};
use futures_lite::future::yield_now;
use panic_semihosting as _;

const LIMIT: usize = 8;
const TASKS: u32 = 100;

/// Bytes of heap that a set may take, a run, and a run that allocates everything before its first claim.
const SET_HEAP: usize = 1024;
const RUN_HEAP: usize = 7680;
const RESERVED_HEAP: usize = 8704;

/// The sum of the squares below [`TASKS`].
const SUM: u32 = 328_350;

/// How many tasks run at once, and how many did at the most.
#[derive(Default)]
struct InFlight {
    now: Cell<usize>,
    peak: Cell<usize>,
}

impl InFlight {
    /// The work of a task: it yields, and counts while it does.
    async fn square(&self, n: u32) -> u32 {
        self.now.set(self.now.get() + 1);
        self.peak.set(self.peak.get().max(self.now.get()));
        yield_now().await;
        self.now.set(self.now.get() - 1);
        n * n
    }

    fn check(&self) {
        assert_eq!((self.now.get(), self.peak.get()), (0, LIMIT));
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    heap::init();
    scopes();
    for pattern in Pattern::ALL {
        for (reserve, limit) in [(0, RUN_HEAP), (LIMIT, RESERVED_HEAP)] {
            let heap = measure(|| run(pattern, reserve));
            hprintln!("heap of a run as {}, limit {}, reserve {}: {} bytes", pattern, LIMIT, reserve, heap);
            assert!(heap <= limit);
        }
    }
    retries();
    settings();
    succeed()
}

fn scopes() {
    let heap = measure(|| {
        let flight = InFlight::default();
        let sum = block_on(async {
            let mut running = TaskSet::new(LIMIT).expect("the limit is not 0");
            let mut sum = 0;
            for n in 0..TASKS {
                running.spawn(flight.square(n)).await;
                sum += running.prune().sum::<u32>();
            }
            sum + running.join().await.iter().sum::<u32>()
        });
        assert_eq!(sum, SUM);
        flight.check();
    });
    hprintln!("heap of a set, limit {}: {} bytes", LIMIT, heap);
    assert!(heap <= SET_HEAP);

    let flight = InFlight::default();
    let squares = block_on(batch(LIMIT, 0..TASKS, async |n| flight.square(n).await)).expect("the limit is not 0");
    assert!(squares.iter().copied().eq((0..TASKS).map(|n| n * n)));
    flight.check();

    let flight = InFlight::default();
    let sum = Cell::new(0);
    let handler = async |n, _: &_| {
        let square = flight.square(n).await;
        sum.set(sum.get() + square);
    };
    block_on(worker_pool(LIMIT, LIMIT, handler, async |queue| {
        for n in 0..TASKS {
            queue.push(n).await.expect("nobody closes the queue");
        }
    }))
    .expect("the limits are not 0");
    assert_eq!(sum.get(), SUM);
    flight.check();

    let flight = InFlight::default();
    let output = block_on(task_group(LIMIT, async |group| {
        for n in 0..TASKS {
            let square = flight.square(n);
            group.spawn("square", async { Ok::<_, Failure>(square.await) }).await;
        }
        Ok(())
    }))
    .expect("no task fails");
    assert_eq!(output.results.iter().map(|(_, square)| square).sum::<u32>(), SUM);
    flight.check();
}

/// Runs a pattern with memory for this many tasks in flight allocated before the first claim.
fn run(pattern: Pattern, reserve: usize) {
    let (flight, sum) = (InFlight::default(), Cell::new(0));
    let (first, last) = (Cell::new(None), Cell::new(0));
    let source = MemorySource::new(0..TASKS);
    let handler = async |task: &Task<u32>| {
        let square = flight.square(task.payload).await;
        sum.set(sum.get() + square);
        last.set(heap::counts().allocations);
        first.set(first.get().or(Some(last.get())));
        Ok::<_, Failure>(())
    };
    let report = block_on(Run::new(&source, handler).pattern(pattern).limit(LIMIT).reserve(reserve).into_future());
    let counters = report.expect("memory does not fail").counters;
    assert_eq!((counters.done, counters.attempts(), sum.get()), (u64::from(TASKS), u64::from(TASKS), SUM));
    let is_steady = first.get() == Some(last.get());
    assert!(is_steady || reserve == 0, "a run with a reserve allocates nothing between its first task and its last");
    flight.check();
}

/// A failure is tried again, and in the end a dead letter says why.
fn retries() {
    let source = MemorySource::new(["1", "2", "three"]);
    let handler = async |task: &Task<&str>| match task.payload.parse::<u32>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::transient("no number")),
    };
    let report = block_on(Run::new(&source, handler).retry(Retry::new(2)).into_future()).expect("memory does not fail");
    assert_eq!((report.counters.done, report.counters.dead, report.counters.attempts()), (2, 1, 5));
    let dead = source.take_dead();
    assert_eq!((dead[0].task.payload, dead[0].reason.as_str()), ("three", "no number"));
}

/// A control handle changes the limit in the middle, and drains.
fn settings() {
    let (control, flight) = (Control::new(), InFlight::default());
    let source = MemorySource::new(0..TASKS);
    let handler = async |task: &Task<u32>| {
        flight.square(task.payload).await;
        match task.payload {
            10 => control.set_config(&fourfold::Config::default().limit(2)).expect("the limit is not 0"),
            50 => control.drain(),
            _ => {}
        }
        Ok::<_, Failure>(())
    };
    let run = Run::new(&source, handler).limit(LIMIT).control(&control);
    let report = block_on(run.into_future()).expect("memory does not fail");
    let rest: Vec<Task<u32>> = source.take_rest();
    assert_eq!(report.counters.done + rest.len() as u64, u64::from(TASKS));
    assert!((51..54).contains(&report.counters.done), "{} done", report.counters.done);
    flight.check();
}
