//! A semaphore for one thread, strictly in order.

use core::{
    cell::{Cell, RefCell},
    task::{Context, Poll},
};

use super::wait_list::{Left, WaitList};

/// Counts what is taken of a limit, and has those who want more wait in line. Nobody overtakes: as long as anybody waits,
/// nothing can be had but in line.
pub(crate) struct Semaphore {
    limit: Cell<usize>,
    held: Cell<usize>,
    is_closed: Cell<bool>,
    line: RefCell<WaitList<usize>>,
}

/// A place in the line. It has to be given up with [`Semaphore::give_up`] unless it came to its turn.
pub(crate) type Ticket = Option<usize>;

impl Semaphore {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: Cell::new(limit), held: Cell::new(0), is_closed: Cell::new(false), line: RefCell::default() }
    }

    #[inline]
    pub(crate) fn limit(&self) -> usize {
        self.limit.get()
    }

    /// What is taken, or granted to somebody in line who has not come back for it yet.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }

    /// What can be had at once.
    #[inline]
    pub(crate) fn available(&self) -> usize {
        if self.is_closed.get() || self.line.borrow().len() > 0 {
            return 0;
        }
        self.limit.get().saturating_sub(self.held.get())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.line.borrow().len()
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    #[inline]
    pub(crate) fn try_take(&self, count: usize) -> bool {
        let can = count <= self.available();
        if can {
            self.held.set(self.held.get() + count);
        }
        can
    }

    /// Takes one whether or not there is room.
    pub(crate) fn take_beyond(&self) {
        self.held.set(self.held.get() + 1);
    }

    #[inline]
    pub(crate) fn release(&self, count: usize) {
        self.held.set(self.held.get() - count);
        self.grant();
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.set(limit);
        self.grant();
    }

    /// Hands out nothing more; all who wait are told.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        loop {
            // The borrow has ended before the waker runs, which may do anything.
            let next = self.line.borrow_mut().wake_first(false);
            let Some(waker) = next else { return };
            waker.wake();
        }
    }

    /// Waits for `count`; false when nothing is handed out any more.
    #[inline]
    pub(crate) fn poll_take(&self, count: usize, ticket: &mut Ticket, cx: &Context<'_>) -> Poll<bool> {
        if ticket.is_none() {
            if self.is_closed.get() {
                return Poll::Ready(false);
            }
            if self.try_take(count) {
                return Poll::Ready(true);
            }
        }
        self.poll_line(count, ticket, cx)
    }

    fn poll_line(&self, count: usize, ticket: &mut Ticket, cx: &Context<'_>) -> Poll<bool> {
        let Some(place) = *ticket else {
            let waker = cx.waker().clone();
            *ticket = Some(self.line.borrow_mut().enter(waker, count));
            return Poll::Pending;
        };
        let waits = self.line.borrow_mut().wait_on(place, cx.waker());
        if waits.is_some() {
            return Poll::Pending; // which drops the former waker, with nothing borrowed
        }
        *ticket = None;
        let (left, _) = self.line.borrow_mut().remove(place);
        Poll::Ready(left == Left::Woken { granted: true })
    }

    /// Leaves the line; what was granted goes to the next.
    pub(crate) fn give_up(&self, count: usize, ticket: &mut Ticket) {
        let Some(place) = ticket.take() else { return };
        let (left, waker) = self.line.borrow_mut().remove(place);
        match left {
            Left::Woken { granted: true } => self.release(count),
            Left::Woken { granted: false } => {}
            // It may have kept those behind it from what was too little for itself.
            Left::Waiting => self.grant(),
        }
        drop(waker);
    }

    /// Gives what is free to the first in line. They hold it from here on.
    #[inline]
    fn grant(&self) {
        while self.is_next_possible() {
            let mut line = self.line.borrow_mut();
            let count = line.first().copied().unwrap_or(0);
            let Some(waker) = line.wake_first(true) else { return };
            drop(line);
            self.held.set(self.held.get() + count);
            waker.wake();
        }
    }

    #[inline]
    fn is_next_possible(&self) -> bool {
        let free = self.limit.get().saturating_sub(self.held.get());
        self.line.borrow().first().is_some_and(|count| *count <= free)
    }
}
