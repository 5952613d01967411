//! The permit as a guard.
//!
//! The tasks are those that lose their permits. Here each task holds its permit as a value: whichever way it leaves, the value
//! is dropped, and the permit is free. There is no line that could be missed.

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
    // Success or failure: the permit is dropped with what runs.
    running.perform(work).await // page: ended
}
