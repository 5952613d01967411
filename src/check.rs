//! The rules that the events of every run keep.

mod rules;

use alloc::{collections::VecDeque, string::String, vec::Vec};
use core::fmt;

use crate::{
    clock::Time,
    event::{Event, Observer, Outcome},
    index::Index,
    pattern::Pattern,
    task::{Attempt, TaskId},
};

/// A checker of the rules that every run keeps, whatever its source, its handler and its pattern.
///
/// - Events have no gaps, and time never goes back.
/// - At most `limit` tasks are in flight, and at most `queue_capacity` are queued.
/// - A permit is held by one task at a time, and permits are given in the order of the queue; only tasks that were held back
///   for their key, no more than may be, start out of it.
/// - What is known to be lost does not start.
/// - Each delivery ends exactly once, or is said to be abandoned.
/// - Each batch ends before the next one opens.
/// - No task starts after a drain, an abort or the failure of its group.
/// - At the end no task is held, and every permit was given back.
///
/// The checker keeps the first violation and checks nothing after it. No event makes it panic.
///
/// ```
/// use fourfold::{Attempt, Event, Pattern, TaskId, check::Invariants, clock::Time,
///     event::EventKind};
/// let mut invariants = Invariants::new();
/// let limit = EventKind::RunStarted { pattern: Pattern::TaskSet, limit: 1, workers: None, queue_capacity: None };
/// let claimed = |task| EventKind::Claimed { task: TaskId(task), attempt: Attempt::FIRST };
/// for (sequence, kind) in [limit, claimed(7), claimed(8)].into_iter().enumerate() {
///     invariants.check(&Event { sequence: sequence as u64, at: Time::ZERO, kind });
/// }
/// let violation = invariants.violation().unwrap();
/// assert_eq!(violation.to_string(), "event 2: 2 are claimed or in flight, and 1 may be");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Invariants {
    next: u64,
    at: Time,
    rules: Rules,
    /// The deliveries that are held, by task; almost always one.
    lives: Index<Held>,
    /// The task that holds each permit, for as many permits as a state shows. A permit that was lost
    /// with an abandoned task never becomes free.
    permits: Vec<Option<TaskId>>,
    /// The first task that was abandoned with its permit, and the permit.
    leak: Option<(TaskId, usize)>,
    leaks: usize,
    /// The queued tasks, by the number of the event with which each was claimed.
    queue: VecDeque<u64>,
    /// The number of tasks that wait for others of their key.
    held_back: usize,
    in_flight: usize,
    batch: Option<Batch>,
    stop: Stop,
    violation: Option<Violation>,
}

/// An event that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The sequence number of the event.
    pub sequence: u64,
    /// The rule that the event breaks, in words.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {}", self.sequence, self.what)
    }
}

impl core::error::Error for Violation {}

#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    pattern: Pattern,
    limit: usize,
    /// The highest limit so far: tasks that started under it may still be in flight.
    limit_max: usize,
    queue_capacity_max: Option<usize>,
    workers_max: Option<usize>,
}

/// The deliveries of one task.
#[derive(Clone, Debug)]
struct Held {
    latest: Delivered,
    /// Earlier deliveries that are held as well.
    older: Vec<Delivered>,
}

#[derive(Clone, Copy, Debug)]
struct Delivered {
    attempt: Attempt,
    life: Life,
    /// Whether its task was claimed again since, so that its lease must have ended.
    superseded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Claimed, with the number of the event, which is the place in the queue.
    Claimed(u64),
    /// Put aside until fewer of its key are in flight; it starts when it may.
    HeldBack,
    /// Lost before its start.
    Lost,
    Started(usize),
    Ended(Outcome),
    RetryDue(Outcome),
}

#[derive(Clone, Copy, Debug)]
struct Batch {
    number: u64,
    /// The number of its tasks that are yet to be claimed.
    coming: usize,
    left: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stop {
    started: bool,
    drained: bool,
    aborted: bool,
    cancelled: bool,
    /// A batch was closed before all of it had started: the rest is given back.
    given_back: bool,
    ended: bool,
}

impl Invariants {
    /// Makes a checker that has seen no event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the next event.
    pub fn check(&mut self, event: &Event<&str>) {
        if self.violation.is_some() {
            return;
        }
        if let Err(what) = self.event(event) {
            self.violation = Some(Violation { sequence: event.sequence, what });
        }
    }

    /// Returns the first violation, if there was one.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Returns whether the run has started and ended, so that the events are those of a whole run.
    pub fn is_complete(&self) -> bool {
        self.stop.ended
    }
}

impl Observer for Invariants {
    fn event(&mut self, event: &Event<&str>) {
        self.check(event);
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::event::EventKind;

    fn violation(kinds: &[EventKind<&str>]) -> (Option<String>, bool) {
        let mut invariants = Invariants::new();
        for (sequence, kind) in (0..).zip(kinds) {
            invariants.check(&Event { sequence, at: Time::ZERO, kind: *kind });
        }
        (invariants.violation().map(ToString::to_string), invariants.is_complete())
    }

    #[test]
    fn a_permit_that_is_taken_along_is_named_at_the_end_and_never_free_again() {
        use EventKind::{Abandoned, Claimed, RunEnded, RunStarted, Started};
        let attempt = Attempt::FIRST;
        let begin = RunStarted { pattern: Pattern::TaskSet, limit: 2, workers: None, queue_capacity: None };
        let claimed = |id| Claimed { task: TaskId(id), attempt };
        let started = |id, permit| Started { task: TaskId(id), attempt, permit, worker: None };
        let abandoned = |id, permit| Abandoned { task: TaskId(id), attempt, outcome: None, permit };

        let leak = [begin, claimed(7), started(7, 1), abandoned(7, Some(1)), RunEnded];
        let expected = "event 4: permits that never came back: 1, the first of them 1, with task 7";
        assert_eq!(violation(&leak), (Some(expected.into()), true));

        let again = [begin, claimed(7), started(7, 1), abandoned(7, Some(1)), claimed(8), started(8, 1)];
        assert_eq!(violation(&again), (Some("event 5: task 8 gets permit 1, which task 7 holds".into()), false));

        let another = [begin, claimed(7), started(7, 1), abandoned(7, Some(0))];
        assert!(violation(&another).0.is_some(), "it held another one");
        assert!(violation(&[begin, claimed(7), abandoned(7, Some(0))]).0.is_some(), "it held none");
        assert!(violation(&[begin, claimed(7), started(7, 1), abandoned(7, None)]).0.is_some(), "it held one");
        assert_eq!(violation(&[begin, claimed(7), abandoned(7, None), RunEnded]), (None, true));
        assert!(violation(&[begin, claimed(7), started(7, 1), RunEnded]).0.is_some(), "a start without an end");
    }
}
