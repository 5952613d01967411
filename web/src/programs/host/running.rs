//! A task that a program has started.

use fourfold::{
    Attempt, Failure, TaskId,
    event::{Disposition, EventKind, Outcome},
    scope::Permit,
    sim::SyntheticTask,
};

use super::Host;

/// The hand that a program has on a task that runs. Whoever lets go of it without a word has abandoned the task, and what permit it
/// held is not given back; but one that holds its own permit, or a worker's, gives it back on every way out.
pub(in crate::programs) struct Running<'h, 'a> {
    host: &'h Host<'a>,
    pub(in crate::programs) task: TaskId,
    pub(in crate::programs) permit: usize,
    pub(in crate::programs) worker: Option<usize>,
    /// How it went, as far as is known.
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

    /// Does what is to be done.
    pub(in crate::programs) async fn perform(&mut self, work: SyntheticTask) -> Result<(), Failure> {
        let result = work.perform(&self.host.clock, Attempt::FIRST).await;
        self.result = Some(result.clone());
        result
    }

    /// It has ended as it went, and its permit is free.
    pub(in crate::programs) fn end(mut self) {
        self.tell_end();
    }

    /// It has ended like this, and its permit is free.
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
        // Whoever is told may be the one who panics.
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
