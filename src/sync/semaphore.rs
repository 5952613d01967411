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
    /// The length of the line, to be had without a look at it.
    waiting: Cell<usize>,
}

/// A place in the line. It has to be given up with [`Semaphore::give_up`] unless it came to its turn.
pub(crate) type Ticket = Option<usize>;

impl Semaphore {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: Cell::new(limit),
            held: Cell::new(0),
            is_closed: Cell::new(false),
            line: RefCell::default(),
            waiting: Cell::new(0),
        }
    }

    #[inline]
    pub(crate) fn limit(&self) -> usize {
        self.limit.get()
    }

    /// Returns the number of permits that are taken, or granted to a waiter that has not been polled yet.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }

    /// What can be had at once.
    #[inline]
    pub(crate) fn available(&self) -> usize {
        if self.is_closed.get() || self.waiting.get() > 0 {
            return 0;
        }
        self.limit.get().saturating_sub(self.held.get())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Changes the line; its borrow ends before the caller runs a waker, which may do anything.
    fn with_line<T>(&self, change: impl FnOnce(&mut WaitList<usize>) -> T) -> T {
        let mut line = self.line.borrow_mut();
        let result = change(&mut line);
        self.waiting.set(line.len());
        result
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
            let Some(waker) = self.with_line(|line| line.wake_first(false)) else { return };
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
            *ticket = Some(self.with_line(|line| line.enter(waker, count)));
            return Poll::Pending;
        };
        let waits = self.line.borrow_mut().wait_on(place, cx.waker());
        if waits.is_some() {
            return Poll::Pending; // which drops the former waker, with nothing borrowed
        }
        *ticket = None;
        let (left, _) = self.with_line(|line| line.remove(place));
        Poll::Ready(left == Left::Woken { granted: true })
    }

    /// Leaves the line; what was granted goes to the next.
    #[inline]
    pub(crate) fn give_up(&self, count: usize, ticket: &mut Ticket) {
        if let Some(place) = ticket.take() {
            self.leave(count, place);
        }
    }

    fn leave(&self, count: usize, place: usize) {
        let (left, waker) = self.with_line(|line| line.remove(place));
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
        if self.waiting.get() > 0 {
            self.grant_line();
        }
    }

    fn grant_line(&self) {
        loop {
            let free = self.limit.get().saturating_sub(self.held.get());
            let granted = self.with_line(|line| {
                let count = line.first().copied().filter(|count| *count <= free)?;
                Some((count, line.wake_first(true)?))
            });
            let Some((count, waker)) = granted else { return };
            self.held.set(self.held.get() + count);
            waker.wake();
        }
    }
}
