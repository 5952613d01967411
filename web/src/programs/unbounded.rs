//! A queue without a bound.
//!
//! Tasks arrive twice as fast as the workers process them. The queue takes all of them, so the producer never learns that the
//! workers are behind. The queue and the waiting times grow until memory runs out.

use async_channel::{Receiver, Sender};
use fourfold::{Clock, TaskId, TaskSet, sim::SyntheticTask};

use super::host::Host;

type Task = (TaskId, SyntheticTask);

pub(super) async fn program(host: &Host<'_>) {
    let (sender, receiver) = async_channel::unbounded();
    let Ok(mut workers) = TaskSet::new(host.limit) else { return };
    for number in 0..host.limit.get() {
        workers.spawn(work(host, number, receiver.clone())).await;
    }
    workers.drive(produce(host, sender)).await;
    workers.join().await;
}

async fn produce(host: &Host<'_>, queue: Sender<Task>) {
    let pace = host.pace();
    for (task, work) in host.tasks() {
        host.clock.sleep(pace).await;
        // An unbounded queue always has room.
        if queue.send((task, work)).await.is_ok() {
            host.claimed(task); // page: claimed
        }
    }
}

async fn work(host: &Host<'_>, number: usize, queue: Receiver<Task>) {
    while let Ok((task, work)) = queue.recv().await {
        let mut running = host.started_by(number, task); // page: started
        let _ = running.perform(work).await;
        running.end(); // page: ended
    }
}
