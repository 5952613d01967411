//! The fold as metrics.

use alloc::string::{String, ToString};
use core::fmt;

use super::{
    exposition::{Exposition, Format, Kind},
    negotiate::weight,
};
use crate::{
    event::Outcome,
    metrics::{Histogram, RunPhase, State, TaskPhase},
};

/// The ends of a histogram's buckets, as powers of two of nanoseconds: 16 µs to 275 s. Each is exact.
const BUCKETS: core::ops::RangeInclusive<u32> = 14..=38;

/// Metrics as text, and what that text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The value of the header `Content-Type`.
    pub content_type: &'static str,
    /// The text of all metric families.
    pub text: String,
}

/// Writes the metrics of a run, in the format that the header `Accept` asks for: OpenMetrics, unless the classic one of Prometheus,
/// `text/plain`, is wanted more.
///
/// ```
/// use fourfold::{listen::expose, metrics::State};
/// assert!(expose(&State::new(), 1, None).text.ends_with("# EOF\n"));
/// assert!(expose(&State::new(), 1, Some("text/plain")).content_type.starts_with("text/plain; version=0.0.4"));
/// ```
pub fn expose(state: &State, run: u64, accept: Option<&str>) -> Exposed {
    let format = preferred(accept);
    Exposed { content_type: format.content_type(), text: text(state, run, format) }
}

/// Chooses the format that `Accept` asks for.
pub(super) fn preferred(accept: Option<&str>) -> Format {
    let open = weight(accept, "application", "openmetrics-text") >= weight(accept, "text", "plain");
    if open { Format::OpenMetrics } else { Format::Classic }
}

/// Writes all families.
pub(super) fn text(state: &State, run: u64, format: Format) -> String {
    let mut out = Exposition::new(format);
    about(state, run, &mut out);
    counters(state, &mut out);
    gauges(state, &mut out);
    for (name, help, histogram) in [
        ("fourfold_wait_seconds", "Times from a claim to its start.", state.wait()),
        ("fourfold_service_seconds", "Times from a start to its end.", state.service()),
        (
            "fourfold_total_seconds",
            "Times from a task's first claim to its end, waits for retries included.",
            state.total(),
        ),
    ] {
        out.family(name, Kind::Histogram, Some("seconds"), help);
        buckets(histogram, &mut out);
    }
    out.finish()
}

fn about(state: &State, run: u64, out: &mut Exposition) {
    out.family("fourfold_run", Kind::Info, None, "The run whose numbers these are, counted from 1.");
    let (run, pattern) = (run.to_string(), state.pattern().name());
    out.sample("_info", &[("run", &run), ("pattern", pattern), ("version", env!("CARGO_PKG_VERSION"))], 1);
    out.family("fourfold_phase", Kind::StateSet, None, "Where the run is.");
    for phase in [RunPhase::Waiting, RunPhase::Running, RunPhase::Draining, RunPhase::Aborting, RunPhase::Ended] {
        out.sample("", &[("fourfold_phase", phase_name(phase))], u8::from(state.phase() == phase));
    }
}

fn counters(state: &State, out: &mut Exposition) {
    let counters = state.counters();
    out.family("fourfold_tasks", Kind::Counter, None, "Tasks that have ended.");
    for (disposition, count) in [
        ("done", counters.done),
        ("dead", counters.dead),
        ("released", counters.released),
        ("malformed", counters.malformed),
    ] {
        out.sample("_total", &[("ending", disposition)], count);
    }
    // Only at its settlement is a success known not to be a lost lease: counted before, it would have to be taken back.
    let settling = |outcome: Outcome| {
        let ended = |place: &TaskPhase| matches!(place, TaskPhase::Ended { outcome: ended, .. } if *ended == outcome);
        state.tasks().values().filter(|live| ended(&live.phase)).count() as u64
    };
    out.family("fourfold_attempts", Kind::Counter, None, "Attempts that have ended and are settled.");
    for (name, count, outcome) in [
        ("succeeded", counters.succeeded, Some(Outcome::Succeeded)),
        ("failed", counters.failed, Some(Outcome::Failed)),
        ("timed_out", counters.timed_out, Some(Outcome::TimedOut)),
        ("panicked", counters.panicked, Some(Outcome::Panicked)),
        ("cancelled", counters.cancelled, Some(Outcome::Cancelled)),
        ("lease_lost", counters.lease_lost, None),
    ] {
        let count = count.saturating_sub(outcome.map_or(0, settling));
        out.sample("_total", &[("outcome", name)], count);
    }
    for (name, help, count) in [
        ("fourfold_retries", "Failed attempts that were given another one.", counters.retried),
        ("fourfold_claims", "Deliveries that came in, each attempt at a task counted.", counters.claimed),
        ("fourfold_abandoned", "Deliveries that were left to their lease.", counters.abandoned),
        ("fourfold_batches", "Batches that were opened.", counters.batches),
        ("fourfold_events", "Events of the run.", state.next_sequence()),
    ] {
        out.family(name, Kind::Counter, None, help);
        out.sample("_total", &[], count);
    }
    let help = "Permits that nobody held, summed over time, as of the last event.";
    out.family("fourfold_idle_permit_seconds", Kind::Counter, Some("seconds"), help);
    out.sample("_total", &[], Seconds(state.idle_nanos()));
}

