//! Permits: how many may do something at once, in the order in which they asked.

use alloc::rc::Rc;
use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    config::Limit,
    sync::{Semaphore, Ticket},
};

/// A semaphore for one thread whose permits go to those who ask in the order in which they asked, and whose limit can
/// change while it is in use. Clones are handles to the same permits.
///
/// `async_lock::Semaphore` can be shared between threads, but there a newcomer may take the permit that was released
/// for a task that has waited longer; here a released permit belongs to the first in line at once.
///
/// # Examples
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
    semaphore: Rc<Semaphore>,
}

impl Permits {
    /// Makes this number of permits. With 0, all who ask wait until [`set_limit`](Self::set_limit) raises the limit.
    pub fn new(limit: impl Limit) -> Self {
        Self { semaphore: Rc::new(Semaphore::new(limit.get())) }
    }

    /// Waits for a permit. The place in line is taken when the future is first polled.
    ///
    /// # Errors
    /// [`Closed`] when the permits are closed, before or meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future at any time loses nothing: a permit that was already granted to it goes to the next in line.
    pub fn acquire(&self) -> Acquire {
        self.acquire_many(1)
    }

    /// Waits for several permits at once, which are handed out together. Whoever comes later waits behind, also for fewer:
    /// so nobody who wants many is passed over for ever. More than the limit are waited for until the limit is raised.
    ///
    /// # Errors
    /// [`Closed`] when the permits are closed, before or meanwhile.
    ///
    /// # Cancel safety
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    /// ```
    /// # use fourfold::Permits;
    /// # use futures_lite::future::block_on;
    /// let permits = Permits::new(4);
    /// let heavy = block_on(permits.acquire_many(3)).unwrap();
    /// assert_eq!((heavy.count(), permits.available()), (3, 1));
    /// drop(heavy);
    /// assert_eq!(permits.available(), 4);
    /// ```
    pub fn acquire_many(&self, count: usize) -> Acquire {
        Acquire { permits: self.clone(), count, ticket: None }
    }

    /// Takes a permit, if there is one now that nobody waits for.
    ///
    /// # Examples
    /// ```
    /// let permits = fourfold::Permits::new(1);
    /// let permit = permits.try_acquire();
    /// assert!(permit.is_some() && permits.try_acquire().is_none());
    /// drop(permit);
    /// assert!(permits.try_acquire().is_some());
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Option<Permit> {
        self.try_acquire_many(1)
    }

    /// Takes several permits at once, if there are as many now that nobody waits for.
    #[inline]
    pub fn try_acquire_many(&self, count: usize) -> Option<Permit> {
        self.semaphore.try_take(count).then(|| Permit { permits: self.clone(), count })
    }

    /// Sets the number of permits, from now on. A larger limit lets the first in line go on at once. A smaller one takes
    /// no permit away: those released from now on are not given out again until fewer are held. A limit of 0 pauses all who
    /// ask.
    ///
    /// # Examples
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
        self.semaphore.set_limit(limit.get());
    }

    /// Hands out no permit any more; all who wait get [`Closed`]. Permits that are held stay. A scope with these permits
    /// starts nothing more, and ends when what it has started has ended.
    ///
    /// # Examples
    /// ```
    /// # use fourfold::{Permits, scope::Closed};
    /// # use futures_lite::future::block_on;
    /// let permits = Permits::new(1);
    /// permits.close();
    /// assert_eq!(block_on(permits.acquire()).unwrap_err(), Closed);
    /// ```
    pub fn close(&self) {
        self.semaphore.close();
    }

    /// Says whether the permits are closed.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.semaphore.is_closed()
    }

    /// Returns the number of permits that there are.
    pub fn limit(&self) -> usize {
        self.semaphore.limit()
    }

    /// Returns the number of permits that are held, or granted to a task in line that has not come back for it yet. May be more than
    /// the limit after that was lowered.
    #[inline]
    pub fn held(&self) -> usize {
        self.semaphore.held()
    }

    /// Returns the number of permits that can be had now; 0 while anybody waits.
    #[inline]
    pub fn available(&self) -> usize {
        self.semaphore.available()
    }

    /// Waits for a permit with a place in line that the caller keeps, and gives up; `None` when the permits are closed.
    #[inline]
    pub(super) fn poll_acquire(&self, ticket: &mut Ticket, cx: &Context<'_>) -> Poll<Option<Permit>> {
        let taken = self.semaphore.poll_take(1, ticket, cx);
        taken.map(|granted| granted.then(|| Permit { permits: self.clone(), count: 1 }))
    }

    /// Gives up a place in line that [`poll_acquire`](Self::poll_acquire) took.
    #[inline]
    pub(super) fn give_up(&self, ticket: &mut Ticket) {
        self.semaphore.give_up(1, ticket);
    }

    /// Returns the number of those who wait in line.
    pub fn waiting(&self) -> usize {
        self.semaphore.waiting()
    }
}

impl fmt::Debug for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits")
            .field("limit", &self.limit())
            .field("held", &self.held())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

/// The right to go on, until dropped.
#[must_use = "dropping it releases the permit"]
pub struct Permit {
    permits: Permits,
    count: usize,
}

impl Permit {
    /// Returns the number of permits that this one stands for.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        self.permits.semaphore.release(self.count);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("count", &self.count).finish_non_exhaustive()
    }
}

/// The future of [`Permits::acquire`] and [`Permits::acquire_many`].
#[must_use = "futures do nothing unless polled"]
pub struct Acquire {
    permits: Permits,
    count: usize,
    ticket: Ticket,
}

impl Future for Acquire {
    type Output = Result<Permit, Closed>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Acquire { permits, count, ticket } = &mut *self;
        permits
            .semaphore
            .poll_take(*count, ticket, cx)
            .map(|granted| if granted { Ok(Permit { permits: permits.clone(), count: *count }) } else { Err(Closed) })
    }
}

impl Drop for Acquire {
    #[inline]
    fn drop(&mut self) {
        self.permits.semaphore.give_up(self.count, &mut self.ticket);
    }
}

impl fmt::Debug for Acquire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("count", &self.count).field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

/// The permits are closed: none is handed out any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the permits are closed")
    }
}

impl core::error::Error for Closed {}
