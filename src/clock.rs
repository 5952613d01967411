//! Clocks: what tells a run the time and wakes it later.

#[cfg(feature = "smol")]
mod native;
mod simulated;

use core::{
    fmt,
    future::{Future, Ready, ready},
    time::Duration,
};

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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// A clock: it tells the time and wakes sleepers.
///
/// A run reads no other clock. `()` stands for none; `NativeClock` (feature `smol`) is the wall
/// clock, [`SimulatedClock`] makes tests and simulations exact.
pub trait Clock {
    /// The future that [`sleep`](Self::sleep) returns. Dropping it removes its timer.
    type Sleep: Future<Output = ()>;

    /// Returns the present time.
    fn now(&self) -> Time;

    /// Returns a future that is ready after `duration`, counted from this call or from its first
    /// poll; each clock says which.
    fn sleep(&self, duration: Duration) -> Self::Sleep;
}

impl<C: Clock + ?Sized> Clock for &C {
    type Sleep = C::Sleep;

    fn now(&self) -> Time {
        (**self).now()
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        (**self).sleep(duration)
    }
}

/// The absence of a clock: the time is always [`Time::MAX`], and every sleep ends at once.
///
/// It serves runs that wait for no time: retries come without a pause, and a timeout ends an
/// attempt as soon as its handler waits.
impl Clock for () {
    type Sleep = Ready<()>;

    fn now(&self) -> Time {
        Time::MAX
    }

    fn sleep(&self, _: Duration) -> Self::Sleep {
        ready(())
    }
}
