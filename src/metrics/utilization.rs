//! The tasks in flight and queued over time, in a bounded number of columns.

use core::{num::NonZeroU64, time::Duration};

const COLUMNS: usize = 64;

/// The tasks in flight, failed and queued over the time of a run, in at most 64 columns of equal
/// width. When a run outgrows its columns, pairs of columns are merged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Utilization {
    width_ns: NonZeroU64,
    /// Task-nanoseconds per column: of handlers that ran,
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::wide::list"))]
    columns: [u128; COLUMNS],
    /// of those whose attempt came to nothing,
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::wide::list"))]
    failed: [u128; COLUMNS],
    /// and of tasks that were claimed and waited for a permit.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::wide::list"))]
    queued: [u128; COLUMNS],
    end_ns: u64,
}

impl Default for Utilization {
    fn default() -> Self {
        let none = [0; COLUMNS];
        Self { width_ns: NonZeroU64::MIN, columns: none, failed: none, queued: none, end_ns: 0 }
    }
}

impl Utilization {
    /// Adds a span of time since the start of the run, in which `in_flight` tasks ran and `queued`
    /// tasks waited.
    pub(crate) fn add(&mut self, from: Duration, to: Duration, in_flight: u64, queued: u64) {
        let (from, to) = (clamp(from), clamp(to));
        while to > self.width_ns.get().saturating_mul(COLUMNS as u64) {
            self.halve();
        }
        self.end_ns = self.end_ns.max(to);
        for_each_column(self.width_ns, from, to, |column, ns| {
            add(&mut self.columns[column], u128::from(ns) * u128::from(in_flight));
            add(&mut self.queued[column], u128::from(ns) * u128::from(queued));
        });
    }

    /// Adds the span of an attempt that has failed.
    pub(crate) fn add_failed(&mut self, from: Duration, to: Duration) {
        let (from, to) = (clamp(from), clamp(to).min(self.end_ns));
        for_each_column(self.width_ns, from, to, |column, ns| add(&mut self.failed[column], ns.into()));
    }

    /// Makes a utilization of these columns: in flight, failed and queued.
    #[cfg(feature = "serde")]
    pub(super) fn from_columns(
        width_ns: NonZeroU64,
        [columns, failed, queued]: [&[u128]; 3],
        end_ns: u64,
    ) -> Result<Self, alloc::string::String> {
        let lane = |lane: &[u128]| lane.try_into().map_err(|_| alloc::format!("a utilization has {COLUMNS} columns"));
        Ok(Self { width_ns, columns: lane(columns)?, failed: lane(failed)?, queued: lane(queued)?, end_ns })
    }

    fn halve(&mut self) {
        for lane in [&mut self.columns, &mut self.failed, &mut self.queued] {
            for column in 0..COLUMNS {
                let pair = lane.get(2 * column..2 * column + 2);
                lane[column] = pair.map_or(0, |pair| pair[0].saturating_add(pair[1]));
            }
        }
        self.width_ns = self.width_ns.saturating_mul(NonZeroU64::MIN.saturating_add(1));
    }

    /// Returns the average number of tasks in flight in each column up to now, times `scale` and
    /// rounded.
    pub fn columns(&self, scale: u32) -> impl Iterator<Item = u64> + '_ {
        self.averages(&self.columns, scale)
    }

    /// Returns the same as [`columns`](Self::columns) for the tasks in flight whose attempt failed,
    /// timed out or panicked.
    pub fn failed(&self, scale: u32) -> impl Iterator<Item = u64> + '_ {
        self.averages(&self.failed, scale)
    }

    /// Returns the same as [`columns`](Self::columns) for the tasks that were claimed and waited
    /// for a permit.
    pub fn queued(&self, scale: u32) -> impl Iterator<Item = u64> + '_ {
        self.averages(&self.queued, scale)
    }

    fn averages<'a>(&'a self, lane: &'a [u128; COLUMNS], scale: u32) -> impl Iterator<Item = u64> + 'a {
        let reached = (self.end_ns.div_ceil(self.width_ns.get()) as usize).min(COLUMNS);
        lane[..reached].iter().enumerate().map(move |(column, task_ns)| {
            let start = (column as u64).saturating_mul(self.width_ns.get());
            let width = u128::from(self.width_ns.get().min(self.end_ns.saturating_sub(start)).max(1));
            u64::try_from(task_ns.saturating_mul(scale.into()).saturating_add(width / 2) / width).unwrap_or(u64::MAX)
        })
    }

    /// Returns the duration of a column.
    pub fn width(&self) -> Duration {
        Duration::from_nanos(self.width_ns.get())
    }
}

/// Calls `each` with every column between two times, and the nanoseconds of it between them.
fn for_each_column(width_ns: NonZeroU64, from: u64, to: u64, mut each: impl FnMut(usize, u64)) {
    let mut at = from;
    while at < to {
        let column = (at / width_ns).min(COLUMNS as u64 - 1);
        let end = (column + 1).saturating_mul(width_ns.get()).min(to).max(at + 1);
        each(column as usize, end - at);
        at = end;
    }
}

fn clamp(duration: Duration) -> u64 {
    // Half of all time: sums of two stay in range.
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX / 2)
}

fn add(sum: &mut u128, more: u128) {
    *sum = sum.saturating_add(more);
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn columns_merge_as_time_goes_on() {
        let mut profile = Utilization::default();
        let second = Duration::from_secs(1);
        for n in 0..100_u32 {
            profile.add(second * n, second * (n + 1), u64::from(n < 50) * 4, 1);
        }
        let columns: Vec<u64> = profile.columns(1).collect();
        assert!(columns.len() > COLUMNS / 2 && columns.len() <= COLUMNS);
        assert_eq!(columns[0], 4);
        assert_eq!(*columns.last().unwrap(), 0);
        let total: u128 = profile.columns.iter().sum();
        assert_eq!(total, 200_000_000_000, "no task-time is lost in merging");
    }

    #[test]
    fn what_failed_is_part_of_what_ran_and_known_only_later() {
        let mut profile = Utilization::default();
        let second = Duration::from_secs(1);
        for n in 0..64 {
            profile.add(second * n, second * (n + 1), 3, u64::from(n >= 32));
        }
        // From before the columns were merged for the last time.
        profile.add_failed(second * 16, second * 64);
        profile.add_failed(second * 16, second * 999);
        let lanes: [u128; 2] = [&profile.failed, &profile.queued].map(|lane| lane.iter().sum());
        assert_eq!(lanes, [2 * 48_000_000_000, 32_000_000_000]);
        let average = |lane: Vec<u64>, at: usize| lane[lane.len() * at / 64];
        for (at, failed, queued) in [(1, 0, 0), (30, 200, 0), (60, 200, 100)] {
            let seen = (average(profile.failed(100).collect(), at), average(profile.queued(100).collect(), at));
            assert_eq!(seen, (failed, queued), "after {at} s");
        }
    }
}
