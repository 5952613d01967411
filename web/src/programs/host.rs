//! The environment of a program: a clock, a limit, tasks, and a recorder of what happens.

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
    recorder: RefCell<Recorder<'a>>,
}

/// Numbers the events, gives them their times, and reports them as a run would.
struct Recorder<'a> {
    observer: &'a mut dyn FnMut(&Event<&str>),
    sequence: u64,
    source_state: SourceState,
    queue: VecDeque<TaskId>,
    /// The permits that were given back; the lowest is taken first.
    free: BinaryHeap<Reverse<usize>>,
    /// The lowest permit that was never taken.
    fresh: usize,
}

#[derive(PartialEq)]
enum SourceState {
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
            recorder: RefCell::new(Recorder {
                observer,
                sequence: 0,
                source_state: SourceState::Open,
                queue,
                free,
                fresh: 0,
            }),
        }
    }

    /// Runs a program until it ends, until it is stuck, or until its time is up.
    pub(super) fn run(&self, begin: EventKind<&str>, program: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.tell(begin);
        let time_is_up = async {
            match self.duration_max {
                Some(duration) => self.clock.sleep(duration).await,
                None => pending().await,
            }
        };
        // A program that is stuck ends here as well. Either way it is dropped, with everything that it has started.
        let _ = self.clock.run(future::or(program, time_is_up));
        let queue = core::mem::take(&mut self.recorder.borrow_mut().queue);
        for task in queue {
            self.tell(EventKind::Abandoned { task, attempt: Attempt::FIRST, outcome: None, permit: None });
        }
        self.tell(EventKind::RunEnded);
    }

    pub(super) fn tell(&self, kind: EventKind<&str>) {
        let Recorder { observer, sequence, .. } = &mut *self.recorder.borrow_mut();
        observer(&Event { sequence: *sequence, at: self.clock.now(), kind });
        *sequence += 1;
    }

    /// Returns the tasks one after the other, and reports the end of the source.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (TaskId, SyntheticTask)> {
        let end = || {
            if self.change_source_state(SourceState::Exhausted) {
                self.tell(EventKind::SourceExhausted);
            }
            None
        };
        (0..).map(TaskId).zip(self.work.iter().copied()).map(Some).chain(core::iter::once_with(end)).flatten()
    }

    /// Returns the interval between tasks that arrive twice as fast as the workers can process them.
    pub(super) fn pace(&self) -> Duration {
        let total_ms: u128 = self.work.iter().map(|work| u128::from(work.ms)).sum();
        let share = self.work.len().max(1) as u128 * self.limit.get() as u128 * 2;
        Duration::from_nanos(u64::try_from(total_ms * 1_000_000 / share).unwrap_or(u64::MAX))
    }

    /// Waits for room, and reports when there is none at once.
    pub(super) async fn gate<T>(&self, room: impl Future<Output = T>) -> T {
        let mut room = pin!(room);
        if let Some(got) = future::poll_once(room.as_mut()).await {
            return got;
        }
        if self.change_source_state(SourceState::Blocked) {
            self.tell(EventKind::SourceBlocked { by: BlockedOn::Room });
        }
        room.await
    }

    /// Changes the state of the source, and returns whether the state is new.
    fn change_source_state(&self, source_state: SourceState) -> bool {
        let present = &mut self.recorder.borrow_mut().source_state;
        let changes = *present != SourceState::Exhausted && *present != source_state;
        if changes {
            *present = source_state;
        }
        changes
    }

    /// Reports a new task, which is the last in the queue.
    pub(super) fn claimed(&self, task: TaskId) {
        self.recorder.borrow_mut().queue.push_back(task);
        self.tell(EventKind::Claimed { task, attempt: Attempt::FIRST });
    }

    /// Reports the start of a task. The use of the [`Running`] decides which event follows.
    pub(super) fn started(&self, task: TaskId) -> Running<'_, 'a> {
        let permit = self.take_permit();
        self.start(Running::new(self, task, permit, None))
    }

    /// Reports the start of a task by a worker, whose permit is given back with the task.
    pub(super) fn started_by(&self, worker: usize, task: TaskId) -> Running<'_, 'a> {
        self.start(Running::new(self, task, worker, Some(worker)))
    }

    /// Reports the start of a task that holds its permit, which is given back when the [`Running`] is dropped.
    pub(super) fn started_with(&self, permit: Permit, task: TaskId) -> Running<'_, 'a> {
        self.started(task).guarded(permit)
    }

    fn start<'h>(&'h self, running: Running<'h, 'a>) -> Running<'h, 'a> {
        let (task, permit, worker) = (running.task, running.permit, running.worker);
        let first = self.recorder.borrow_mut().queue.pop_front();
        debug_assert_eq!(first, Some(task), "the first task in the queue starts first");
        self.tell(EventKind::Started { task, attempt: Attempt::FIRST, permit, worker });
        running
    }

    fn take_permit(&self) -> usize {
        let Recorder { free, fresh, .. } = &mut *self.recorder.borrow_mut();
        free.pop().map(|Reverse(permit)| permit).unwrap_or_else(|| {
            *fresh += 1;
            *fresh - 1
        })
    }

    pub(super) fn give_permit_back(&self, permit: usize) {
        self.recorder.borrow_mut().free.push(Reverse(permit));
    }
}
