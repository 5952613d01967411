//! tokio on one thread, in the two ways that people build a limit.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use super::{Peer, Total};
use crate::work::Work;

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime without timers and input needs nothing that could fail")
}

/// A permit before each spawn into a set that is pruned on the way.
pub struct Permits;

impl Peer for Permits {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Total::default();
        runtime().block_on(async {
            let sibling = W::SERVED.then(|| tokio::spawn(work.serve()));
            let semaphore = Arc::new(Semaphore::new(limit.get()));
            let mut set = JoinSet::new();
            for id in 0..tasks {
                let permit = semaphore.clone().acquire_owned().await.expect("the semaphore is never closed");
                set.spawn(async move {
                    let result = work.task(id).await;
                    drop(permit);
                    result
                });
                while let Some(result) = set.try_join_next() {
                    total.add(result.expect("no task panics"));
                }
            }
            while let Some(result) = set.join_next().await {
                total.add(result.expect("no task panics"));
            }
            if let Some(sibling) = sibling {
                sibling.abort();
            }
        });
        total
    }
}

/// As many workers as the limit, fed by a bounded channel.
pub struct Workers;

impl Peer for Workers {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = Rc::new(Total::default());
        let local = LocalSet::new();
        let run = local.run_until(async {
            let sibling = W::SERVED.then(|| tokio::task::spawn_local(work.serve()));
            let (sender, receiver) = async_channel::bounded(limit.get());
            let worker = || {
                let (receiver, total) = (receiver.clone(), total.clone());
                tokio::task::spawn_local(async move {
                    while let Ok(id) = receiver.recv().await {
                        total.add(work.task(id).await);
                    }
                })
            };
            let workers: Vec<_> = (0..limit.get()).map(|_| worker()).collect();
            for id in 0..tasks {
                sender.send(id).await.expect("the workers stay until the channel is closed");
            }
            sender.close();
            for worker in workers {
                worker.await.expect("no worker panics");
            }
            if let Some(sibling) = sibling {
                sibling.abort();
            }
        });
        runtime().block_on(run);
        Total::clone(&total)
    }
}
