//! The gate: where a parent goes in to poll, and how it is called back.

use alloc::rc::Rc;
use core::cell::Cell;
use core::fmt;
use core::task::Context;

use super::platform::{
    AtomicBool, AtomicUsize, Ordering, Parent, count_outer_poll, enter_poll, is_in_poll, leave_outermost_poll,
    outer_poll,
};
use crate::sync::atomic::Arc;

/// The part that wakers reach, from any thread.
pub(super) struct Shared {
    /// How many groups and snapshots hold ready bits of the owner. Only the owner reads or writes it.
    ready: AtomicUsize,
    /// The parent sleeps, and expects to be woken by the owner's first ready bit. Only the owner reads or writes it.
    asleep: AtomicBool,
    /// Another thread set a ready bit since the owner last looked; the parent has been woken for it.
    called: AtomicBool,
    parent: Parent,
}

impl Shared {
    /// Calls the owner after a ready bit was set by another thread: one wake of the parent, however many calls.
    pub(super) fn call(&self) {
        // Release: who clears the flag sees the bit. Acquire: whose call is the first sees the parent's waker.
        if !self.called.swap(true, Ordering::AcqRel) {
            self.parent.wake();
        }
    }

    /// A group or a snapshot got its first ready bit (owner only).
    #[inline]
    pub(super) fn add_ready(&self) {
        self.ready.store(self.ready.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        if self.asleep.load(Ordering::Relaxed) {
            self.asleep.store(false, Ordering::Relaxed);
            self.parent.wake();
        }
    }

    /// Tasks were put off to the next turn (owner only). The parent is up: they were polled just now.
    #[inline]
    pub(super) fn add_deferred(&self) {
        self.ready.store(self.ready.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// A group or a snapshot gave up its last ready bit (owner only).
    #[inline]
    pub(super) fn sub_ready(&self) {
        self.ready.store(self.ready.load(Ordering::Relaxed).wrapping_sub(1), Ordering::Relaxed);
    }
}

/// The part that stays with the owner.
struct Local {
    shared: Arc<Shared>,
    inside: Cell<bool>,
    /// Executors that share this gate.
    members: Cell<usize>,
    /// Raised with every call that was answered; a member that is behind has remote bits to collect.
    round: Cell<usize>,
    /// Members that have not collected in this round.
    behind: Cell<usize>,
    /// The number of the present turn, counted here.
    turn: Cell<usize>,
    /// The stamp of the outermost poll that the present turn is a part of; 0 when the turn is over.
    stamp: Cell<usize>,
    /// How often the parent came back within the present turn.
    returns: Cell<usize>,
}

/// The parent comes back within a turn only when a task was woken by something outside, which happens at most once per
/// poll in the scopes around it. A parent that comes back more often cannot end the outermost poll by itself, such as one
/// that blocks within a task, and gets a new turn.
const RETURNS_PER_TURN: usize = 2 * super::POLLS_PER_TURN;

impl Local {
    /// The parent is up: answers a call, so that every member has to collect its remote bits, and a new call wakes
    /// the parent again.
    #[inline]
    fn answer(&self) {
        self.shared.asleep.store(false, Ordering::Relaxed);
        // Only a clear that reads the caller's write is sure to see the caller's bits, hence the swap.
        if self.shared.called.load(Ordering::Relaxed) && self.shared.called.swap(false, Ordering::AcqRel) {
            self.round.set(self.round.get().wrapping_add(1));
            self.behind.set(self.members.get());
        }
    }

    /// Begins a turn unless the present one goes on; says whether it did. A turn is the part of an outermost poll that one
    /// gate has: all polls of its parent within that outermost poll.
    #[inline]
    fn begin_turn(&self) -> bool {
        self.stamp.get() != outer_poll() && self.begin_other_turn()
    }

    /// Begins a turn if the present one was part of another outermost poll. Outside of all polls of scopes, only the gate
    /// knows its turns: one that is not over goes on, whatever was polled beside it.
    fn begin_other_turn(&self) -> bool {
        let begins = is_in_poll() || self.stamp.get() == 0;
        if begins {
            self.count_turn();
        }
        self.stamp.set(outer_poll());
        begins
    }

    fn count_turn(&self) {
        self.turn.set(self.turn.get().wrapping_add(1));
        self.returns.set(0);
        if !is_in_poll() {
            count_outer_poll();
        }
    }

    /// Begins a turn for a poll of the parent, or goes on with the present one.
    #[inline]
    fn poll(&self) -> Polling {
        let mut is_new = self.begin_turn();
        let is_outermost = enter_poll();
        if !is_new && !is_outermost {
            self.returns.set(self.returns.get() + 1);
            if self.returns.get() > RETURNS_PER_TURN {
                self.count_turn();
                is_new = true;
            }
        }
        Polling { is_new, is_outermost }
    }

    /// Ends the turn: the parent is told to wait. Within the poll of another scope the turn goes on nevertheless, if the
    /// parent comes back.
    #[inline]
    fn end_turn(&self, polling: &Polling) {
        if polling.is_outermost {
            self.stamp.set(0);
        }
    }

    /// Whoever calls from now on wakes this parent; who called before is answered.
    fn register(&self, cx: &Context<'_>) {
        // In this order: a call between the two finds the new parent or is answered here.
        self.shared.parent.register(cx.waker());
        self.answer();
    }

    /// The parent goes to sleep, or comes back at once if a member has something left to do.
    fn sleep(&self) {
        if self.shared.ready.load(Ordering::Relaxed) == 0 && self.behind.get() == 0 {
            self.shared.asleep.store(true, Ordering::Relaxed);
        } else {
            self.shared.parent.wake();
        }
    }
}

/// A poll of a gate's parent, until dropped.
pub(crate) struct Polling {
    /// Whether it began a turn.
    pub(crate) is_new: bool,
    /// Whether no other scope's poll is around it.
    is_outermost: bool,
}

impl Drop for Polling {
    #[inline]
    fn drop(&mut self) {
        if self.is_outermost {
            leave_outermost_poll();
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.shared.parent.release();
    }
}

/// The door through which a parent enters to poll: executors that are polled by one and the same parent share a gate.
///
/// While the parent is up, a wake by its own thread sets a bit and nothing else, since the parent is about to look at
/// the bits anyway; one that comes while it sleeps wakes it too, once. Other threads' wakes call it from either state.
/// Cloning gives another handle to the same gate.
#[derive(Clone)]
pub struct Gate(Rc<Local>);

impl Gate {
    pub(super) fn new() -> Self {
        let shared = Shared {
            ready: AtomicUsize::new(0),
            asleep: AtomicBool::new(false),
            called: AtomicBool::new(false),
            parent: Parent::default(),
        };
        Gate(Rc::new(Local {
            shared: Arc::new(shared),
            inside: Cell::new(false),
            members: Cell::new(0),
            round: Cell::new(0),
            behind: Cell::new(0),
            turn: Cell::new(0),
            stamp: Cell::new(0),
            returns: Cell::new(0),
        }))
    }

    /// Goes in, for one poll of the parent: registers its waker. The guard, when dropped (by a panic too), sees to it
    /// that nothing is lost: it wakes the parent at once if tasks were left ready, or were made ready after the last
    /// tick. Going in again while inside does nothing.
    pub fn enter(&self, cx: &Context<'_>) -> Entered {
        let outermost = !self.0.inside.replace(true);
        let polling = outermost.then(|| {
            self.0.register(cx);
            self.0.poll()
        });
        Entered { gate: self.clone(), polling, goes_on: false }
    }

    /// Goes in as [`enter`](Self::enter) does, for one look without a parent: nobody is registered, and nobody is woken
    /// for what is left ready.
    pub(crate) fn visit(&self) -> Entered {
        let outermost = !self.0.inside.replace(true);
        let polling = outermost.then(|| {
            self.0.answer();
            self.0.poll()
        });
        Entered { gate: self.clone(), polling, goes_on: true }
    }

    /// Has the parent look in without registering it, which is only needed before it sleeps. `Some` if it is the
    /// caller who sees to that, with [`register`](Self::register) and [`sleep`](Self::sleep).
    #[inline]
    pub(super) fn look_in(&self) -> Option<Polling> {
        let outermost = !self.0.inside.get();
        outermost.then(|| {
            self.0.answer();
            self.0.poll()
        })
    }

    /// Begins a turn unless the present one goes on, for polls that are made before the gate is entered.
    #[inline]
    pub(crate) fn begin_turn(&self) -> Polling {
        Polling { is_new: self.0.begin_turn(), is_outermost: enter_poll() }
    }

    /// Ends the turn of a poll: the parent is told to wait.
    #[inline]
    pub(super) fn end_turn(&self, polling: &Polling) {
        self.0.end_turn(polling);
    }

    pub(super) fn register(&self, cx: &Context<'_>) {
        self.0.register(cx);
    }

    pub(super) fn sleep(&self) {
        self.0.sleep();
    }

    #[inline]
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(super) fn join(&self) -> Membership {
        self.0.members.set(self.0.members.get() + 1);
        Membership { gate: self.clone(), round: Cell::new(self.0.round.get()), turn: Cell::new(self.0.turn.get()) }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("inside", &self.0.inside.get()).field("members", &self.0.members.get()).finish()
    }
}

/// A guard of a parent that is inside a [`Gate`], until it is dropped.
#[must_use = "dropping it leaves the gate"]
pub struct Entered {
    gate: Gate,
    /// None for an entrance within another one.
    polling: Option<Polling>,
    /// The parent does not wait: whoever polls goes on within the same turn.
    goes_on: bool,
}

impl Entered {
    /// Says whether this entrance began a turn, so that budgets are whole again. A parent that is polled several times within
    /// one poll of the outermost scope around it has one turn there.
    pub fn is_new_turn(&self) -> bool {
        self.polling.as_ref().is_some_and(|polling| polling.is_new)
    }

    /// Leaves the gate without waiting: the caller has something to return, and may come back at once. The turn goes on,
    /// and nobody is woken for what is left ready.
    pub(crate) fn leave_ready(mut self) {
        self.goes_on = true;
    }

    /// Ends the turn, for one who looks in and has nobody woken.
    pub(crate) fn end_turn(&self) {
        if let Some(polling) = &self.polling {
            self.gate.0.end_turn(polling);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(polling) = &self.polling {
            self.gate.0.inside.set(false);
            if !self.goes_on {
                self.gate.0.end_turn(polling);
                self.gate.0.sleep();
            }
        }
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").field("is_new_turn", &self.is_new_turn()).finish_non_exhaustive()
    }
}

/// An executor's place at its gate.
pub(super) struct Membership {
    pub(super) gate: Gate,
    round: Cell<usize>,
    turn: Cell<usize>,
}

impl Membership {
    /// Whether there may be remote bits to collect.
    #[inline]
    pub(super) fn is_behind(&self) -> bool {
        self.round.get() != self.gate.0.round.get()
    }

    /// Whether a turn began since the last tick.
    #[inline]
    pub(super) fn is_new_turn(&self) -> bool {
        self.turn.replace(self.gate.0.turn.get()) != self.gate.0.turn.get()
    }

    /// Whether there may be remote bits to collect, which the caller does now.
    #[inline]
    pub(super) fn catch_up(&self) -> bool {
        let behind = self.is_behind();
        if behind {
            self.round.set(self.gate.0.round.get());
            self.gate.0.behind.set(self.gate.0.behind.get() - 1);
        }
        behind
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.catch_up();
        self.gate.0.members.set(self.gate.0.members.get() - 1);
    }
}
