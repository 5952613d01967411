//! One task of a group, seen from outside.

use alloc::{rc::Rc, vec::Vec};
use core::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    mem,
    task::{Context, Poll, Waker},
};

use crate::sync::WaitList;

/// A handle to a task of a group. Dropping it changes nothing.
#[derive(Clone)]
pub struct Child {
    children: Rc<Children>,
    place: usize,
    number: u64,
}

impl Child {
    /// Drops the task if it has not ended: its group goes on without it, and lists its name among the cancelled ones.
    ///
    /// # Examples
    /// ```
    /// # use core::future::pending;
    /// # use fourfold::task_group;
    /// # use futures_lite::future::block_on;
    /// let output = block_on(task_group(2, async |group| {
    ///     let stuck = group.spawn("stuck", pending()).await;
    ///     group.spawn("quick", async { Ok(7) }).await.join().await;
    ///     stuck.cancel();
    ///     stuck.join().await;
    ///     Ok::<_, String>(())
    /// }))
    /// .unwrap();
    /// assert_eq!(output.get("quick"), Some(&7));
    /// assert_eq!(output.cancelled, ["stuck"]);
    /// ```
    pub fn cancel(&self) {
        if self.is_unfinished() {
            self.children.cancels.borrow_mut().push((self.place, self.number));
            self.children.wake();
        }
    }

    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// Says whether the task waits or runs.
    pub fn is_unfinished(&self) -> bool {
        self.children.is_unfinished(self.place, self.number)
    }

    /// Waits until the task has ended, one way or another.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn join(&self) {
        let mut join = Join { child: self, place: None };
        poll_fn(|cx| join.poll(cx)).await;
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("is_unfinished", &self.is_unfinished()).finish_non_exhaustive()
    }
}

/// A place among those who wait for a child, until dropped.
struct Join<'c> {
    child: &'c Child,
    place: Option<usize>,
}

impl Join<'_> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if !self.child.is_unfinished() {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let mut entries = self.child.children.entries.borrow_mut();
        let joins = &mut entries[self.child.place].joins;
        let former = match self.place {
            None => {
                self.place = Some(joins.enter(waker, ()));
                None
            }
            Some(place) => joins.wait_on(place, &waker).map(|former| (former, waker)),
        };
        // A waker is dropped with nothing borrowed: it may be anybody's code.
        drop(entries);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Join<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let left = self.child.children.entries.borrow_mut()[self.child.place].joins.remove(place);
            drop(left);
        }
    }
}

/// Where a child is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits to be started.
    Waiting,
    /// It waits, but is not to be started any more.
    Cancelled,
    /// It runs in this slot.
    Running(usize),
}

struct Entry {
    /// Counts those that have had this place, so that an old handle is told from a new one.
    number: u64,
    /// None when the place is free.
    stage: Option<Stage>,
    joins: WaitList<()>,
}

/// The children of a group that have not ended.
#[derive(Default)]
pub(super) struct Children {
    entries: RefCell<Vec<Entry>>,
    free: RefCell<Vec<usize>>,
    cancels: RefCell<Vec<(usize, u64)>>,
    /// Of whoever polls the group.
    waker: RefCell<Option<Waker>>,
    /// The group is being polled, and looks again before it waits.
    pub(super) is_polled: Cell<bool>,
}

impl Children {
    /// Adds a child that waits.
    #[inline]
    pub(super) fn add(self: &Rc<Self>) -> Child {
        let mut entries = self.entries.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or_else(|| {
            entries.push(Entry { number: 0, stage: None, joins: WaitList::default() });
            entries.len() - 1
        });
        let entry = &mut entries[place];
        entry.stage = Some(Stage::Waiting);
        Child { children: self.clone(), place, number: entry.number }
    }

    fn is_unfinished(&self, place: usize, number: u64) -> bool {
        self.entries.borrow().get(place).is_some_and(|entry| entry.number == number && entry.stage.is_some())
    }

    /// Where the child in this place is.
    #[inline]
    pub(super) fn stage(&self, place: usize) -> Option<Stage> {
        self.entries.borrow()[place].stage
    }

    #[inline]
    pub(super) fn set_stage(&self, place: usize, stage: Stage) {
        self.entries.borrow_mut()[place].stage = Some(stage);
    }

    /// A child has ended; those who wait for it are woken.
    #[inline]
    pub(super) fn end(&self, place: usize) {
        let mut entries = self.entries.borrow_mut();
        let entry = &mut entries[place];
        entry.stage = None;
        entry.number += 1;
        let joins = entry.joins.len();
        self.free.borrow_mut().push(place);
        drop(entries);
        if joins > 0 {
            self.wake_joins(place, joins);
        }
    }

    fn wake_joins(&self, place: usize, joins: usize) {
        for _ in 0..joins {
            let next = self.entries.borrow_mut()[place].joins.wake_first(true);
            if let Some(waker) = next {
                waker.wake();
            }
        }
    }

    /// All children have ended.
    pub(super) fn end_all(&self) {
        let places = self.entries.borrow().len();
        for place in 0..places {
            if self.stage(place).is_some() {
                self.end(place);
            }
        }
    }

    /// The next child that is to be cancelled, and where it is.
    pub(super) fn next_cancel(&self) -> Option<(usize, Stage)> {
        loop {
            let (place, number) = self.cancels.borrow_mut().pop()?;
            if self.is_unfinished(place, number)
                && let Some(stage) = self.stage(place)
            {
                return Some((place, stage));
            }
        }
    }

    /// Remembers whom to wake.
    pub(super) fn register(&self, cx: &Context<'_>) {
        let known = self.waker.borrow().as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !known {
            let former = self.waker.replace(Some(cx.waker().clone()));
            drop(former);
        }
    }

    /// Has the group look for what is new.
    pub(super) fn wake(&self) {
        if !self.is_polled.get() {
            let waker = mem::take(&mut *self.waker.borrow_mut());
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}
