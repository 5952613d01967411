//! How many tasks were in flight over time, in a bounded number of columns.

use core::{num::NonZeroU64, time::Duration};

const COLUMNS: usize = 64;

/// Tasks in flight over time: up to 64 columns of equal width. When time runs out of columns, pairs of them become one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Profile {
    width_ns: NonZeroU64,
    /// Task-nanoseconds per column.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::wide::list"))]
    columns: [u128; COLUMNS],
    end_ns: u64,
}

impl Default for Profile {
    fn default() -> Self {
        Self { width_ns: NonZeroU64::MIN, columns: [0; COLUMNS], end_ns: 0 }
    }
}

impl Profile {
    /// `in_flight` tasks ran between two times since the run's start.
    pub(crate) fn add(&mut self, from: Duration, to: Duration, in_flight: u64) {
        let (from, to) = (clamp(from), clamp(to));
        while to > self.width_ns.get().saturating_mul(COLUMNS as u64) {
            self.halve();
        }
        self.end_ns = self.end_ns.max(to);
        let mut at = from;
        while at < to {
            let column = (at / self.width_ns.get()).min(COLUMNS as u64 - 1);
            let end = (column + 1).saturating_mul(self.width_ns.get()).min(to).max(at + 1);
            self.columns[column as usize] += u128::from(end - at) * u128::from(in_flight);
            at = end;
        }
    }

    /// The profile with these columns.
    #[cfg(feature = "serde")]
    pub(super) fn from_columns(
        width_ns: NonZeroU64,
        columns: &[u128],
        end_ns: u64,
    ) -> Result<Self, alloc::string::String> {
        let columns = columns.try_into().map_err(|_| alloc::format!("a profile has {COLUMNS} columns"))?;
        Ok(Self { width_ns, columns, end_ns })
    }

    fn halve(&mut self) {
        for column in 0..COLUMNS {
            let pair = self.columns.get(2 * column..2 * column + 2);
            self.columns[column] = pair.map_or(0, |pair| pair[0] + pair[1]);
        }
        self.width_ns = self.width_ns.saturating_mul(NonZeroU64::MIN.saturating_add(1));
    }

    /// The average number of tasks in flight in each column that time has reached, times `scale`, rounded.
    pub fn columns(&self, scale: u32) -> impl Iterator<Item = u64> + '_ {
        let reached = (self.end_ns.div_ceil(self.width_ns.get()) as usize).min(COLUMNS);
        self.columns[..reached].iter().enumerate().map(move |(column, task_ns)| {
            let start = (column as u64).saturating_mul(self.width_ns.get());
            let width = u128::from(self.width_ns.get().min(self.end_ns.saturating_sub(start)).max(1));
            u64::try_from((task_ns * u128::from(scale) + width / 2) / width).unwrap_or(u64::MAX)
        })
    }

    /// How much time a column stands for.
    pub fn width(&self) -> Duration {
        Duration::from_nanos(self.width_ns.get())
    }
}

fn clamp(duration: Duration) -> u64 {
    // Half of all time: sums of two stay in range.
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn columns_merge_as_time_goes_on() {
        let mut profile = Profile::default();
        let second = Duration::from_secs(1);
        for n in 0..100_u32 {
            profile.add(second * n, second * (n + 1), u64::from(n < 50) * 4);
        }
        let columns: Vec<u64> = profile.columns(1).collect();
        assert!(columns.len() > COLUMNS / 2 && columns.len() <= COLUMNS);
        assert_eq!(columns[0], 4);
        assert_eq!(*columns.last().unwrap(), 0);
        let total: u128 = profile.columns.iter().sum();
        assert_eq!(total, 200_000_000_000, "no task-time is lost in merging");
    }
}
