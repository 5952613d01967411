//! Time, as a run sees it: a clock that can be read and slept on.

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

/// A point in time, in nanoseconds since its clock's start.
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
    /// The clock's start.
    pub const ZERO: Self = Self(0);

    /// The end of time, 584 years later.
    pub const MAX: Self = Self(u64::MAX);

    /// The time so many nanoseconds after the clock's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How much later this is than `earlier`; zero when it is not later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl core::ops::Add<Duration> for Time {
    type Output = Self;

    /// Saturates at the end of time (584 years).
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// Tells the time and wakes sleepers. The core reads no other clock.
pub trait Clock {
    /// Ends when the time has come. Dropping it forgets the timer.
    type Sleep: Future<Output = ()>;

    /// The present time.
    fn now(&self) -> Time;

    /// A future that ends no earlier than `duration` after its first poll or after this call, whichever the clock counts from.
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

/// No clock at all: it is always [`Time::MAX`], and every sleep is over at once.
///
/// For runs that wait for nothing: retries come without a pause, and a timeout is over as soon as a handler waits.
impl Clock for () {
    type Sleep = Ready<()>;

    fn now(&self) -> Time {
        Time::MAX
    }

    fn sleep(&self, _: Duration) -> Self::Sleep {
        ready(())
    }
}
