//! The wall clock, on smol's timers.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::time::Instant;

use smol::Timer;

use super::{Clock, Time};

/// The wall clock (monotonic), on smol's timers.
///
/// It works under any executor: smol's reactor runs on a thread of its own, which the first timer
/// starts. A sleep counts from the call that made it.
///
/// ```
/// use core::time::Duration;
/// use fourfold::{Clock, NativeClock};
/// let clock = NativeClock::new();
/// let start = clock.now();
/// smol::block_on(clock.sleep(Duration::from_millis(2)));
/// assert!(clock.now().since(start) >= Duration::from_millis(2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NativeClock {
    start: Instant,
}

impl NativeClock {
    /// Makes a clock that starts now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for NativeClock {
    fn default() -> Self {
        Self::new()
    }
}

/// The future of a sleep on a [`NativeClock`].
#[derive(Debug)]
pub struct NativeSleep(Timer);

impl Future for NativeSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(())
    }
}

impl Clock for NativeClock {
    type Sleep = NativeSleep;

    fn now(&self) -> Time {
        Time::from_nanos(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn sleep(&self, duration: Duration) -> NativeSleep {
        NativeSleep(Timer::after(duration))
    }
}
