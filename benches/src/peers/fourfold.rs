//! Ours: the executor alone, and the four patterns through a whole run.

use std::convert::Infallible;
use std::future::{IntoFuture as _, poll_fn};
use std::num::NonZeroUsize;
use std::task::Poll;

use fourfold::executor::{Budget, Executor, Start};
use fourfold::{MemorySource, Pattern, Run, Task};
use futures_lite::future::block_on;

use super::{Peer, Total, beside};
use crate::work::Work;

/// The executor by itself, started into and ticked as a run does it.
pub struct Bare;

impl Peer for Bare {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let mut waiting = (0..tasks).map(|id| work.task(id));
        let mut executor = Executor::new();
        let drive = poll_fn(|cx| {
            let _inside = executor.gate().enter(cx);
            let mut budget = Budget::default();
            loop {
                while executor.len() < limit.get() && !budget.is_spent() {
                    let Some(task) = waiting.next() else { break };
                    budget.spend();
                    if let Start::Finished(result) = executor.start(task) {
                        total.add(result);
                    }
                }
                if budget.is_spent() {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if executor.is_empty() {
                    return Poll::Ready(());
                }
                if !executor.begin_tick() {
                    return Poll::Pending;
                }
                while let Some((_, result)) = executor.next_in_tick(&mut budget) {
                    total.add(result);
                }
            }
        });
        block_on(beside(work, drive));
        total
    }
}

/// A whole run over a source in memory; nobody observes.
fn through<W: Work>(pattern: Pattern, work: W, limit: NonZeroUsize, tasks: u64) -> Total {
    let total = Total::default();
    let source = MemorySource::new((), 0..tasks);
    let handler = async |task: &Task<u64>| {
        total.add(work.task(task.payload).await);
        Ok::<_, Infallible>(())
    };
    let run = Run::new(&source, handler).pattern(pattern).limit(limit).into_future();
    let report = block_on(beside(work, run)).expect("a source in memory does not fail, nor does a task");
    assert_eq!(report.counters.done, tasks);
    total
}

macro_rules! patterns {
    ($($name:ident: $pattern:ident),*) => {$(
        pub struct $name;

        impl Peer for $name {
            fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
                through(Pattern::$pattern, work, limit, tasks)
            }
        }
    )*};
}

patterns!(Set: TaskSet, Batch: SemaphoreBatch, Pool: WorkerPool, Group: TaskGroup);
