//! Reports for people: aligned columns, durations in a unit that reads well.

use std::{
    fmt::Write,
    time::{Duration, SystemTime},
};

use anstyle::{AnsiColor, Style};
use fourfold::{
    Report,
    metrics::{Percentiles, State},
};

pub(crate) const HEADING: Style = Style::new().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const QUIET: Style = Style::new().dimmed();

/// Three significant digits and a unit.
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
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days to a date in the Gregorian calendar, with years that begin in March (Howard Hinnant, chrono-compatible date algorithms).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

pub(crate) fn per_second(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.2}/s") } else { format!("{rate:.0}/s") }
}

/// Rows under headings: the first column to the left, the others to the right.
pub(crate) fn columns(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (column, (cell, width)) in cells.zip(&widths).enumerate() {
            // Writing to a string cannot fail.
            let _ = if column == 0 { write!(line, "{cell:<width$}") } else { write!(line, "  {cell:>width$}") };
        }
        line.trim_end().to_owned()
    };
    let mut table = format!("{HEADING}{}{HEADING:#}\n", line(&mut headings.iter().copied()));
    for row in rows {
        table += &line(&mut row.iter().map(String::as_str));
        table.push('\n');
    }
    table
}

/// The summary of one run.
pub(crate) fn summary(state: &State, note: Option<&str>) -> String {
    let report = state.report();
    let counters = &report.counters;
    let mut text = String::new();
    let colour = if counters.dead + counters.malformed > 0 { BAD } else { GOOD };
    let _ = writeln!(
        text,
        "{HEADING}{}{HEADING:#}: {colour}{} done{}{colour:#} in {} ({})",
        report.pattern,
        counters.done,
        others(&[(counters.dead, "dead"), (counters.malformed, "malformed"), (counters.released, "released")]),
        time(report.elapsed),
        per_second(report.throughput()),
    );
    let _ = writeln!(
        text,
        "attempts: {} succeeded{}",
        counters.succeeded,
        others(&[
            (counters.failed, "failed"),
            (counters.timed_out, "timed out"),
            (counters.panicked, "panicked"),
            (counters.cancelled, "cancelled"),
            (counters.lease_lost, "lost their lease"),
            (counters.retried, "tried again"),
        ])
    );
    let _ = writeln!(
        text,
        "in flight: {} of {} at the peak; idle permits: {}",
        counters.peak_in_flight,
        report.limit,
        report.idle_permits.map_or_else(String::new, |idle| idle_share(&report, idle)),
    );
    text += &percentiles(&report);
    for seen in state.failures().iter().rev().take(3) {
        let _ = writeln!(
            text,
            "{QUIET}task {}, attempt {}: {}{QUIET:#}",
            seen.task,
            seen.attempt,
            first_line(&seen.reason)
        );
    }
    if let Some(note) = note {
        let _ = writeln!(text, "{note}");
    }
    text
}

fn others(counts: &[(u64, &str)]) -> String {
    counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {count} {what}")).collect()
}

/// As much of a reason as a line takes.
fn first_line(reason: &str) -> String {
    const WIDTH: usize = 100;
    let line = reason.lines().next().unwrap_or_default();
    let short: String = line.chars().take(WIDTH).collect();
    if short.len() < line.len() { short + "…" } else { short }
}

fn percentiles(report: &Report) -> String {
    let row = |name: &str, percentiles: Option<Percentiles>| {
        let Percentiles { p50, p90, p99, max, .. } = percentiles?;
        Some([vec![name.to_owned()], [p50, p90, p99, max].map(time).to_vec()].concat())
    };
    let rows = [row("waiting", report.wait), row("working", report.service), row("in all", report.total)];
    columns(&["", "p50", "p90", "p99", "max"], &rows.into_iter().flatten().collect::<Vec<_>>())
}

/// Idle permit time, as a share of all there was.
pub(crate) fn idle_share(report: &Report, idle: Duration) -> String {
    let all = report.elapsed.as_secs_f64() * report.limit as f64;
    if all > 0.0 { format!("{:.1} %", 100.0 * idle.as_secs_f64() / all) } else { "-".to_owned() }
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
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "12.3 ms".to_owned()], vec!["long".to_owned(), "1 µs".to_owned()]];
        let table = columns(&["", "wait"], &rows);
        let plain = anstream::adapter::strip_str(&table).to_string();
        assert_eq!(plain, "         wait\na     12.3 ms\nlong     1 µs\n");
    }
}
