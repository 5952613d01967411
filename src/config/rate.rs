//! Rates of starts.

/// A number of starts per second.
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
        // `as` saturates: a rate beyond one per nanosecond is one per nanosecond.
        ((1e9 / self.0) as u64).max(1)
    }
}
