//! Times and rates as text.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// A duration with three significant digits and a unit.
pub(crate) fn time(duration: Duration) -> String {
    let ns = duration.as_nanos();
    let (value, unit) = match ns {
        0 => return "0".to_owned(),
        1..=999 => return format!("{ns} ns"),
        1_000..=999_999 => (ns as f64 / 1e3, "µs"),
        1_000_000..=999_999_999 => (ns as f64 / 1e6, "ms"),
        _ => (duration.as_secs_f64(), "s"),
    };
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

/// A point in time, UTC, to the second.
pub(crate) fn date(time: SystemTime) -> String {
    // A time that no calendar reaches is one that nothing wrote.
    Timestamp::try_from(time).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A rate, with digits after the point only where they matter.
pub(crate) fn per_second(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.2}/s") } else { format!("{rate:.0}/s") }
}

/// The time that is left when `done` of the work, from 0 to 1, took `elapsed`.
pub(crate) fn left(elapsed: Duration, done: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(elapsed.as_secs_f64() * (1.0 - done) / done).ok()
}

/// A duration that goes on while it is looked at.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        for (ns, expected) in [
            (0, "0"),
            (999, "999 ns"),
            (1_500, "1.50 µs"),
            (99_960, "100 µs"),
            (12_340_000, "12.3 ms"),
            (123_400_000, "123 ms"),
            (2_000_000_000, "2.00 s"),
        ] {
            assert_eq!(time(Duration::from_nanos(ns)), expected);
        }
    }

    #[test]
    fn dates_follow_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn durations_are_written_to_be_read() {
        for (ms, expected) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1500, "1.5 s"),
            (59_999, "59.9 s"),
            (61_000, "1:01 min"),
            (3_660_000, "1:01 h"),
        ] {
            assert_eq!(clock(Duration::from_millis(ms)), expected);
        }
    }

    #[test]
    fn time_left_follows_from_what_is_done() {
        let elapsed = Duration::from_secs(30);
        assert_eq!(left(elapsed, 0.25), Some(Duration::from_secs(90)));
        assert_eq!(left(elapsed, 1.0), Some(Duration::ZERO));
        assert_eq!(left(elapsed, 0.0), None);
    }
}
