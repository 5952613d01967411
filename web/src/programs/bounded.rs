//! The queue with a bound.
//!
//! The tasks and the workers are those of the unbounded queue. This one holds as many tasks as there are workers; when it is full
//! the producer waits at its gate, and so learns that the workers are behind. The queue stays short, and so does the wait in it.

use async_channel::{Receiver, Sender};
use fourfold::{Clock, TaskId, TaskSet, sim::SyntheticTask};

use super::host::Host;

type Task = (TaskId, SyntheticTask);

pub(super) async fn program(host: &Host<'_>) {
    let (sender, receiver) = async_channel::bounded(host.limit.get());
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
        // When there is no room, it waits here.
        let sent = host.gate(queue.send((task, work))).await; // page: source_blocked
        if sent.is_ok() {
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
