//! The permit as a guard.
//!
//! The tasks are those of the program that loses permits. Here each task holds its permit as a value. Whichever way the task
//! ends, the value is dropped and the permit is free: no line of code has to be reached.

use fourfold::{Failure, Permits, TaskId, scope::Permit, sim::SyntheticTask};

use super::{background::Background, host::Host};

pub(super) async fn program(host: &Host<'_>) {
    let permits = Permits::new(host.limit);
    let background = Background::new();
    let start_all = async {
        for (task, work) in host.tasks() {
            let acquired = host.gate(permits.acquire()).await; // page: source_blocked
            let Ok(permit) = acquired else { break };
            host.claimed(task); // page: claimed
            background.spawn(attempt(host, permit, task, work));
        }
    };
    background.drive(start_all).await;
    background.join().await;
}

async fn attempt(host: &Host<'_>, permit: Permit, task: TaskId, work: SyntheticTask) -> Result<(), Failure> {
    let mut running = host.started_with(permit, task); // page: started
    // On success and on failure, the permit is dropped with the task.
    running.perform(work).await // page: ended
}
