//! Reports for people: aligned columns, and the summary of a run.

use std::{fmt::Write, time::Duration};

use fourfold::{
    Report,
    metrics::{Percentiles, State},
};

use super::{
    foreign::harmless_line,
    style::{BAD, GOOD, HEADING, QUIET},
    units::{per_second, time},
};

/// Rows under headings: the first column to the left, the others to the right. What others wrote
/// may be part of the rows.
pub(crate) fn columns(headings: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| harmless_line(cell)).collect()).collect();
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
    for row in &rows {
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
    let end = if short.len() < line.len() { "…" } else { "" };
    harmless_line(&short) + end
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
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "12.3 ms".to_owned()], vec!["long".to_owned(), "1 µs".to_owned()]];
        let table = columns(&["", "wait"], &rows);
        let plain = anstream::adapter::strip_str(&table).to_string();
        assert_eq!(plain, "         wait\na     12.3 ms\nlong     1 µs\n");
    }
}
