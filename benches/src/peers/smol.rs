//! smol's executor for one thread, in the two ways that people build a limit.

use std::num::NonZeroUsize;

use async_executor::LocalExecutor;
use async_lock::Semaphore;
use futures_lite::future::block_on;

use super::{Peer, Total};
use crate::work::Work;

/// A permit before each spawn.
pub struct Permits;

impl Peer for Permits {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = &Total::default();
        let semaphore = &Semaphore::new(limit.get());
        let executor = LocalExecutor::new();
        block_on(executor.run(async {
            let _sibling = W::SERVED.then(|| executor.spawn(work.serve()));
            for id in 0..tasks {
                let permit = semaphore.acquire().await;
                let task = async move {
                    total.add(work.task(id).await);
                    drop(permit);
                };
                executor.spawn(task).detach();
            }
            // All permits are here again when all tasks have ended.
            let mut permits = Vec::with_capacity(limit.get());
            while permits.len() < limit.get() {
                permits.push(semaphore.acquire().await);
            }
        }));
        total.clone()
    }
}

/// As many workers as the limit, fed by a bounded channel.
pub struct Workers;

impl Peer for Workers {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total {
        let total = &Total::default();
        let (sender, receiver) = async_channel::bounded(limit.get());
        let executor = LocalExecutor::new();
        block_on(executor.run(async {
            let _sibling = W::SERVED.then(|| executor.spawn(work.serve()));
            let worker = || {
                let receiver = receiver.clone();
                executor.spawn(async move {
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
                worker.await;
            }
        }));
        total.clone()
    }
}
