//! How fast tasks have ended of late.

use std::{collections::VecDeque, time::Duration};

use fourfold::clock::Time;

/// The length of a step of the trend.
const STEP: Duration = Duration::from_millis(500);
/// The number of steps that are remembered.
const STEPS: usize = 16;
/// The number of steps that the rate is computed from.
const RATE_STEPS: usize = 6;

/// What the fold said of late.
#[derive(Default)]
pub(super) struct Recent {
    /// The last look of each step: when, and how many tasks had ended.
    looks: VecDeque<Look>,
}

#[derive(Clone, Copy)]
struct Look {
    step: u64,
    at: Time,
    tasks: u64,
}

impl Recent {
    /// Notes the number of tasks that have ended by now.
    pub(super) fn look(&mut self, at: Time, tasks: u64) {
        let step = at.as_nanos() / STEP.as_nanos() as u64;
        let look = Look { step, at, tasks };
        // The first look of all stays: it is what the first step is measured from.
        let is_first = self.looks.len() < 2;
        match self.looks.back_mut() {
            Some(last) if last.step == step && !is_first => *last = look,
            _ => self.looks.push_back(look),
        }
        if self.looks.len() > STEPS + 1 {
            self.looks.pop_front();
        }
    }

    /// Tasks per second.
    pub(super) fn rate(&self) -> f64 {
        let Some(last) = self.looks.back() else { return 0.0 };
        let first = self.looks.iter().rev().nth(RATE_STEPS).or(self.looks.front()).unwrap_or(last);
        let seconds = last.at.since(first.at).as_secs_f64();
        if seconds > 0.0 { last.tasks.saturating_sub(first.tasks) as f64 / seconds } else { 0.0 }
    }

    /// How many ended in each of the steps that are over, oldest first.
    pub(super) fn trend(&self) -> Vec<u64> {
        let over = self.looks.len().saturating_sub(1);
        let pairs = self.looks.iter().zip(self.looks.iter().skip(1)).take(over.saturating_sub(1));
        pairs.map(|(before, after)| after.tasks.saturating_sub(before.tasks)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(looks: &[(u64, u64)]) -> Recent {
        let mut recent = Recent::default();
        looks.iter().for_each(|(ms, tasks)| recent.look(Time::from_nanos(ms * 1_000_000), *tasks));
        recent
    }

    #[test]
    fn the_rate_is_that_of_the_last_three_seconds() {
        assert_eq!(after(&[]).rate(), 0.0);
        assert_eq!(after(&[(100, 5)]).rate(), 0.0);
        assert_eq!(after(&[(0, 0), (100, 10)]).rate(), 100.0);
        let looks: Vec<(u64, u64)> =
            (0..=100).map(|n| (n * 100, if n < 50 { n } else { 50 + 10 * (n - 50) })).collect();
        assert_eq!(after(&looks).rate(), 100.0, "what was before is forgotten");
    }

    #[test]
    fn the_trend_has_a_count_for_each_step_that_is_over() {
        let looks: Vec<(u64, u64)> = (0..=29).map(|n| (n * 100, n * n)).collect();
        // 0 to 0.4 s, to 0.9 s and so on; the last is not over.
        assert_eq!(after(&looks).trend(), [16, 81 - 16, 196 - 81, 361 - 196, 576 - 361]);
        let looks: Vec<(u64, u64)> = (0..1000).map(|n| (n * 100, n)).collect();
        assert_eq!(after(&looks).trend(), [5; STEPS - 1]);
    }
}
