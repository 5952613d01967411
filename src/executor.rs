//! The embedded executor: futures of one type, in slots that are reused.
//!
//! An [`Executor`] starts no thread and needs no runtime: whoever polls it, its parent, drives its tasks. A task costs
//! no heap allocation once its slot exists, a task that is ready at its first poll costs hardly more than that poll,
//! and a wake from within the poll only sets a bit. Several executors with futures of different types may share a [`Gate`].
//!
//! ```text
//!            start: polled at once ──ready──▶ Finished
//!                     │ pending
//!                     ▼            wake (any thread, any time)
//!    spawn ──▶ ready ◀──────────── waiting
//!                │                    ▲
//!                │ a tick's snapshot  │ pending
//!                ▼                    │
//!              polled ────────────────┘
//!                │ ready, panic or cancel
//!                ▼
//!              the slot is free
//! ```
//!
//! A wake that comes too late finds its slot empty, or polls the present occupant once in vain.
//!
//! # Fairness
//!
//! A tick polls each task at most once. A task that wakes itself during its poll waits for the next *turn*, as yielding is
//! meant to do; one that is woken by another is polled in the next tick of the same turn. A turn ends when nothing else
//! is ready, or after [`POLLS_PER_TURN`] polls; then the parent is asked for another one, and others have their chance.
//!
//! Executors nest: a task of one may poll another one. All polls of an executor that happen within one poll of the
//! outermost executor are one turn of it, with one [`Budget`]. So one poll of the outermost future polls, of each
//! executor in it, at most as many tasks as it holds and [`POLLS_PER_TURN`] more: a sum over the executors, never a
//! product over the levels. (Without the feature `std` a wake never reaches a task before the next poll of its parent,
//! which bounds a turn by itself.)

mod budget;
mod gate;
mod platform;
mod ready;
mod slots;

use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll};

pub use budget::Budget;
use gate::Membership;
pub use gate::{Entered, Gate};
use platform::KNOWS_THREADS;
use ready::{Ready, ReadyWord};
use slots::Slots;

/// The number of polls that a turn may make before the parent goes on with something else.
pub const POLLS_PER_TURN: usize = 512;

/// The result of starting a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<T> {
    /// The task was ready at its first poll; this is its output.
    Finished(T),
    /// The task goes on in this slot.
    Running(usize),
}

/// The tasks, and which of them are ready.
struct Tasks<F> {
    // In this order: tasks wake others when they are dropped, and only then is the ready set closed.
    slots: Slots<F>,
    ready: Ready,
}

impl<F: Future> Tasks<F> {
    #[inline]
    fn begin_tick(&mut self, membership: &Membership) -> bool {
        if membership.is_new_turn() {
            self.ready.release_deferred();
        }
        if self.ready.in_tick() {
            return true;
        }
        if membership.catch_up() {
            self.ready.collect();
        }
        self.ready.snapshot()
    }

    #[inline(always)]
    fn next_in_tick(&mut self, budget: &mut Budget) -> Option<(usize, F::Output)> {
        let Tasks { slots, ready } = self;
        while !budget.is_spent()
            && let Some(mut word) = ready.word()
        {
            let finished = poll_word(slots, &mut word, budget);
            if finished.is_some() {
                ready.end_tick();
                return finished;
            }
        }
        ready.end_tick();
        None
    }

    #[inline(always)]
    fn tick(&mut self, budget: &mut Budget, mut finished: impl FnMut(usize, F::Output)) {
        let Tasks { slots, ready } = self;
        while !budget.is_spent()
            && let Some(mut word) = ready.word()
        {
            while let Some((slot, output)) = poll_word(slots, &mut word, budget) {
                finished(slot, output);
            }
        }
        ready.end_tick();
    }
}

/// Polls on through a word of ready bits until a task finishes.
#[inline(always)]
fn poll_word<F: Future>(
    slots: &mut Slots<F>,
    word: &mut ReadyWord<'_>,
    budget: &mut Budget,
) -> Option<(usize, F::Output)> {
    let mut visit = slots.visit();
    let mut finished = None;
    while !budget.is_spent()
        && let Some(slot) = word.pop()
    {
        match visit.poll(slot) {
            Some(Poll::Ready(output)) => {
                budget.take();
                finished = Some((slot, output));
                break;
            }
            Some(Poll::Pending) => {
                budget.take();
                word.note_woken(slot);
            }
            None => {} // a wake that came too late
        }
    }
    visit.end();
    finished
}

