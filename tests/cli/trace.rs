//! `--trace`.

use std::collections::BTreeMap;

use super::command::{Place, seq};

#[test]
fn every_event_is_a_line() {
    let place = Place::new();
    place.write("tasks", "{\"ms\":1}\nbad\n{\"fail\":1}\n");
    let args = ["run", "tasks", "--simulate", "--backoff", "1ms", "--trace", "trace.jsonl", "--json", "--dead", "dead"];
    let report = place.run(&args).expect(1).report();
    let trace = place.read("trace.jsonl");
    let lines: Vec<serde_json::Value> = trace.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["fourfold_trace"], 1);
    assert!(lines[1..].iter().zip(0..).all(|(line, seq)| line["seq"] == seq), "{trace}");
    assert!(lines[1..].is_sorted_by_key(|line| line["t_ns"].as_u64().unwrap()));
    let mut counts = BTreeMap::new();
    for line in &lines[1..] {
        *counts.entry(line["event"].as_str().unwrap()).or_insert(0) += 1;
    }
    let count = |event: &str| counts.get(event).copied().unwrap_or(0);
    let events = ["run_started", "claimed", "malformed", "started", "ended", "retry_scheduled", "settled", "run_ended"];
    assert_eq!(events.map(count), [1, 3, 1, 3, 3, 1, 3, 1], "{trace}");
    assert_eq!(report["attempts"], 3);
}

#[test]
fn a_full_disk_costs_the_trace_and_not_the_run() {
    let place = Place::new();
    place.write("tasks", seq(10_000));
    let ended = place.run(&["run", "tasks", "--simulate", "--trace", "/dev/full", "--json"]).expect(4);
    ended.says(&["--trace /dev/full", "space"]);
    assert_eq!(ended.report()["done"], 10_000);
}

#[test]
fn a_full_disk_does_not_hide_what_went_wrong() {
    let place = Place::new();
    place.write("tasks", "bad\n");
    place.run(&["run", "tasks", "--simulate", "--trace", "/dev/full", "--json"]).expect(1).says(&["--trace /dev/full"]);
}
