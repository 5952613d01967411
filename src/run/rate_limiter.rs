//! A number of starts per second, evenly spaced.

use core::time::Duration;

use crate::{
    clock::{Clock, Time},
    config::Rate,
};

/// How far starts may be behind and still catch up, in nanoseconds: more than timers are late.
const SLACK_NS: u64 = 100_000_000;

/// The rate of a run, if it has one, and whether that has held a start up.
pub(super) struct StartRate {
    limiter: Option<RateLimiter>,
    /// The rate has refused a start since [`pause`](Self::pause) was last asked.
    has_refused: bool,
}

impl StartRate {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self { limiter: rate.map(RateLimiter::new), has_refused: false }
    }

    /// Goes on with another rate. The next start keeps its time unless the new rate brings it forward: a rate that is changed
    /// again and again would hold up nothing otherwise.
    pub(super) fn set<C: Clock>(&mut self, rate: Option<Rate>, clock: &C) {
        let due = self.limiter.and_then(|limiter| limiter.due);
        self.limiter = rate.map(|rate| {
            let due = due.map(|due| due.min(clock.now() + Duration::from_nanos(rate.interval_ns())));
            RateLimiter { due, ..RateLimiter::new(rate) }
        });
    }

    /// Returns how many tasks may start now.
    #[inline]
    pub(super) fn ready<C: Clock>(&mut self, clock: &C) -> usize {
        let Some(limiter) = &self.limiter else { return usize::MAX };
        let ready = limiter.ready(clock.now());
        self.has_refused |= ready == 0;
        ready
    }

    /// Counts a start.
    #[inline]
    pub(super) fn start<C: Clock>(&mut self, clock: &C) {
        if let Some(limiter) = &mut self.limiter {
            limiter.start(clock.now());
        }
    }

    /// Returns how long the rate holds up what could start otherwise: no time at all where it has refused a start and would
    /// not now.
    pub(super) fn pause<C: Clock>(&mut self, clock: &C, is_wanted: bool) -> Option<Duration> {
        let has_refused = core::mem::take(&mut self.has_refused);
        let limiter = self.limiter.filter(|_| is_wanted)?;
        let now = clock.now();
        (has_refused || limiter.ready(now) == 0).then(|| limiter.wait(now))
    }
}

/// The generic cell rate algorithm: the time at which the next start is due, which a start moves on by one interval.
///
/// A start that comes late moves the time on from when it was due, so that the lateness of timers adds up to nothing. In any
/// window of `t` seconds a rate of `n` has at most `n * t + max(1, n * 0.1 s)` starts: the slack is an interval less than
/// 100 ms, since the dues of the starts in a window lie within the window and the slack before it, an interval apart.
#[derive(Clone, Copy, Debug)]
struct RateLimiter {
    interval_ns: u64,
    /// `None` before the first start: it does not wait, and is not late.
    due: Option<Time>,
}

impl RateLimiter {
    fn new(rate: Rate) -> Self {
        Self { interval_ns: rate.interval_ns(), due: None }
    }

    fn slack_ns(&self) -> u64 {
        SLACK_NS.saturating_sub(self.interval_ns)
    }

    /// Returns when the next start is due: what is longer ago than the slack is not caught up.
    fn due(&self, now: Time) -> Time {
        let earliest = Time::from_nanos(now.as_nanos().saturating_sub(self.slack_ns()));
        self.due.map_or(now, |due| due.max(earliest))
    }

    /// Returns how many tasks may start now.
    fn ready(&self, now: Time) -> usize {
        match now.as_nanos().checked_sub(self.due(now).as_nanos()) {
            Some(ns) => usize::try_from(ns / self.interval_ns + 1).unwrap_or(usize::MAX),
            None => 0,
        }
    }

    /// Counts a start.
    fn start(&mut self, now: Time) {
        self.due = Some(self.due(now) + Duration::from_nanos(self.interval_ns));
    }

    /// Returns how long it takes until the next task may start.
    fn wait(&self, now: Time) -> Duration {
        self.due(now).since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SimulatedClock;

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
        assert!((99_900..=100_000).contains(&many), "{many}");
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
    fn a_rate_that_changes_all_the_time_is_kept() {
        let clock = SimulatedClock::new();
        let rate = Rate::per_second;
        let mut limiter = StartRate::new(rate(10.0));
        for per_second in [5.0, 10.0, 4.0, 10.0] {
            assert_eq!(limiter.ready(&clock), usize::from(per_second == 5.0), "{per_second}/s");
            if per_second == 5.0 {
                limiter.start(&clock);
            }
            limiter.set(rate(per_second), &clock);
        }
        // From a minute to a tenth of a second: the minute is not waited for.
        limiter.set(rate(1.0 / 60.0), &clock);
        limiter.set(rate(10.0), &clock);
        assert_eq!(limiter.pause(&clock, true), Some(Duration::from_millis(100)));
    }

    #[test]
    fn a_pause_is_made_up_for_by_a_tenth_of_a_second_at_most() {
        for (rate, ready) in [(4.0, 1), (10.0, 1), (20.0, 2), (100.0, 10), (10_000.0, 1000)] {
            let mut rate_limiter = RateLimiter::new(Rate::per_second(rate).unwrap());
            rate_limiter.start(Time::ZERO);
            assert_eq!(rate_limiter.ready(Time::ZERO + Duration::from_secs(60)), ready, "{rate}/s");
        }
    }
}
