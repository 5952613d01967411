//! A clock whose time passes only when nothing is left to do at the present moment.

mod timers;

use alloc::{rc::Rc, vec::Vec};
use core::{
    cell::{Cell, RefCell},
    fmt,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use self::timers::{Handle, Timers};
use super::{Clock, Time};
use crate::sync::atomic::{Arc, AtomicBool, Ordering, Signal, Signaller, waker};

/// A clock that jumps to the next timer whenever nothing is ready.
///
/// An hour of sleeping takes microseconds, and the same program does the same things at the same
/// times on every machine.
///
/// ```
/// use core::time::Duration;
/// use fourfold::{Clock, clock::{SimulatedClock, Time}};
///
/// let clock = SimulatedClock::new();
/// let end = clock.run(async {
///     clock.sleep(Duration::from_secs(3600)).await;
///     clock.now()
/// });
/// assert_eq!(end, Ok(Time::ZERO + Duration::from_secs(3600)));
///
/// // A future that can never end is an error, and does not hang.
/// assert!(clock.run(core::future::pending::<()>()).is_err());
/// ```
#[derive(Clone, Default)]
pub struct SimulatedClock {
    inner: Rc<Inner>,
}

#[derive(Default)]
struct Inner {
    now: Cell<Time>,
    timers: RefCell<Timers>,
}

/// The error of a future that would wait for ever: no timer is set, and nothing was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stalled {
    /// The time at which the future stalled.
    pub at: Time,
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stalled at {}: the future waits, but no timer is set and nothing was woken", self.at)
    }
}

impl core::error::Error for Stalled {}

impl SimulatedClock {
    /// Makes a clock at time zero, without timers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the time of the earliest timer that is set.
    pub fn next_timer(&self) -> Option<Time> {
        self.inner.timers.borrow().next_due()
    }

    /// Returns the number of timers that are set.
    pub fn timers(&self) -> usize {
        self.inner.timers.borrow().len()
    }

    /// Moves the time to the earliest timer and wakes every sleeper that is due; returns false when
    /// no timer is set.
    ///
    /// [`run`](Self::run) does this by itself; a host with a loop of its own (a browser's animation
    /// frame) calls it.
    pub fn advance(&self) -> bool {
        let Some(due) = self.next_timer() else { return false };
        self.advance_to(due);
        true
    }

    /// Returns a future that is ready at `due`.
    pub(super) fn sleep_until(&self, due: Time) -> SimulatedSleep {
        SimulatedSleep { clock: self.inner.clone(), due, registered: None }
    }

    /// Moves the time to `now`, unless `now` is in the past, and wakes every sleeper that is due.
    ///
    /// A host that wants real time calls this with the time of its own clock, and again when the
    /// [next timer](Self::next_timer) is due.
    ///
    /// ```
    /// use core::time::Duration;
    /// use fourfold::{Clock, clock::{SimulatedClock, Time}};
    /// let clock = SimulatedClock::new();
    /// let minute = clock.sleep(Duration::from_secs(60));
    /// clock.advance_to(Time::ZERO + Duration::from_secs(61));
    /// futures_lite::future::block_on(minute);
    /// assert_eq!(clock.now(), Time::ZERO + Duration::from_secs(61));
    /// ```
    pub fn advance_to(&self, now: Time) {
        let now = now.max(self.inner.now.get());
        self.inner.now.set(now);
        let woken: Vec<Waker> = {
            let mut timers = self.inner.timers.borrow_mut();
            core::iter::from_fn(|| timers.pop(now)).collect()
        };
        // Woken only after the borrow ended: a waker may do anything, setting a timer included.
        woken.into_iter().for_each(Waker::wake);
    }

    /// Polls a future to its end; whenever it waits and nothing was woken, time jumps to the next
    /// timer.
    ///
    /// # Errors
    /// [`Stalled`] when there is no timer to jump to. The future is dropped then.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Stalled> {
        let woken = Arc::new(Signaller(Woken(AtomicBool::new(true))));
        let waker = waker(&woken);
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if woken.0.0.swap(false, Ordering::AcqRel) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                    return Ok(output);
                }
            } else if !self.advance() {
                return Err(Stalled { at: self.now() });
            }
        }
    }
}

impl fmt::Debug for SimulatedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedClock").field("now", &self.now()).field("timers", &self.timers()).finish()
    }
}

impl Clock for SimulatedClock {
    type Sleep = SimulatedSleep;

    fn now(&self) -> Time {
        self.inner.now.get()
    }

    fn sleep(&self, duration: Duration) -> SimulatedSleep {
        self.sleep_until(self.now() + duration)
    }
}

struct Woken(AtomicBool);

impl Signal for Woken {
    fn signal(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The future of a sleep on a [`SimulatedClock`]. Its time counts from the call that made it.
pub struct SimulatedSleep {
    clock: Rc<Inner>,
    due: Time,
    registered: Option<Handle>,
}

impl Future for SimulatedSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.now.get() >= self.due {
            return Poll::Ready(());
        }
        let due = self.due;
        let this = &mut *self;
        let mut timers = this.clock.timers.borrow_mut();
        match this.registered.and_then(|handle| timers.waker(handle)) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => this.registered = Some(timers.set(due, cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for SimulatedSleep {
    fn drop(&mut self) {
        if let Some(handle) = self.registered {
            // The waker is dropped after the borrow ended: dropping it may run anything.
            let waker = self.clock.timers.borrow_mut().clear(handle);
            drop(waker);
        }
    }
}

impl fmt::Debug for SimulatedSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedSleep").field("due", &self.due).finish_non_exhaustive()
    }
}
