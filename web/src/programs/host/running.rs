//! A task that a program has started.

use fourfold::{
    Attempt, Failure, TaskId,
    event::{Disposition, EventKind, Outcome},
    scope::Permit,
    sim::SyntheticTask,
};

use super::Host;

/// A program's handle of a running task. Dropping the handle without an end abandons the task and loses its permit; a task that
/// holds its permit as a guard, or a worker's permit, gives it back however it ends.
pub(in crate::programs) struct Running<'h, 'a> {
    host: &'h Host<'a>,
    pub(in crate::programs) task: TaskId,
    pub(in crate::programs) permit: usize,
    pub(in crate::programs) worker: Option<usize>,
    /// The result of the task, as far as it is known.
    result: Option<Result<(), Failure>>,
    guard: Option<Permit>,
    is_over: bool,
}

impl<'h, 'a> Running<'h, 'a> {
    pub(in crate::programs) fn new(host: &'h Host<'a>, task: TaskId, permit: usize, worker: Option<usize>) -> Self {
        Self { host, task, permit, worker, result: None, guard: None, is_over: false }
    }

    pub(in crate::programs) fn guarded(mut self, permit: Permit) -> Self {
        self.guard = Some(permit);
        self
    }

    /// Performs the work of the task.
    pub(in crate::programs) async fn perform(&mut self, work: SyntheticTask) -> Result<(), Failure> {
        let result = work.perform(&self.host.clock, Attempt::FIRST).await;
        self.result = Some(result.clone());
        result
    }

    /// Reports the end of the task, with the result of its work, and gives its permit back.
    pub(in crate::programs) fn end(mut self) {
        self.tell_end();
    }

    /// Reports the end of the task, with this result, and gives its permit back.
    pub(in crate::programs) fn end_with(mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        self.result = Some(result.clone());
        self.tell_end();
        result
    }

    fn tell_end(&mut self) {
        self.is_over = true;
        let (task, attempt, permit, worker) = (self.task, Attempt::FIRST, self.permit, self.worker);
        let (outcome, reason) = match &self.result {
            None => (Outcome::Cancelled, None),
            Some(result) => (outcome_of(result), result.as_ref().err().map(Failure::reason)),
        };
        self.host.tell(EventKind::Ended { task, attempt, permit, worker, outcome, reason });
        let disposition = match outcome {
            Outcome::Succeeded => Disposition::Done,
            Outcome::Cancelled => Disposition::Released,
            _ => Disposition::Dead,
        };
        self.host.tell(EventKind::Settled { task, attempt, outcome: Some(outcome), disposition });
        if worker.is_none() {
            self.host.give_permit_back(permit);
        }
    }
}

impl Drop for Running<'_, '_> {
    fn drop(&mut self) {
        // The observer itself may be panicking.
        if self.is_over || std::thread::panicking() {
            return;
        }
        if self.guard.is_some() || self.worker.is_some() {
            return self.tell_end();
        }
        let outcome = self.result.as_ref().map(outcome_of);
        let (task, attempt, permit) = (self.task, Attempt::FIRST, Some(self.permit));
        self.host.tell(EventKind::Abandoned { task, attempt, outcome, permit });
    }
}

fn outcome_of(result: &Result<(), Failure>) -> Outcome {
    match result {
        Ok(()) => Outcome::Succeeded,
        Err(failure) if failure.is_panic() => Outcome::Panicked,
        Err(_) => Outcome::Failed,
    }
}
