//! Permits: how many may do something at once, in the order in which they asked.

use alloc::rc::Rc;
use core::{
    cell::{Cell, RefCell},
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use crate::{config::Limit, index::Index};

/// A semaphore for one thread whose permits go to those who ask in the order in which they asked, and whose limit can
/// change while it is in use. Clones are handles to the same permits.
///
/// `async_lock::Semaphore` can be shared between threads, but there a newcomer may take the permit that was released
/// for somebody who has waited longer; here a released permit belongs to the first in line at once.
///
/// ```
/// use fourfold::Permits;
/// use futures_lite::future::{block_on, zip};
///
/// let permits = Permits::new(1);
/// let job = async || {
///     let _permit = permits.acquire().await; // released when dropped, whatever happens
///     permits.held()
/// };
/// assert_eq!(block_on(zip(job(), job())), (1, 1));
/// assert_eq!(permits.available(), 1);
/// ```
#[derive(Clone)]
pub struct Permits {
    shared: Rc<Shared>,
}

struct Shared {
    limit: Cell<usize>,
    held: Cell<usize>,
    line: RefCell<Line>,
}

/// Those who wait. Nobody waits while there is a permit to be had.
#[derive(Default)]
struct Line {
    next: u64,
    waiting: Index<Waker>,
}

impl Line {
    /// Takes the first one out.
    #[inline]
    fn next(&mut self) -> Option<Waker> {
        self.waiting.remove(self.waiting.first()?)
    }
}

impl Permits {
    /// Makes this many permits. With 0, everyone waits until [`set_limit`](Self::set_limit) raises the limit.
    pub fn new(limit: impl Limit) -> Self {
        Self { shared: Rc::new(Shared { limit: Cell::new(limit.get()), held: Cell::new(0), line: RefCell::default() }) }
    }

    /// Waits for a permit. The place in line is taken when the future is first polled.
    ///
    /// Dropping the future at any time loses nothing: a permit that was already granted to it goes to the next in line.
    pub fn acquire(&self) -> Acquire {
        Acquire { permits: self.clone(), ticket: None }
    }

    /// A permit, if there is one now that nobody waits for.
    ///
    /// ```
    /// let permits = fourfold::Permits::new(1);
    /// let permit = permits.try_acquire();
    /// assert!(permit.is_some() && permits.try_acquire().is_none());
    /// drop(permit);
    /// assert!(permits.try_acquire().is_some());
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Option<Permit> {
        if self.available() == 0 {
            return None;
        }
        self.shared.held.set(self.held() + 1);
        Some(Permit { permits: self.clone() })
    }

    /// From now on there are so many permits. A larger limit lets the first in line go on at once. A smaller one takes
    /// no permit away from anybody: those released from now on are not given out again until fewer are held. A limit of 0 pauses
    /// everyone who waits.
    ///
    /// ```
    /// let permits = fourfold::Permits::new(2);
    /// let (first, second) = (permits.try_acquire(), permits.try_acquire());
    /// permits.set_limit(1);
    /// drop(first);
    /// assert!(permits.try_acquire().is_none(), "one is still held, and one is the limit");
    /// drop(second);
    /// assert!(permits.try_acquire().is_some());
    /// ```
    pub fn set_limit(&self, limit: impl Limit) {
        self.shared.limit.set(limit.get());
        self.shared.grant();
    }

    /// How many permits there are.
    pub fn limit(&self) -> usize {
        self.shared.limit.get()
    }

    /// How many of them are held, or granted to somebody who has not come back for it yet. May be more than the limit
    /// after that was lowered.
    #[inline]
    pub fn held(&self) -> usize {
        self.shared.held.get()
    }

    /// How many can be had now.
    #[inline]
    pub fn available(&self) -> usize {
        self.limit().saturating_sub(self.held())
    }

    /// How many wait in line.
    pub fn waiting(&self) -> usize {
        self.shared.line.borrow().waiting.len()
    }
}

impl Shared {
    /// Takes a place in the line.
    fn line_up(&self, waker: Waker) -> u64 {
        let mut line = self.line.borrow_mut();
        let place = line.next;
        line.next += 1;
        line.waiting.insert(place, waker);
        place
    }

    /// Whether this place is still in the line; if so, it is this waker that is called.
    fn waits(&self, place: u64, waker: &Waker) -> bool {
        match self.line.borrow().waiting.get(place) {
            None => return false,
            Some(present) if present.will_wake(waker) => return true,
            Some(_) => {}
        }
        // Wakers are cloned and dropped outside of borrows: both are somebody else's code.
        let mut waker = waker.clone();
        if let Some(present) = self.line.borrow_mut().waiting.get_mut(place) {
            mem::swap(present, &mut waker);
            return true;
        }
        false
    }

    fn release(&self) {
        self.held.set(self.held.get() - 1);
        self.grant();
    }

    /// Gives what is free to the first in line. They hold it from here on: that they are no longer in the line tells them.
    #[inline]
    fn grant(&self) {
        while self.held.get() < self.limit.get() {
            // The borrow has ended before the waker runs, which may do anything.
            let Some(waker) = self.line.borrow_mut().next() else { return };
            self.held.set(self.held.get() + 1);
            waker.wake();
        }
    }
}

impl fmt::Debug for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits")
            .field("limit", &self.limit())
            .field("held", &self.held())
            .field("waiting", &self.waiting())
            .finish()
    }
}

/// The right to go on, until dropped.
#[must_use = "dropping it releases the permit"]
pub struct Permit {
    permits: Permits,
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.permits.shared.release();
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// The future of [`Permits::acquire`].
#[must_use = "futures do nothing unless polled"]
pub struct Acquire {
    permits: Permits,
    /// The place in line, or the permit granted to whoever stood there.
    ticket: Option<u64>,
}

impl Future for Acquire {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        let Acquire { permits, ticket } = &mut *self;
        let Some(place) = *ticket else {
            if let Some(permit) = permits.try_acquire() {
                return Poll::Ready(permit);
            }
            *ticket = Some(permits.shared.line_up(cx.waker().clone()));
            return Poll::Pending;
        };
        if permits.shared.waits(place, cx.waker()) {
            return Poll::Pending;
        }
        *ticket = None;
        Poll::Ready(Permit { permits: permits.clone() })
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(place) = self.ticket else { return };
        let waker = self.permits.shared.line.borrow_mut().waiting.remove(place);
        if waker.is_none() {
            self.permits.shared.release();
        }
    }
}

impl fmt::Debug for Acquire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
