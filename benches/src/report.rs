//! The tables: for a terminal, for machines, for the README.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::Result;
use crate::measure::{Row, median};
use crate::peers::REFERENCE;

/// One block for each cell: what a task costs, how far the rounds lie apart, and what that is to the reference.
pub fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.peer.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut last = None;
    for row in rows {
        if last != Some((row.workload, row.limit)) {
            last = Some((row.workload, row.limit));
            let title = format!("{} C={}", row.workload.name(), row.limit);
            let header = ["ns/task", "min", "max", "allocs", "ratio"].map(|name| format!("{name:>9}")).concat();
            let _ = writeln!(out, "\n{title:width$}{header}");
        }
        let (low, high) = spread(&row.ns);
        let numbers = [median(&row.ns), low, high].map(|ns| format!("{:>9}", short(ns))).concat();
        let allocations = row.allocations.map_or(String::new(), short_count);
        let ratio = if row.ratios.is_empty() { String::new() } else { format!("{:.2}", median(&row.ratios)) };
        let _ = writeln!(out, "{:width$}{numbers}{allocations:>9}{ratio:>9}", row.peer);
    }
    let _ = writeln!(out, "\nratio: to {REFERENCE}, the median of the rounds' ratios");
    out
}

/// Everything, for machines.
pub fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let (low, high) = spread(&row.ns);
        json!({
            "peer": row.peer,
            "workload": row.workload.name(),
            "limit": row.limit,
            "tasks": row.tasks,
            "ns_per_task": { "median": median(&row.ns), "min": low, "max": high, "rounds": row.ns },
            "allocations_per_task": row.allocations,
            "ratio": if row.ratios.is_empty() { Value::Null } else { json!(median(&row.ratios)) },
        })
    };
    json!({ "reference": REFERENCE, "rows": rows.iter().map(row).collect::<Vec<_>>() })
}

/// A row for each peer, a column for each cell.
pub fn markdown(rows: &[Row]) -> String {
    let (mut cells, mut peers) = (Vec::new(), Vec::new());
    for row in rows {
        if !cells.contains(&(row.workload, row.limit)) {
            cells.push((row.workload, row.limit));
        }
        if !peers.contains(&row.peer) {
            peers.push(row.peer);
        }
    }
    let mut out = String::from("| ns per task (allocations) |");
    for (workload, limit) in &cells {
        let _ = write!(out, " {} C{limit} |", workload.name());
    }
    let _ = write!(out, "\n|---|{}", "--:|".repeat(cells.len()));
    for peer in peers {
        let _ = write!(out, "\n| {peer} |");
        for (workload, limit) in &cells {
            let row = rows.iter().find(|row| row.peer == peer && row.is(*workload, *limit));
            let cell = row.map_or(String::new(), |row| {
                let allocations = row.allocations.map_or(String::new(), |count| format!(" ({})", short_count(count)));
                format!("{}{allocations}", short(median(&row.ns)))
            });
            let _ = write!(out, " {cell} |");
        }
    }
    out.push('\n');
    out
}

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// The page with the table between the markers.
pub fn insert(page: &str, table: &str) -> Result<String> {
    insert_between(page, BEGIN, END, table)
}

/// The page with the table between markers of its own.
pub fn insert_between(page: &str, begin: &str, end: &str, table: &str) -> Result<String> {
    let missing = || format!("no table to replace: put {begin} and {end} where it belongs");
    let (before, rest) = page.split_once(begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", table.trim_end()))
}

fn spread(ns: &[f64]) -> (f64, f64) {
    (ns.iter().copied().fold(f64::INFINITY, f64::min), ns.iter().copied().fold(0.0, f64::max))
}

/// Two or three digits that mean something.
fn short(ns: f64) -> String {
    if ns < 10.0 { format!("{ns:.1}") } else { format!("{ns:.0}") }
}

fn short_count(count: f64) -> String {
    let tenths = (count * 10.0).round() / 10.0;
    // Without a sign before nothing.
    format!("{}", if tenths == 0.0 { 0.0 } else { tenths })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Workload;
    use std::num::NonZeroUsize;

    fn row(peer: &'static str, limit: usize, ns: &[f64], allocations: Option<f64>) -> Row {
        let limit = NonZeroUsize::new(limit).unwrap();
        let ratios = ns.iter().map(|ns| ns / 20.0).collect();
        Row { peer, workload: Workload::Y1, limit, tasks: 10, ns: ns.to_vec(), allocations, ratios }
    }

    #[test]
    fn a_row_says_median_spread_and_ratio() {
        let table = table(&[row("x", 16, &[30.0, 4.26, 10.0], Some(1.04))]);
        let line = table.lines().nth(2).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words, ["x", "10", "4.3", "30", "1", "0.50"]);
    }

    #[test]
    fn markdown_has_a_column_for_each_cell() {
        let rows = [row("a", 1, &[1.0], Some(-0.01)), row("b", 1, &[2.0], None), row("a", 16, &[123.4], Some(0.84))];
        let expected = "\
            | ns per task (allocations) | y1 C1 | y1 C16 |\n\
            |---|--:|--:|\n\
            | a | 1.0 (0) | 123 (0.8) |\n\
            | b | 2.0 |  |\n";
        assert_eq!(markdown(&rows), expected);
    }

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = "# Page\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nrest\n";
        let new = insert(page, "| new |\n").unwrap();
        assert_eq!(new, "# Page\n<!-- bench:begin -->\n| new |\n<!-- bench:end -->\nrest\n");
        assert_eq!(insert(&new, "| new |\n").unwrap(), new);
        assert!(insert("# Page\n", "x").unwrap_err().to_string().contains("bench:begin"));
    }
}
