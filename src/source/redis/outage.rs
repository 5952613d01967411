//! The time during which a server is gone, and the evidence that it was not.

use core::time::Duration;
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Instant,
};

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A connection that ends sooner than this is part of the same outage.
const CALM: Duration = Duration::from_secs(2);

/// Consecutive tries to reach a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) since: Instant,
    tries: u32,
    /// When the server was back, if it was.
    back: Option<Instant>,
}

impl Outage {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), tries: 0, back: None }
    }

    /// The server answers again.
    pub(super) fn is_back(&mut self) {
        self.tries = self.tries.min(2);
        self.back = Some(Instant::now());
    }

    /// Whether it goes on although the server was back for a moment.
    pub(super) fn goes_on(&self) -> bool {
        self.back.is_none_or(|back| back.elapsed() < CALM)
    }

    /// How long to wait before the next try: longer each time, and not the same for everybody; `None` when it has been enough.
    pub(super) fn pause(&mut self, reconnect: Duration) -> Option<Duration> {
        self.back = None;
        let left = reconnect.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero())?;
        let ceiling = PAUSE_MIN.saturating_mul(1 << self.tries.min(10)).min(PAUSE_MAX);
        self.tries += 1;
        Some((ceiling / 2 + ceiling.mul_f64(random_part() / 2.0)).min(left))
    }
}

/// Since when the server has answered without a gap, and its clock has gone as the own one does. Nobody is declared dead
/// on weaker evidence: after an outage every consumer gets a lease's time to be heard.
#[derive(Debug)]
pub(super) struct Evidence {
    since: Instant,
    /// The last heartbeat: when it was sent, and the server's time in its answer.
    last: Option<(Instant, u64)>,
}

impl Evidence {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), last: None }
    }

    /// A heartbeat that was sent then has been answered. They are sent at least every `period`.
    pub(super) fn heard(&mut self, sent: Instant, now_ms: u64, period: Duration) {
        let now = Instant::now();
        if let Some((last_sent, last_ms)) = self.last {
            let own = now - last_sent;
            let theirs = Duration::from_millis(now_ms.saturating_sub(last_ms));
            // In between, a heartbeat and its way there and back: more is a gap.
            let is_gap = own > period * 2 + period / 2;
            let is_jump = theirs > own + period || own > theirs + period || now_ms < last_ms;
            if is_gap || is_jump {
                self.since = now;
            }
        }
        self.last = Some((sent, now_ms));
    }

    /// When it will have been enough for a consumer with this lease.
    pub(super) fn enough_at(&self, lease: Duration) -> Instant {
        self.since.checked_add(lease).unwrap_or_else(|| self.since + Duration::from_secs(1 << 30))
    }
}

/// A random number from 0 up to 1.
pub(super) fn random_part() -> f64 {
    (random() >> 11) as f64 / (1_u64 << 53) as f64
}

pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_or_a_jump_of_the_clock_is_no_evidence() {
        let period = Duration::from_secs(3);
        let base = Instant::now();
        // Heartbeats long ago, so that all is measured from now.
        let past = |seconds: u64| base.checked_sub(Duration::from_secs(seconds)).unwrap_or(base);
        for (last_sent, last_ms, now_ms, is_kept) in [
            (past(3), 100_000, 103_000, true),
            (past(9), 100_000, 109_000, false),
            (past(3), 100_000, 160_000, false),
            (past(3), 100_000, 40_000, false),
        ] {
            let mut evidence = Evidence { since: past(100), last: Some((last_sent, last_ms)) };
            evidence.heard(past(0), now_ms, period);
            assert_eq!(evidence.since == past(100), is_kept, "{last_ms} {now_ms}");
        }
    }

    #[test]
    fn an_outage_ends_when_the_server_stays() {
        let mut outage = Outage::new();
        assert!(outage.goes_on() && outage.pause(Duration::from_secs(60)).is_some());
        outage.is_back();
        assert!(outage.goes_on());
        outage.back = Some(Instant::now().checked_sub(CALM).unwrap());
        assert!(!outage.goes_on());
        assert_eq!(outage.pause(Duration::ZERO), None);
    }
}
