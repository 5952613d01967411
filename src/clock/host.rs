//! A clock on the host's timers, of which it needs one at a time.

use alloc::boxed::Box;
use core::{
    cell::{Cell, RefCell},
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use super::{Clock, RunningClock, SimulatedClock, SimulatedSleep, Time};

/// The future of a sleep on a [`HostClock`]. Its time counts from the call that made it.
pub type HostSleep = SimulatedSleep;

/// A clock that takes the time and its one timer from the host: an embedded executor, an event
/// loop, an operating system. Made by [`clock_fn`].
///
/// The timer is set for the earliest sleep, however many there are, and polled with the waker of
/// the host only. So it serves hosts whose timers are few, or refuse the waker of anything but
/// their own tasks, as embassy-time's default queue does. A [`Run`](crate::run::Run) polls the
/// timer by itself; a scope does when it is polled by [`drive`](Self::drive).
pub struct HostClock<N, S, F> {
    now: N,
    sleep: S,
    /// The sleeps, which end when this clock is told the time.
    sleeps: SimulatedClock,
    timer: RefCell<Timer<F>>,
    /// A run or a scope around the present one sees to the timer.
    is_polled: Cell<bool>,
}

/// The timer of the host, with the time for which it is set.
struct Timer<F> {
    due: Option<Time>,
    future: Pin<Box<Option<F>>>,
}

/// Makes a clock of two functions of the host: `now` returns the time since any fixed moment, and
/// `sleep` makes a future that is ready after a duration.
///
/// ```
/// use core::{convert::Infallible, time::Duration};
/// use fourfold::{Clock, MemorySource, Run, Task, clock::clock_fn};
/// use std::time::Instant;
///
/// let start = Instant::now();
/// let clock = clock_fn(|| start.elapsed(), |pause| async move { drop(smol::Timer::after(pause).await) });
/// let source = MemorySource::new([3, 1, 2]);
/// let run = Run::new(&source, async |task: &Task<u64>| {
///     clock.sleep(Duration::from_millis(task.payload)).await;
///     Ok::<_, Infallible>(())
/// });
/// let report = smol::block_on(run.clock(&clock).timeout(Duration::from_secs(60)).into_future())?;
/// assert_eq!(report.counters.done, 3);
/// # Ok::<_, fourfold::RunError<Infallible>>(())
/// ```
pub fn clock_fn<N, S, F>(now: N, sleep: S) -> HostClock<N, S, F>
where
    N: Fn() -> Duration,
    S: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    HostClock {
        now,
        sleep,
        sleeps: SimulatedClock::new(),
        timer: RefCell::new(Timer { due: None, future: Box::pin(None) }),
        is_polled: Cell::new(false),
    }
}

impl<N, S, F> HostClock<N, S, F>
where
    N: Fn() -> Duration,
    S: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    /// Polls a future together with the timer of this clock, for scopes and other futures that sleep
    /// on it outside of a run.
    ///
    /// # Cancel safety
    /// Dropping it drops the future; sleeps that were made elsewhere go on with the next poll of a
    /// run or of another `drive`.
    pub async fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|cx| self.poll_within(cx, |cx| future.as_mut().poll(cx))).await
    }

    /// Sets the timer for the earliest sleep, and wakes sleepers as long as it is over at once.
    fn poll_timer(&self, cx: &mut Context<'_>) {
        let mut timer = self.timer.borrow_mut();
        loop {
            let due = self.sleeps.next_timer();
            if due != timer.due {
                // The one before is given back first: a host may have no more than one.
                timer.future.set(None);
                timer.future.set(due.map(|due| (self.sleep)(due.since(self.now()))));
                timer.due = due;
            }
            let (Some(due), Some(future)) = (due, timer.future.as_mut().as_pin_mut()) else { return };
            if future.poll(cx).is_pending() {
                return;
            }
            timer.due = None;
            timer.future.set(None);
            // A timer that is over says more than a clock that is read in coarser steps.
            self.sleeps.advance_to(due);
        }
    }
}

/// What is left to do after a poll, however it ends.
struct Polled<'a>(&'a Cell<bool>);

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl<N, S, F> Clock for HostClock<N, S, F>
where
    N: Fn() -> Duration,
    S: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    type Sleep = HostSleep;

    fn now(&self) -> Time {
        Time::ZERO + (self.now)()
    }

    fn sleep(&self, duration: Duration) -> HostSleep {
        self.sleeps.sleep_until(self.now() + duration)
    }

    fn poll_within<T>(&self, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if self.is_polled.replace(true) {
            return poll(cx);
        }
        let _polled = Polled(&self.is_polled);
        self.sleeps.advance_to(self.now());
        let result = poll(cx);
        self.poll_timer(cx);
        result
    }
}

impl<N, S, F> RunningClock for HostClock<N, S, F>
where
    N: Fn() -> Duration,
    S: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
}

impl<N, S, F> fmt::Debug for HostClock<N, S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostClock").field("sleeps", &self.sleeps.timers()).finish_non_exhaustive()
    }
}
