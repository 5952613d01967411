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

#[test]
fn a_trace_is_reported_on_as_the_run_was() {
    let place = Place::new();
    for pattern in ["set", "batch", "pool", "group"] {
        let args = ["run", "demo", "-p", pattern, "--tasks", "80", "--trace", "run.jsonl", "--json"];
        let report = place.run(&args).expect(0).report();
        let replayed = place.run(&["replay", "run.jsonl", "--json"]).expect(0).report();
        let report = report.as_object().unwrap();
        assert!(report.len() > 20 && report.iter().all(|(key, value)| replayed[key] == *value), "{replayed}");
        assert_eq!((&replayed["complete"], &replayed["missing"]), (&true.into(), &0.into()));
        assert!(replayed["violation"].is_null());
    }
    let text = place.run(&["replay", "run.jsonl"]).expect(0).stdout;
    assert!(text.starts_with("group: 80 done") && text.contains("every rule was kept"), "{text}");
    let from_stdin = place.feed(&["replay", "-"], place.read("run.jsonl").as_bytes()).expect(0);
    assert_eq!(from_stdin.stdout, text);
}

#[test]
fn a_simulated_run_waits_for_its_trace() {
    let place = Place::new();
    place.run(&["run", "demo", "--tasks", "60000", "--trace", "long.jsonl", "-q"]).expect(0);
    let replayed = place.run(&["replay", "long.jsonl", "--json"]).expect(0).report();
    assert_eq!((&replayed["done"], &replayed["missing"]), (&60_000.into(), &0.into()));
}

#[test]
fn a_comparison_is_four_runs() {
    let place = Place::new();
    place.run(&["compare", "--tasks", "20", "--trace", "four.jsonl"]).expect(0);
    let stdout = place.run(&["replay", "four.jsonl", "--json"]).expect(0).stdout;
    let patterns: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["pattern"].take()).collect();
    assert_eq!(patterns, ["set", "batch", "pool", "group"]);
}

#[test]
fn a_trace_with_something_missing_or_wrong_is_not_passed() {
    let place = Place::new();
    place.run(&["run", "demo", "--tasks", "40", "--trace", "run.jsonl", "-q"]).expect(0);
    let trace = place.read("run.jsonl");
    let lines: Vec<&str> = trace.lines().collect();
    let check = |lines: &[&str], code: i32, says: &[&str]| {
        place.write("bad.jsonl", lines.join("\n"));
        let ended = place.run(&["replay", "bad.jsonl"]).expect(code);
        let said = ended.stdout + ended.stderr.as_str();
        assert!(says.iter().all(|part| said.contains(part)), "{said}");
    };
    // Whole events that are gone.
    check(&[&lines[..30], &lines[33..]].concat(), 1, &["3 events are missing", "cannot be checked"]);
    check(&lines[..lines.len() - 5], 1, &["ends before the run does"]);
    // A writer that was killed.
    let cut = &lines[50][..20];
    check(&[&lines[..50], &[cut]].concat(), 3, &["bad.jsonl: line 51", "ends in the middle"]);
    // An event that breaks a rule: somebody else's permit.
    let at = lines.iter().rposition(|line| line.contains("\"started\"")).unwrap();
    let held = lines[at].replace("\"permit\":", "\"permit\":7");
    check(&[&lines[..at], &[&held], &lines[at + 1..]].concat(), 1, &["a rule is broken at event", "permit 7"]);
    check(
        &[&lines[..9], &["{\"seq\":9,\"t_ns\":0,\"event\":\"slept\"}"]].concat(),
        3,
        &["line 10", "no event `slept`"],
    );
    check(&["{\"a\":1}"], 3, &["bad.jsonl: line 1", "no trace"]);
    check(&["{\"fourfold_trace\":2}"], 3, &["version 2"]);
    check(&[lines[0]], 1, &["no event"]);
    place.run(&["replay", "none.jsonl"]).expect(3).says(&["none.jsonl", "No such file"]);
}

#[test]
fn the_command_and_the_library_write_the_same_bytes() {
    use fourfold::{
        Config, Pattern,
        event::observer_fn,
        sim::Simulation,
        trace::{Form, Lines},
    };
    let place = Place::new();
    for pattern in Pattern::ALL {
        for seed in 0..3 {
            let mut expected = Vec::new();
            Lines.begin(&mut expected);
            let limit = std::num::NonZeroUsize::new(5).unwrap();
            let simulation = Simulation::new(Config::new(pattern, limit).seed(seed), 100);
            simulation.run(&mut observer_fn(|event| Lines.event(event, &mut expected))).unwrap();
            let seed = seed.to_string();
            let args =
                ["run", "demo", "-p", pattern.name(), "--seed", &seed, "--tasks", "100", "-q", "--trace", "t.jsonl"];
            place.run(&args).expect(0);
            assert!(place.read("t.jsonl").as_bytes() == expected, "{pattern}, seed {seed}");
        }
    }
}
