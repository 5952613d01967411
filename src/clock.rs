//! Clocks: what tells a run the time and wakes it later.

mod host;
#[cfg(feature = "smol")]
mod native;
mod simulated;

use core::{
    fmt,
    future::{Future, Ready, ready},
    task::{Context, Poll},
    time::Duration,
};

pub use self::host::{HostClock, HostSleep, clock_fn};
#[cfg(feature = "smol")]
pub use self::native::NativeClock;
pub use self::simulated::{SimulatedClock, SimulatedSleep, Stalled};

/// A point in time, counted in nanoseconds since the start of its clock.
///
/// ```
/// use core::time::Duration;
/// use fourfold::clock::Time;
/// let later = Time::ZERO + Duration::from_millis(3);
/// assert_eq!(later.as_nanos(), 3_000_000);
/// assert_eq!(later.since(Time::ZERO), Duration::from_millis(3));
/// assert_eq!(Time::ZERO.since(later), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Time(u64);

impl Time {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// The largest time, 584 years after the start.
    pub const MAX: Self = Self(u64::MAX);

    /// Makes the time that is this many nanoseconds after the start of the clock.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the start of the clock.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the duration from `earlier` to this time; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl core::ops::Add<Duration> for Time {
    type Output = Self;

    /// Adds a duration; the sum saturates at [`Time::MAX`].
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Time {
    /// Writes the time since the start of the clock as `Duration` does, such as `1.5s` or `20ms`. The
    /// code is our own because that of `Duration`, which rounds and pads as well, takes 1 kB of the
    /// module for browsers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, mut digits, name) = match self.0 {
            0..1_000 => (1, 0, "ns"),
            1_000..1_000_000 => (1_000, 3, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, 6, "ms"),
            _ => (1_000_000_000, 9, "s"),
        };
        let (whole, mut fraction) = (self.0 / unit, self.0 % unit);
        if fraction == 0 {
            return write!(f, "{whole}{name}");
        }
        while fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, "{whole}.{fraction:0digits$}{name}")
    }
}

/// A clock: it tells the time and wakes sleepers.
///
/// A run reads no other clock. `()` stands for none; `NativeClock` (feature `smol`) is the wall
/// clock, [`SimulatedClock`] makes tests and simulations exact, and a [`HostClock`] takes the time
/// from whatever hosts the program.
pub trait Clock {
    /// Whether there is a clock; only `()` says no. A run without a clock refuses settings that need
    /// one. A wrapper of a clock forwards the constant.
    const EXISTS: bool = true;

    /// The future that [`sleep`](Self::sleep) returns. Dropping it removes its timer.
    type Sleep: Future<Output = ()>;

    /// Returns the present time.
    fn now(&self) -> Time;

    /// Returns a future that is ready after `duration`, counted from this call or from its first
    /// poll; each clock says which.
    fn sleep(&self, duration: Duration) -> Self::Sleep;

    /// Polls a run, which calls this method once for each poll of its own. A clock whose sleeps share
    /// one timer of the host polls that timer here, with the waker of the host. Default: calls
    /// `poll`. A wrapper of a clock forwards the call.
    #[inline]
    fn poll_within<T>(&self, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        poll(cx)
    }
}

/// A clock that is not `()`: what the timeout, the rate and the grace of a [`Run`](crate::run::Run)
/// need.
///
/// Every clock of this crate has it; a clock of your own needs `impl RunningClock for MyClock {}`.
#[diagnostic::on_unimplemented(
    message = "this run has no clock, and a timeout, a rate or a grace needs one",
    label = "needs a clock",
    note = "call `.clock(..)` first, with a `NativeClock` (feature `smol`), a `SimulatedClock` or a `HostClock`"
)]
pub trait RunningClock: Clock {}

impl RunningClock for SimulatedClock {}

#[cfg(feature = "smol")]
impl RunningClock for NativeClock {}

impl<C: RunningClock + ?Sized> RunningClock for &C {}

impl<C: Clock + ?Sized> Clock for &C {
    const EXISTS: bool = C::EXISTS;

    type Sleep = C::Sleep;

    fn now(&self) -> Time {
        (**self).now()
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        (**self).sleep(duration)
    }

    #[inline]
    fn poll_within<T>(&self, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        (**self).poll_within(cx, poll)
    }
}

/// The absence of a clock: the time is always [`Time::MAX`], and every sleep ends at once.
///
/// It serves runs that wait for no time: retries come without a pause, and a setting that needs a
/// clock is an error before the first claim.
impl Clock for () {
    const EXISTS: bool = false;

    type Sleep = Ready<()>;

    fn now(&self) -> Time {
        Time::MAX
    }

    fn sleep(&self, _: Duration) -> Self::Sleep {
        ready(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn a_time_reads_as_a_duration_does() {
        let ends = [0, 1, 9, 10, 999, 1_000, 1_001, 1_500, 20_000, 999_999, 1_000_000, 1_000_001, 1_050_000];
        let more = [999_999_999, 1_000_000_000, 1_000_000_001, 1_500_000_000, 90_000_000_000, u64::MAX];
        let all = ends.into_iter().chain(more).chain((0..64).map(|bit| 1 << bit));
        for nanos in all {
            assert_eq!(Time::from_nanos(nanos).to_string(), format!("{:?}", Duration::from_nanos(nanos)));
        }
    }
}
