//! A number of starts per second, evenly.

use core::time::Duration;

use crate::{clock::Time, config::Rate};

/// What may catch up at once after a pause, in nanoseconds: shorter than anybody notices, longer than a timer is late.
const SLACK_NS: u64 = 10_000_000;

/// The generic cell rate algorithm: the time at which the next start is due, which a start moves on by one interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateLimiter {
    interval_ns: u64,
    due: Time,
}

impl RateLimiter {
    pub(super) fn new(rate: Rate) -> Self {
        Self { interval_ns: rate.interval_ns(), due: Time::ZERO }
    }

    fn slack_ns(&self) -> u64 {
        SLACK_NS.saturating_sub(self.interval_ns)
    }

    /// How many tasks may start now.
    pub(super) fn ready(&self, now: Time) -> usize {
        let latest = now.as_nanos().saturating_add(self.slack_ns());
        match latest.checked_sub(self.due.max(now).as_nanos()) {
            Some(ns) => usize::try_from(ns / self.interval_ns + 1).unwrap_or(usize::MAX),
            None => 0,
        }
    }

    /// A task started.
    pub(super) fn start(&mut self, now: Time) {
        self.due = self.due.max(now) + Duration::from_nanos(self.interval_ns);
    }

    /// How long until the next one may.
    pub(super) fn wait(&self, now: Time) -> Duration {
        Duration::from_nanos(self.due.as_nanos().saturating_sub(now.as_nanos().saturating_add(self.slack_ns())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(rate: f64, seconds: u64, step_ns: u64) -> u64 {
        let mut rate_limiter = RateLimiter::new(Rate::per_second(rate).unwrap());
        let mut count = 0;
        for now in (0..seconds * 1_000_000_000).step_by(step_ns as usize).map(Time::from_nanos) {
            for _ in 0..rate_limiter.ready(now) {
                rate_limiter.start(now);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn the_rate_is_kept_and_reached() {
        assert_eq!(starts(10.0, 10, 1_000_000), 100);
        assert_eq!(starts(0.5, 10, 1_000_000), 5);
        // Many per timer step: the slack catches up.
        let many = starts(10_000.0, 10, 1_000_000);
        assert!((99_900..=100_200).contains(&many), "{many}");
    }

    #[test]
    fn the_first_start_does_not_wait_and_the_second_does() {
        let mut rate_limiter = RateLimiter::new(Rate::per_second(4.0).unwrap());
        assert_eq!(rate_limiter.ready(Time::ZERO), 1);
        rate_limiter.start(Time::ZERO);
        assert_eq!(rate_limiter.ready(Time::ZERO), 0);
        assert_eq!(rate_limiter.wait(Time::ZERO), Duration::from_millis(250));
        assert_eq!(rate_limiter.ready(Time::ZERO + Duration::from_millis(250)), 1);
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let rate_limiter = RateLimiter::new(Rate::per_second(4.0).unwrap());
        assert_eq!(rate_limiter.ready(Time::ZERO + Duration::from_secs(60)), 1);
    }
}
