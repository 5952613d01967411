//! `fourfold` and `fourfold compare`.

use super::command::{Place, seq};

#[test]
fn without_arguments_it_compares_and_always_says_the_same() {
    let place = Place::new();
    let ended = place.run(&[]).expect(0);
    assert_eq!(ended.stdout, place.run(&["compare", "demo"]).expect(0).stdout);
    for part in ["set ", "batch ", "pool ", "group ", "throughput", "idle permits", "█", "Fastest: ", "production"] {
        assert!(ended.stdout.contains(part), "`{part}` is missing in\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\x1b'), "no colours where there is no terminal");
    assert_eq!(ended.stderr, "");
}

#[test]
fn as_data_it_is_four_reports() {
    let reports = Place::new().run(&["compare", "--tasks", "100", "-c", "8", "--json"]).expect(0).report();
    let reports = reports.as_array().unwrap();
    assert_eq!(reports.len(), 4);
    for (report, pattern) in reports.iter().zip(["set", "batch", "pool", "group"]) {
        assert_eq!(report["pattern"], pattern);
        assert_eq!((report["done"].as_u64(), report["peak_in_flight"].as_u64()), (Some(100), Some(8)), "{report}");
        let sum = |keys: &[&str]| keys.iter().map(|key| report[key].as_u64().unwrap()).sum::<u64>();
        let outcomes = ["succeeded", "failed", "timed_out", "panicked", "cancelled", "lease_lost"];
        assert_eq!(sum(&outcomes), sum(&["attempts"]));
        assert_eq!(sum(&["done", "dead", "released", "malformed"]), sum(&["tasks"]));
        for key in ["elapsed_ms", "throughput_per_s", "idle_permit_ms"] {
            assert!(report[key].is_number(), "{key} in {report}");
        }
        for key in ["wait_ms", "service_ms", "total_ms"] {
            assert!(report[key]["p50"].as_f64() <= report[key]["p99"].as_f64(), "{key} in {report}");
        }
    }
}

#[test]
fn a_file_is_read_once_for_all_four() {
    let place = Place::new();
    let args = ["compare", "-", "--simulate", "--json", "-c", "2"];
    let reports = place.feed(&args, b"{\"ms\":10}\n{\"ms\":10}\nbad\n{\"ms\":10,\"fail\":1}\n");
    assert!(reports.stderr.contains("line 3"), "{}", reports.stderr);
    let reports = reports.expect(0).report();
    assert!(reports.as_array().unwrap().iter().all(|report| report["done"] == 3), "{reports}");
    assert_eq!(reports[0]["service_ms"]["p50"], 10.0, "on a simulated clock");
}

#[test]
fn processes_can_be_compared() {
    let place = Place::new();
    place.write("tasks", seq(5));
    let ended = place.run(&["compare", "tasks", "--json", "--exec", "echo", "{}"]).expect(0);
    assert_eq!(ended.stdout.lines().count(), 4 * 5 + 1);
    assert_eq!(ended.report().as_array().unwrap().len(), 4);
}

#[test]
fn a_group_that_fails_is_no_success() {
    let place = Place::new();
    place.write("tasks", "{\"panic\":true}\n");
    let ended = place.run(&["compare", "tasks", "--simulate", "--json", "--retries", "0"]).expect(1);
    assert_eq!(ended.report().as_array().unwrap().len(), 4, "the others ran all the same");
}

#[test]
fn the_demo_takes_its_time_when_it_is_real() {
    let report = Place::new().run(&["run", "--tasks", "5", "-c", "5", "--real", "--json"]).expect(0).report();
    assert!(report["elapsed_ms"].as_f64() > Some(4.0), "{report}");
    assert_eq!(report["done"], 5);
}
