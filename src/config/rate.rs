//! Rates of starts.

/// A number of starts per second.
///
/// In any window of `t` seconds a run with a rate of `n` starts at most `n * t + max(1, n / 10)`
/// attempts: what timers are late is caught up, by a tenth of a second at most.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// Makes a rate of this many starts per second; `None` unless the number is positive and
    /// finite.
    ///
    /// ```
    /// use fourfold::Rate;
    /// assert!(Rate::per_second(0.5).is_some());
    /// assert!(Rate::per_second(0.0).is_none() && Rate::per_second(f64::NAN).is_none());
    /// ```
    pub fn per_second(rate: f64) -> Option<Self> {
        (rate.is_finite() && rate > 0.0).then_some(Self(rate))
    }

    /// Returns the number of starts per second.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The time between two starts, in nanoseconds.
    pub(crate) fn interval_ns(self) -> u64 {
        // Rounded up, so that the rate is kept. `as` saturates: a rate beyond one per nanosecond is one per nanosecond.
        let interval = 1e9 / self.0;
        let whole = interval as u64;
        whole.saturating_add(u64::from(interval > whole as f64)).max(1)
    }
}
