//! Histograms of durations, in fixed log-linear buckets.

use alloc::{vec, vec::Vec};
use core::time::Duration;

/// Each octave has this many buckets: a value is known to 1 part in 64.
const BITS: u32 = 6;
const PER_OCTAVE: usize = 1 << BITS;
const BUCKETS: usize = (64 - BITS as usize + 1) * PER_OCTAVE;

/// A histogram of durations with a relative error of at most 1/64, in a bounded number of buckets.
///
/// ```
/// use core::time::Duration;
/// use fourfold::metrics::Histogram;
/// let mut histogram = Histogram::default();
/// (1..=100).for_each(|ms| histogram.record(Duration::from_millis(ms)));
/// let median = histogram.percentile(50);
/// assert!(median >= Duration::from_millis(50) && median < Duration::from_millis(51));
/// assert_eq!(histogram.max(), Duration::from_millis(100));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Histogram {
    /// As long as the largest value needed so far.
    counts: Vec<u64>,
    count: u64,
    max_ns: u64,
    sum_ns: u128,
}

impl Histogram {
    /// Adds one duration to the histogram.
    pub fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bucket_of(nanos);
        if self.counts.is_empty() {
            self.counts = vec![0; BUCKETS];
        }
        self.counts[bucket] = self.counts[bucket].saturating_add(1);
        self.count = self.count.saturating_add(1);
        self.max_ns = self.max_ns.max(nanos);
        self.sum_ns = self.sum_ns.saturating_add(nanos.into());
    }

    /// Returns the number of durations that were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the longest duration, exactly.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// Returns the exact sum of all durations, in nanoseconds.
    pub fn sum_nanos(&self) -> u128 {
        self.sum_ns
    }

    /// Returns the number of durations shorter than 2<sup>`power`</sup> nanoseconds. It is exact:
    /// powers of two are ends of buckets.
    pub fn below_power(&self, power: u32) -> u64 {
        let end = 1_u64.checked_shl(power).map_or(BUCKETS, bucket_of);
        self.counts.iter().take(end).fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns the shortest duration that at least `percent` of 100 do not exceed, as the upper end
    /// of its bucket; zero when nothing was counted.
    pub fn percentile(&self, percent: u32) -> Duration {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return Duration::from_nanos(upper_end(bucket).min(self.max_ns));
            }
        }
        Duration::ZERO
    }
}

fn bucket_of(nanos: u64) -> usize {
    let octave = (64 - nanos.leading_zeros()).saturating_sub(BITS);
    if octave == 0 {
        return nanos as usize;
    }
    // The leading bit is implied from the second octave on.
    let shift = octave - 1;
    (shift as usize + 1) * PER_OCTAVE + ((nanos >> shift) as usize - PER_OCTAVE)
}

fn upper_end(bucket: usize) -> u64 {
    if bucket < PER_OCTAVE {
        return bucket as u64;
    }
    let shift = bucket / PER_OCTAVE - 1;
    let low = ((bucket % PER_OCTAVE + PER_OCTAVE) as u64) << shift;
    low + ((1_u64 << shift) - 1)
}

#[cfg(feature = "serde")]
mod data {
    //! A histogram as data: the buckets that are not empty.

    use alloc::{
        format,
        string::{String, ToString},
        vec,
        vec::Vec,
    };

    use serde::{Serialize, Serializer, ser::SerializeStruct};

    use super::{BUCKETS, Histogram};

    impl Serialize for Histogram {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let full = self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0);
            let mut map = serializer.serialize_struct("Histogram", 3)?;
            map.serialize_field("max_ns", &self.max_ns)?;
            map.serialize_field("sum_ns", &self.sum_ns.to_string())?;
            map.serialize_field("buckets", &full.collect::<Vec<(usize, u64)>>())?;
            map.end()
        }
    }

    impl Histogram {
        pub(in super::super) fn with(max_ns: u64, sum_ns: u128) -> Self {
            Self { max_ns, sum_ns, ..Self::default() }
        }

        pub(in super::super) fn set(&mut self, bucket: u64, count: u64) -> Result<(), String> {
            if self.counts.is_empty() {
                self.counts = vec![0; BUCKETS];
            }
            let counted = usize::try_from(bucket).ok().and_then(|bucket| self.counts.get_mut(bucket));
            let counted = counted.ok_or_else(|| format!("there is no bucket {bucket}"))?;
            if core::mem::replace(counted, count) > 0 {
                return Err(format!("bucket {bucket} is there twice"));
            }
            self.count = self.count.saturating_add(count);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_buckets_are_narrow() {
        for power in 0..64 {
            for value in [1_u64 << power, (1_u64 << power) - 1, (1_u64 << power) + 1, (1_u64 << power) / 3 * 2] {
                let bucket = bucket_of(value);
                assert!(bucket < BUCKETS, "{value} is in bucket {bucket}");
                let upper = upper_end(bucket);
                assert!(upper >= value, "{value} is beyond {upper}");
                assert!(upper - value <= value / 64, "{value} is far from {upper}");
            }
        }
        assert_eq!(upper_end(bucket_of(u64::MAX)), u64::MAX);
    }

    #[test]
    fn bucket_ends_are_in_order() {
        assert!((1..BUCKETS).all(|bucket| upper_end(bucket) > upper_end(bucket - 1)));
    }

    #[test]
    fn powers_of_two_divide_exactly_and_the_sum_is_exact() {
        let mut histogram = Histogram::default();
        for power in 0..64 {
            histogram.record(Duration::from_nanos((1 << power) - 1));
            histogram.record(Duration::from_nanos(1 << power));
        }
        // Below 2^n are zero, 2^n - 1 itself, and two for every lower power.
        assert!((0..64).all(|power| histogram.below_power(power) == u64::from(power) * 2 + 1));
        assert_eq!((histogram.below_power(64), histogram.below_power(99)), (128, 128));
        assert_eq!(histogram.sum_nanos(), 2 * u128::from(u64::MAX) - 64);
    }

    #[test]
    fn percentiles_of_nothing_are_zero() {
        assert_eq!(Histogram::default().percentile(99), Duration::ZERO);
    }
}
