//! Tasks that are started and then forgotten.
//!
//! `import` starts tasks in the background and keeps a list of them. At the first failure, `?` leaves the function and drops
//! the list. The other tasks keep running, their results are lost, and the end of the program drops them halfway.
//! A task group would have cancelled them and waited until all of them had ended.

use core::time::Duration;

use fourfold::{Attempt, Clock, Failure};

use super::{
    background::Background,
    host::{Host, Running},
};

pub(super) async fn program(host: &Host<'_>) {
    let background = Background::new();
    let imported = background.drive(import(host, &background)).await;
    if imported.is_err() {
        // The failure seems to be handled, and the program continues with other work.
        background.drive(host.clock.sleep(Duration::from_millis(500))).await;
    }
}

async fn import<'a>(host: &'a Host<'_>, background: &Background<'a>) -> Result<(), Failure> {
    let (report, reports) = async_channel::unbounded();
    let mut set: Vec<Running<'_, '_>> = Vec::new();
    let mut tasks = host.tasks();
    loop {
        while set.len() < host.limit.get()
            && let Some((task, work)) = tasks.next()
        {
            host.claimed(task); // page: claimed
            set.push(host.started(task)); // page: started
            let report = report.clone();
            background.spawn(async move {
                let result = work.perform(&host.clock, Attempt::FIRST).await;
                report.try_send((task, result)) // fails when the receiver is gone
            });
        }
        if set.is_empty() {
            return Ok(());
        }
        let next = host.gate(reports.recv()).await; // page: source_blocked
        let (task, result) = next.expect("a sender is kept in this function");
        if let Some(place) = set.iter().position(|running| running.task == task) {
            let result = set.swap_remove(place).end_with(result); // page: ended
            result?; // page: abandoned
        }
    }
}
