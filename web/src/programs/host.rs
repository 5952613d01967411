//! What a program is given: a clock, a limit, tasks, and a journal that tells what happens.

mod running;

use core::{
    cell::RefCell,
    future::{Future, pending},
    num::NonZeroUsize,
    pin::{Pin, pin},
    time::Duration,
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use fourfold::{
    Attempt, Clock, Event, TaskId,
    clock::SimulatedClock,
    event::{BlockedOn, EventKind},
    scope::Permit,
    sim::SyntheticTask,
};
use futures_lite::future;

use super::ProgramParams;

pub(super) use self::running::Running;

pub(super) struct Host<'a> {
    pub(super) clock: SimulatedClock,
    pub(super) limit: NonZeroUsize,
    work: &'a [SyntheticTask],
    duration_max: Option<Duration>,
    journal: RefCell<Journal<'a>>,
}

/// Numbers and dates the events, and knows enough to tell them as a run would.
struct Journal<'a> {
    observer: &'a mut dyn FnMut(&Event<&str>),
    sequence: u64,
    intake: Intake,
    queue: VecDeque<TaskId>,
    /// Permits that were given back; the lowest is given out first.
    free: BinaryHeap<Reverse<usize>>,
    /// Those from here on were never given out.
    fresh: usize,
}

#[derive(PartialEq)]
enum Intake {
    Open,
    Blocked,
    Exhausted,
}

impl<'a> Host<'a> {
    pub(super) fn new(params: &'a ProgramParams, observer: &'a mut dyn FnMut(&Event<&str>)) -> Self {
        let (queue, free) = (VecDeque::new(), BinaryHeap::new());
        Self {
            clock: SimulatedClock::new(),
            limit: params.limit,
            work: &params.work,
            duration_max: params.duration_max,
            journal: RefCell::new(Journal { observer, sequence: 0, intake: Intake::Open, queue, free, fresh: 0 }),
        }
    }

    /// Runs a program until it ends, until nothing can happen in it any more, or until its time is up.
    pub(super) fn run(&self, begin: EventKind<&str>, program: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.tell(begin);
        let time_is_up = async {
            match self.duration_max {
                Some(duration) => self.clock.sleep(duration).await,
                None => pending().await,
            }
        };
        // One that stalls has come to its end as well. Either way it is dropped here, with all that it has started.
        let _ = self.clock.run(future::or(program, time_is_up));
        let queue = core::mem::take(&mut self.journal.borrow_mut().queue);
        for task in queue {
            self.tell(EventKind::Abandoned { task, attempt: Attempt::FIRST, outcome: None, permit: None });
        }
        self.tell(EventKind::RunEnded);
    }

    pub(super) fn tell(&self, kind: EventKind<&str>) {
        let Journal { observer, sequence, .. } = &mut *self.journal.borrow_mut();
        observer(&Event { sequence: *sequence, at: self.clock.now(), kind });
        *sequence += 1;
    }

    /// The tasks, one after the other; that there are no more is told.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (TaskId, SyntheticTask)> {
        let end = || {
            if self.turn_intake(Intake::Exhausted) {
                self.tell(EventKind::SourceExhausted);
            }
            None
        };
        (0..).map(TaskId).zip(self.work.iter().copied()).map(Some).chain(core::iter::once_with(end)).flatten()
    }

    /// How often a task comes in where they come in twice as fast as the workers can get them done.
    pub(super) fn pace(&self) -> Duration {
        let total_ms: u128 = self.work.iter().map(|work| u128::from(work.ms)).sum();
        let share = self.work.len().max(1) as u128 * self.limit.get() as u128 * 2;
        Duration::from_nanos(u64::try_from(total_ms * 1_000_000 / share).unwrap_or(u64::MAX))
    }

    /// Waits for room; that there is none at once is told.
    pub(super) async fn gate<T>(&self, room: impl Future<Output = T>) -> T {
        let mut room = pin!(room);
        if let Some(got) = future::poll_once(room.as_mut()).await {
            return got;
        }
        if self.turn_intake(Intake::Blocked) {
            self.tell(EventKind::SourceBlocked { by: BlockedOn::Room });
        }
        room.await
    }

    /// Whether that is new.
    fn turn_intake(&self, intake: Intake) -> bool {
        let present = &mut self.journal.borrow_mut().intake;
        let turns = *present != Intake::Exhausted && *present != intake;
        if turns {
            *present = intake;
        }
        turns
    }

    /// A task has come in, and is the last in the queue.
    pub(super) fn claimed(&self, task: TaskId) {
        self.journal.borrow_mut().queue.push_back(task);
        self.tell(EventKind::Claimed { task, attempt: Attempt::FIRST });
    }

    /// A task is started: what is done with the [`Running`] decides what is told of it next.
    pub(super) fn started(&self, task: TaskId) -> Running<'_, 'a> {
        let permit = self.take_permit();
        self.start(Running::new(self, task, permit, None))
    }

    /// A task is started by a worker, whose permit comes back with it.
    pub(super) fn started_by(&self, worker: usize, task: TaskId) -> Running<'_, 'a> {
        self.start(Running::new(self, task, worker, Some(worker)))
    }

    /// A task is started and takes its permit with it, which is released when the [`Running`] is dropped.
    pub(super) fn started_with(&self, permit: Permit, task: TaskId) -> Running<'_, 'a> {
        self.started(task).guarded(permit)
    }

    fn start<'h>(&'h self, running: Running<'h, 'a>) -> Running<'h, 'a> {
        let (task, permit, worker) = (running.task, running.permit, running.worker);
        let first = self.journal.borrow_mut().queue.pop_front();
        debug_assert_eq!(first, Some(task), "what comes first is started first");
        self.tell(EventKind::Started { task, attempt: Attempt::FIRST, permit, worker });
        running
    }

    fn take_permit(&self) -> usize {
        let Journal { free, fresh, .. } = &mut *self.journal.borrow_mut();
        free.pop().map(|Reverse(permit)| permit).unwrap_or_else(|| {
            *fresh += 1;
            *fresh - 1
        })
    }

    pub(super) fn give_permit_back(&self, permit: usize) {
        self.journal.borrow_mut().free.push(Reverse(permit));
    }
}