fn gauges(state: &State, out: &mut Exposition) {
    let counters = state.counters();
    let settling = state.tasks().values().filter(|live| matches!(live.phase, TaskPhase::Ended { .. })).count();
    let known = |count: Option<usize>| count.map(|count| count as u64);
    for (name, help, value) in [
        ("fourfold_in_flight", "Handlers that run.", Some(counters.in_flight)),
        ("fourfold_in_flight_peak", "The most handlers that ran at once.", Some(counters.peak_in_flight)),
        ("fourfold_limit", "How many handlers may run at once.", known(Some(state.limit()))),
        ("fourfold_queued", "Tasks that are claimed and wait for a permit.", Some(counters.queued)),
        ("fourfold_queue_capacity", "How many of those there may be.", known(state.queue_capacity())),
        ("fourfold_settling", "Tasks whose attempt has ended and is not settled.", known(Some(settling))),
        ("fourfold_waiting_for_retry", "Tasks that wait for their next attempt.", known(Some(state.waiting()))),
        ("fourfold_workers", "Workers of a pool.", known(state.workers())),
    ] {
        let Some(value) = value else { continue };
        out.family(name, Kind::Gauge, None, help);
        out.sample("", &[], value);
    }
    out.family(
        "fourfold_elapsed_seconds",
        Kind::Gauge,
        Some("seconds"),
        "How long the run has gone on, as of the last event.",
    );
    out.sample("", &[], Seconds(state.elapsed().as_nanos()));
}

fn buckets(histogram: &Histogram, out: &mut Exposition) {
    for power in BUCKETS {
        let end = Seconds((1_u128 << power) - 1).to_string();
        out.sample("_bucket", &[("le", &end)], histogram.below_power(power));
    }
    out.sample("_bucket", &[("le", "+Inf")], histogram.count());
    out.sample("_sum", &[], Seconds(histogram.sum_nanos()));
    out.sample("_count", &[], histogram.count());
}

pub(super) fn phase_name(phase: RunPhase) -> &'static str {
    match phase {
        RunPhase::Waiting => "waiting",
        RunPhase::Running => "running",
        RunPhase::Draining => "draining",
        RunPhase::Aborting => "aborting",
        RunPhase::Ended => "ended",
    }
}

/// Nanoseconds, written as seconds without loss.
struct Seconds(u128);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Time,
        event::{Disposition, Event, EventKind},
        task::{Attempt, TaskId},
    };

    fn value(state: &State, sample: &str) -> String {
        let text = expose(state, 1, None).text;
        let line =
            text.lines().find_map(|line| line.strip_prefix(sample)).unwrap_or_else(|| panic!("{sample}\n{text}"));
        line.trim().to_string()
    }

    #[test]
    fn a_lost_lease_never_takes_a_count_back() {
        let (task, attempt) = (TaskId(0), Attempt::FIRST);
        let outcome = Outcome::Succeeded;
        let mut state = State::new();
        let mut seen = Vec::new();
        for (sequence, kind) in [
            EventKind::Claimed { task, attempt },
            EventKind::Started { task, attempt, permit: 0, worker: None },
            EventKind::Ended { task, attempt, permit: 0, worker: None, outcome, reason: None },
            EventKind::Settled { task, attempt, outcome: Some(outcome), disposition: Disposition::LeaseLost },
        ]
        .into_iter()
        .enumerate()
        {
            state.apply(&Event { sequence: sequence as u64, at: Time::ZERO, kind });
            let count = |outcome: &str| value(&state, &format!("fourfold_attempts_total{{outcome=\"{outcome}\"}}"));
            seen.push((count("succeeded"), count("lease_lost"), value(&state, "fourfold_settling")));
        }
        let seen: Vec<_> = seen.iter().map(|(a, b, c)| format!("{a}{b}{c}")).collect();
        assert_eq!(seen, ["000", "000", "001", "010"]);
    }

    #[test]
    fn seconds_are_exact() {
        assert_eq!(Seconds(1_500_000_001).to_string(), "1.500000001");
        assert_eq!(Seconds(42).to_string(), "0.000000042");
    }
}