/// Runs futures of one type. See the [module](self).
///
/// ```
/// use fourfold::executor::{Executor, Start};
/// use futures_lite::future::{self, block_on, yield_now};
///
/// let job = |n: u32, lazy: bool| async move {
///     if lazy {
///         yield_now().await;
///     }
///     n
/// };
/// let mut executor = Executor::new();
/// assert_eq!(executor.start(job(1, false)), Start::Finished(1));
/// assert_eq!(executor.start(job(2, true)), Start::Running(0));
/// assert_eq!(block_on(executor.next()), Some((0, 2)));
/// assert_eq!(block_on(executor.next()), None);
/// ```
pub struct Executor<F: Future> {
    tasks: Tasks<F>,
    membership: Membership,
    /// For [`poll_next`](Self::poll_next) alone.
    budget: Budget,
}

impl<F: Future> Executor<F> {
    /// Makes an executor with a gate of its own. It allocates slots as they are needed, however high the limit.
    pub fn new() -> Self {
        Self::at(&Gate::new())
    }

    /// Makes an executor at the same gate: the same parent polls both, and tasks of one wake those of the other by a bit,
    /// without waking the parent. So do not poll it from within a task of the other: nobody would wake that task.
    ///
    /// Each poll of the parent begins a tick of every executor at the gate, also of one that has no task: until all of
    /// them have looked, the gate asks for another poll.
    ///
    /// ```
    /// use core::{future, pin::pin, task::{Context, Poll, Waker}};
    /// use fourfold::executor::{Budget, Executor};
    ///
    /// let mut numbers = Executor::new();
    /// let mut words = numbers.sibling();
    /// numbers.spawn(future::ready(1));
    /// words.spawn(async { "one" });
    ///
    /// let mut budget = Budget::default();
    /// let cx = Context::from_waker(Waker::noop());
    /// let _inside = numbers.gate().enter(&cx);
    /// assert!(numbers.begin_tick() && words.begin_tick());
    /// assert_eq!(numbers.next_in_tick(&mut budget), Some((0, 1)));
    /// assert_eq!(words.next_in_tick(&mut budget), Some((0, "one")));
    /// assert_eq!(words.next_in_tick(&mut budget), None);
    /// ```
    pub fn sibling<G: Future>(&self) -> Executor<G> {
        Executor::at(self.gate())
    }

    fn at(gate: &Gate) -> Self {
        Executor {
            tasks: Tasks { slots: Slots::new(), ready: Ready::default() },
            membership: gate.join(),
            budget: Budget::default(),
        }
    }

    /// Returns the gate to go through before ticks.
    pub fn gate(&self) -> &Gate {
        &self.membership.gate
    }

    /// Returns the number of tasks.
    #[inline]
    pub fn len(&self) -> usize {
        self.tasks.slots.len()
    }

    /// Says whether the executor has no task.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the slot that the next task gets: the one freed last, else a new one at the end.
    #[inline]
    pub fn next_slot(&self) -> usize {
        self.tasks.slots.next()
    }

    /// Starts a task: polls it at once and keeps it only if it is pending.
    // Inlined, so that the future is built in its slot instead of being copied there.
    #[inline(always)]
    pub fn start(&mut self, future: F) -> Start<F::Output> {
        let slot = self.provide();
        match self.tasks.slots.start(future) {
            Poll::Ready(output) => Start::Finished(output),
            Poll::Pending => {
                self.tasks.ready.note_started(slot);
                Start::Running(slot)
            }
        }
    }

    /// Adds a task that is first polled in the next tick; gives its slot.
    pub fn spawn(&mut self, future: F) -> usize {
        let slot = self.provide();
        self.tasks.slots.fill(future);
        self.tasks.ready.mark(slot);
        slot
    }

    /// Sees to it that the next slot exists.
    #[inline]
    fn provide(&mut self) -> usize {
        if self.tasks.slots.are_full() {
            self.grow();
        }
        self.next_slot()
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let slot = self.next_slot();
        self.tasks.slots.add(self.tasks.ready.add(slot, &self.membership.gate));
    }

    /// Makes slots until there are `tasks` of them, so that this many tasks run at once without an allocation.
    ///
    /// ```
    /// # use fourfold::executor::Executor;
    /// let mut executor = Executor::new();
    /// executor.reserve(8);
    /// assert_eq!(executor.spawn(core::future::pending::<()>()), 0);
    /// ```
    ///
    /// # Panics
    /// Panics as [`Vec::reserve`] does when a list of `tasks` slots would be larger than memory can be.
    pub fn reserve(&mut self, tasks: usize) {
        let Tasks { slots, ready } = &mut self.tasks;
        slots.reserve(tasks, |slot| ready.add(slot, &self.membership.gate));
    }

