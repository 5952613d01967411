//! What a run came to.

use core::time::Duration;

use crate::{
    metrics::{Counters, Histogram},
    pattern::Pattern,
};

/// What a run came to.
///
/// A run counts by itself; idle permit time and percentiles need somebody who looks at the clock, so they are there when the
/// report is a [`State`](crate::metrics::State)'s.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The pattern.
    pub pattern: Pattern,
    /// The limit, as it was at the end.
    pub limit: usize,
    /// From the first claim to the last settlement.
    pub elapsed: Duration,
    /// All that was counted.
    pub counters: Counters,
    /// Permits that nobody held, summed over time.
    pub idle_permits: Option<Duration>,
    /// From a claim to its start.
    pub wait: Option<Percentiles>,
    /// From a start to its end.
    pub service: Option<Percentiles>,
    /// From a task's first claim to its end, waits for retries included.
    pub total: Option<Percentiles>,
}

/// Where a distribution of durations lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Percentiles {
    /// Half of all take at most so long.
    pub p50: Duration,
    /// Nine of ten.
    pub p90: Duration,
    /// 99 of 100.
    pub p99: Duration,
    /// All of them.
    pub max: Duration,
}

impl Percentiles {
    /// The percentiles of what was counted.
    pub fn of(histogram: &Histogram) -> Self {
        let [p50, p90, p99] = [50, 90, 99].map(|percent| histogram.percentile(percent));
        Self { p50, p90, p99, max: histogram.max() }
    }
}

impl Report {
    /// What is known without a clock: no idle time, no percentiles.
    pub(crate) fn new(pattern: Pattern, limit: usize, elapsed: Duration, counters: Counters) -> Self {
        Self { pattern, limit, elapsed, counters, idle_permits: None, wait: None, service: None, total: None }
    }

    /// Tasks that ended per second; 0 when no time passed.
    pub fn throughput(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.counters.tasks() as f64 / seconds } else { 0.0 }
    }
}

#[cfg(feature = "serde")]
mod json {
    //! The keys of a report as data: stable, durations in milliseconds.

    use core::time::Duration;

    use serde::{Serialize, Serializer, ser::SerializeStruct};

    use super::{Percentiles, Report};

    fn ms(duration: Duration) -> f64 {
        duration.as_secs_f64() * 1e3
    }

    impl Serialize for Percentiles {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_struct("Percentiles", 4)?;
            map.serialize_field("p50", &ms(self.p50))?;
            map.serialize_field("p90", &ms(self.p90))?;
            map.serialize_field("p99", &ms(self.p99))?;
            map.serialize_field("max", &ms(self.max))?;
            map.end()
        }
    }

    impl Serialize for Report {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let counters = &self.counters;
            let mut map = serializer.serialize_struct("Report", 23)?;
            map.serialize_field("pattern", self.pattern.name())?;
            map.serialize_field("limit", &self.limit)?;
            for (key, count) in [
                ("tasks", counters.tasks()),
                ("done", counters.done),
                ("dead", counters.dead),
                ("released", counters.released),
                ("malformed", counters.malformed),
                ("attempts", counters.attempts()),
                ("succeeded", counters.succeeded),
                ("failed", counters.failed),
                ("timed_out", counters.timed_out),
                ("panicked", counters.panicked),
                ("cancelled", counters.cancelled),
                ("lease_lost", counters.lease_lost),
                ("retried", counters.retried),
                ("abandoned", counters.abandoned),
                ("peak_in_flight", counters.peak_in_flight),
                ("peak_queued", counters.peak_queued),
            ] {
                map.serialize_field(key, &count)?;
            }
            map.serialize_field("elapsed_ms", &ms(self.elapsed))?;
            map.serialize_field("throughput_per_s", &self.throughput())?;
            map.serialize_field("idle_permit_ms", &self.idle_permits.map(ms))?;
            map.serialize_field("wait_ms", &self.wait)?;
            map.serialize_field("service_ms", &self.service)?;
            map.serialize_field("total_ms", &self.total)?;
            map.end()
        }
    }
}
