//! The report of a run.

use core::time::Duration;

use crate::{
    metrics::{Counters, Histogram},
    pattern::Pattern,
};

/// The result of a run: its counters, its duration, and where its time went.
///
/// A run counts by itself. Idle permit time and percentiles need the time of every event, so they
/// are in the report of a [`State`](crate::metrics::State) only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The pattern of the run.
    pub pattern: Pattern,
    /// The maximum number of tasks in flight, as of the end of the run.
    pub limit: usize,
    /// The time from the start of the run to its end.
    pub elapsed: Duration,
    /// The counters of the run.
    pub counters: Counters,
    /// The time for which permits were not held, summed over the permits.
    pub idle_permits: Option<Duration>,
    /// The times from the claim of an attempt to its start.
    pub wait: Option<Percentiles>,
    /// The times from the start of an attempt to its end.
    pub service: Option<Percentiles>,
    /// The times from the first claim of a task to its end, pauses between retries included.
    pub total: Option<Percentiles>,
}

/// Percentiles of a distribution of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Percentiles {
    /// The duration that half of all do not exceed.
    pub p50: Duration,
    /// The duration that 90 of 100 do not exceed.
    pub p90: Duration,
    /// The duration that 99 of 100 do not exceed.
    pub p99: Duration,
    /// The longest duration of all.
    pub max: Duration,
}

impl Percentiles {
    /// Computes the percentiles of a histogram.
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

    /// Computes the number of tasks that ended per second; 0 when no time passed.
    pub fn throughput(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.counters.tasks() as f64 / seconds } else { 0.0 }
    }
}

#[cfg(feature = "serde")]
mod json {
    //! A report as data. The keys are stable; durations are in milliseconds.

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