    /// Begins a tick: takes a snapshot of the tasks that are ready. A tick that is not yet at its end goes on instead.
    /// `false` if there is nothing to poll.
    ///
    /// Call this between [`Gate::enter`] and the end of its guard.
    #[inline]
    pub fn begin_tick(&mut self) -> bool {
        self.tasks.begin_tick(&self.membership)
    }

    /// Says whether a tick was begun and has not come to its end: a budget was spent on the way.
    pub fn is_in_tick(&self) -> bool {
        self.tasks.ready.in_tick()
    }

    /// Polls on through the tick until a task finishes: its slot and its output. `None` at the end of the tick, and
    /// when the budget is spent.
    ///
    /// # Panics
    ///
    /// If a task panics; its slot is free then, and the tick goes on with the next call.
    #[inline(always)]
    pub fn next_in_tick(&mut self, budget: &mut Budget) -> Option<(usize, F::Output)> {
        self.tasks.next_in_tick(budget)
    }

    /// Polls on to the end of the tick, or until the budget is spent, and hands over the slot and the output of each task
    /// that finishes. This costs less than [`next_in_tick`](Self::next_in_tick) for each.
    ///
    /// # Panics
    ///
    /// If a task panics, as [`next_in_tick`](Self::next_in_tick).
    #[inline(always)]
    pub fn tick(&mut self, budget: &mut Budget, finished: impl FnMut(usize, F::Output)) {
        self.tasks.tick(budget, finished);
    }

    /// Says whether a task is known to be ready, in this tick or the next.
    pub fn is_ready(&self) -> bool {
        self.tasks.ready.any() || self.membership.is_behind()
    }

    /// Has every task be polled in the next tick, whatever it waits for.
    pub(crate) fn rouse_all(&mut self) {
        (0..self.tasks.slots.count()).for_each(|slot| self.tasks.ready.mark(slot));
    }

    /// Has the task in a slot be polled in the next tick, whatever it waits for.
    pub(crate) fn rouse(&mut self, slot: usize) {
        if slot < self.tasks.slots.len() {
            self.tasks.ready.mark(slot);
        }
    }

    /// Drops the task in a slot; says whether there was one.
    pub fn cancel(&mut self, slot: usize) -> bool {
        self.tasks.slots.vacate(slot)
    }

    /// Drops all tasks, running or ready. Slots are kept; the next task gets the first one.
    pub fn clear(&mut self) {
        self.tasks.slots.clear();
    }

    /// Polls for the next task to finish and returns its slot and its output. `None` when there is no task.
    ///
    /// This is all it takes to use an executor by itself: it goes through the gate and ticks. When the turn is over it
    /// asks the parent for another one and is pending, however many tasks are ready or finish.
    #[inline]
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        let Executor { tasks, membership, budget } = self;
        let polling = membership.gate.look_in();
        if polling.as_ref().is_some_and(|polling| polling.is_new) {
            *budget = Budget::default();
        }
        // Where threads do not know themselves, registering lets the tasks be polled that were woken in the same turn.
        let mut registered = !KNOWS_THREADS;
        if registered && polling.is_some() {
            membership.gate.register(cx);
        }
        loop {
            while !budget.is_spent() && tasks.begin_tick(membership) {
                if let Some(finished) = tasks.next_in_tick(budget) {
                    return Poll::Ready(Some(finished));
                }
            }
            if tasks.slots.len() == 0 {
                return Poll::Ready(None);
            }
            let Some(polling) = &polling else {
                return Poll::Pending; // whoever went in sees to the rest
            };
            if registered {
                membership.gate.end_turn(polling);
                membership.gate.sleep();
                return Poll::Pending;
            }
            // Then one more round, for wakes that came before the parent could be told.
            membership.gate.register(cx);
            registered = true;
        }
    }

    /// Waits for the next task to finish, as a future of [`poll_next`](Self::poll_next). Dropping it loses nothing.
    pub async fn next(&mut self) -> Option<(usize, F::Output)> {
        poll_fn(|cx| self.poll_next(cx)).await
    }
}

impl<F: Future> Default for Executor<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Future> fmt::Debug for Executor<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("len", &self.len()).field("gate", self.gate()).finish_non_exhaustive()
    }
}
