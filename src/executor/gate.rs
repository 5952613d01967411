//! The gate: who is polling right now, and whom to wake otherwise.

use alloc::rc::Rc;
use alloc::sync::Arc;
use core::cell::Cell;
use core::fmt;
use core::task::Context;

use super::sync::{AtomicBool, AtomicUsize, NOBODY, Ordering, Parent, this_thread};

/// The part that wakers reach, from any thread.
#[derive(Default)]
pub(super) struct Shared {
    /// The thread that is inside, or [`NOBODY`]. Only ever set by the one thread that owns the gate, so another
    /// thread cannot find itself here however late it reads.
    owner: AtomicUsize,
    /// How many groups and snapshots hold ready bits of the owner. Only the owner reads or writes it.
    ready: AtomicUsize,
    /// Somebody else set a ready bit since the owner last looked; the parent has been woken for it.
    called: AtomicBool,
    parent: Parent,
}

impl Shared {
    /// Whether the caller is the thread that is inside.
    #[inline]
    pub(super) fn is_inside(&self) -> bool {
        let here = this_thread();
        here != NOBODY && self.owner.load(Ordering::Relaxed) == here
    }

    /// Calls the owner back after a ready bit was set from elsewhere: one wake of the parent, however many calls.
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
}

impl Local {
    /// Answers a call: from here on every member has to collect its remote bits, and a new call wakes the parent again.
    #[inline]
    fn answer(&self) {
        // Only a clear that reads the caller's write is sure to see the caller's bits, hence the swap.
        if self.shared.called.load(Ordering::Relaxed) && self.shared.called.swap(false, Ordering::AcqRel) {
            self.round.set(self.round.get().wrapping_add(1));
            self.behind.set(self.members.get());
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.shared.parent.release();
    }
}

/// Where a thread goes in to poll: executors that are polled by one and the same parent share one.
///
/// A wake by the thread that is inside sets a bit and nothing else, since that thread is about to look at the bits
/// anyway; a wake from anywhere else also wakes the parent. Cloning gives another handle to the same gate.
#[derive(Clone)]
pub struct Gate(Rc<Local>);

impl Gate {
    pub(super) fn new() -> Self {
        Gate(Rc::new(Local {
            shared: Arc::default(),
            inside: Cell::new(false),
            members: Cell::new(0),
            round: Cell::new(0),
            behind: Cell::new(0),
        }))
    }

    /// Goes in: registers the parent's waker and marks this thread as the one inside, until the guard is dropped
    /// (by a panic too). Going in again while inside does nothing.
    ///
    /// Nothing is lost if ready tasks are left when the guard goes: it wakes the parent then. Leave by dropping the
    /// guard; forgetting it would make this thread look as if it were inside for ever.
    pub fn enter(&self, cx: &Context<'_>) -> Entered {
        let outermost = self.step_in();
        if outermost {
            self.register(cx);
        }
        Entered { gate: self.clone(), outermost, cares: true }
    }

    /// Goes in, but registers the parent only before sleeping, if it comes to that: see [`Entered::register`].
    #[inline]
    pub(super) fn enter_unregistered(&self) -> Entered {
        let outermost = self.step_in();
        if outermost {
            self.0.answer();
        }
        Entered { gate: self.clone(), outermost, cares: false }
    }

    #[inline]
    fn step_in(&self) -> bool {
        let outermost = !self.0.inside.replace(true);
        if outermost {
            self.shared().owner.store(this_thread(), Ordering::Relaxed);
        }
        outermost
    }

    /// Whoever calls from now on wakes this parent; who called before is answered.
    fn register(&self, cx: &Context<'_>) {
        // In this order: a call between the two finds the new parent or is answered here.
        self.shared().parent.register(cx.waker());
        self.0.answer();
    }

    #[inline]
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// Has the parent come back for a bit that the owner set, unless it is inside and will see it.
    #[inline]
    pub(super) fn call_from_outside(&self) {
        if !self.0.inside.get() {
            self.shared().call();
        }
    }

    pub(super) fn join(&self) -> Membership {
        self.0.members.set(self.0.members.get() + 1);
        Membership { gate: self.clone(), round: self.0.round.get() }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("inside", &self.0.inside.get()).field("members", &self.0.members.get()).finish()
    }
}

/// An executor's place at its gate.
pub(super) struct Membership {
    pub(super) gate: Gate,
    round: usize,
}

impl Membership {
    #[inline]
    pub(super) fn is_behind(&self) -> bool {
        self.round != self.gate.0.round.get()
    }

    /// Says that this member has collected its remote bits, or will now.
    #[inline]
    pub(super) fn catch_up(&mut self) -> bool {
        let behind = self.is_behind();
        if behind {
            self.round = self.gate.0.round.get();
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

/// Being inside a [`Gate`], until dropped.
#[must_use = "dropping it leaves the gate"]
pub struct Entered {
    gate: Gate,
    outermost: bool,
    /// Whether to wake the parent for what is left.
    cares: bool,
}

impl Entered {
    /// Registers late, right before going to sleep; from here on it takes care of what is left, such as tasks of
    /// other members that were woken meanwhile. An outer guard does all this by itself.
    pub(super) fn register(&mut self, cx: &Context<'_>) {
        if self.outermost {
            self.gate.register(cx);
            self.cares = true;
        }
    }
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        if !self.outermost {
            return;
        }
        let local = &self.gate.0;
        local.shared.owner.store(NOBODY, Ordering::Relaxed);
        local.inside.set(false);
        if self.cares && (local.shared.ready.load(Ordering::Relaxed) != 0 || local.behind.get() != 0) {
            local.shared.call();
        }
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").field("outermost", &self.outermost).finish_non_exhaustive()
    }
}
