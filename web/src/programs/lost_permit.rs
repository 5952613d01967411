//! A permit that is lost on failure.
//!
//! Permits are taken and given back by hand. A task that succeeds reaches the line that gives its permit back; a task that fails
//! leaves by `?` before it. Each failure takes one permit away for good. When all permits are gone, no further task starts.

use async_lock::Semaphore;
use fourfold::{Failure, TaskId, sim::SyntheticTask};

use super::{background::Background, host::Host};

pub(super) async fn program(host: &Host<'_>) {
    let semaphore = Semaphore::new(host.limit.get());
    let background = Background::new();
    let start_all = async {
        for (task, work) in host.tasks() {
            host.gate(semaphore.acquire()).await.forget(); // page: source_blocked
            host.claimed(task); // page: claimed
            background.spawn(attempt(host, &semaphore, task, work));
        }
    };
    background.drive(start_all).await;
    background.join().await;
}

async fn attempt(host: &Host<'_>, semaphore: &Semaphore, task: TaskId, work: SyntheticTask) -> Result<(), Failure> {
    let mut running = host.started(task); // page: started
    running.perform(work).await?; // page: abandoned
    semaphore.add_permits(1);
    running.end(); // page: ended
    Ok(())
}
