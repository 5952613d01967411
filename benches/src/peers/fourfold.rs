//! Ours: the executor alone, the four patterns as scopes, and the four through a whole run.

use std::convert::Infallible;
use std::future::{IntoFuture as _, poll_fn};
use std::num::NonZeroUsize;
use std::task::Poll;

use fourfold::executor::{Budget, Executor, Start};
use fourfold::{MemorySource, Pattern, Run, Task, TaskSet, batch, task_group, worker_pool};
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
                executor.tick(&mut budget, |_, result| total.add(result));
            }
        });
        block_on(beside(work, drive));
        total
    }
}

/// A task set, topped up and emptied as it goes.
pub struct Set;

impl Peer for Set {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let drive = async {
            let mut set = TaskSet::new(limit).expect("a limit above 0");
            for id in 0..tasks {
                set.spawn(work.task(id)).await;
                set.prune().for_each(|result| total.add(result));
            }
            while let Some(result) = set.next().await {
                total.add(result);
            }
        };
        block_on(beside(work, drive));
        total
    }
}

/// A batch, whose results come all at its end.
pub struct Batch;

impl Peer for Batch {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let results = block_on(beside(work, batch(limit, 0..tasks, async |id| work.task(id).await)));
        results.expect("a limit above 0").into_iter().for_each(|result| total.add(result));
        total
    }
}

/// As many workers as the limit, fed by a queue with as many places.
pub struct Pool;

impl Peer for Pool {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let handler = async |id, _: &_| total.add(work.task(id).await);
        let pool = worker_pool(limit, limit, handler, async |queue| {
            for id in 0..tasks {
                queue.push(id).await.expect("the queue is open until the body ends");
            }
        });
        block_on(beside(work, pool)).expect("a limit above 0");
        total
    }
}

/// A group, whose results come all at its end.
pub struct Group;

impl Peer for Group {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        let group = task_group(limit, async |group| {
            for id in 0..tasks {
                group.spawn("task", async move { Ok(work.task(id).await) }).await;
            }
            Ok::<_, Infallible>(())
        });
        let output = block_on(beside(work, group)).unwrap_or_else(|error| match error.failures[0].error {});
        output.results.into_iter().for_each(|(_, result)| total.add(result));
        total
    }
}

/// A whole run over a source in memory; nobody observes.
fn through<W: Work>(pattern: Pattern, work: W, limit: NonZeroUsize, tasks: u64) -> Total {
    let total = Total::default();
    let source = MemorySource::new(0..tasks);
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

patterns!(RunSet: TaskSet, RunBatch: SemaphoreBatch, RunPool: WorkerPool, RunGroup: TaskGroup);
