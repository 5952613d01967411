//! The queue with a bound.
//!
//! The tasks and the workers are those of the unbounded queue. This queue holds as many tasks as there are workers. When it is
//! full, the producer waits, and so it slows down to the speed of the workers. The queue and the waiting times stay short.

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
        // When the queue is full, the producer waits here.
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
