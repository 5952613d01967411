//! `/metrics`: what a scraper reads, read by the reference parsers.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::client::Server;
use crate::command::{Place, until};

/// Debian's, which has the package `python3-prometheus-client`.
const PYTHON: &str = "/usr/bin/python3";
/// Every sample, as an object of its name with labels to its value; the parser refuses what the format does not allow.
const READ: &str = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
from prometheus_client.parser import text_string_to_metric_families as classic
read = strict if sys.argv[1] == 'open' else classic
samples = {}
for family in read(sys.stdin.read()):
    assert family.documentation, family.name
    for sample in family.samples:
        labels = ','.join(sorted(f'{k}={v}' for k, v in sample.labels.items()))
        key = sample.name + '{' + labels + '}'
        assert key not in samples, key
        samples[key] = float(sample.value)
print(json.dumps(samples))
";

fn read(format: &str, text: &[u8]) -> serde_json::Value {
    let mut python = Command::new(PYTHON);
    python.args(["-c", READ, format]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().expect("python3 with prometheus_client: `cargo xtask setup` installs it");
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(text));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_reference_parsers_read_what_the_report_says() {
    let place = Place::new();
    let args =
        ["run", "-", "-c", "3", "--simulate", "--json", "--retries", "1", "--backoff", "1ms", "--timeout", "200ms"];
    let mut server = Server::start(&place, &args);
    let tasks = "{\"ms\":3}\n".repeat(40) + "bad\n{\"fail\":1}\n{\"fail\":9}\n{\"ms\":60000}\n{\"panic\":true}\n";
    server.feed(&tasks);
    until("all ended", || {
        let ended = ["done", "dead", "malformed"].map(|ending| format!("fourfold_tasks_total{{ending=\"{ending}\"}}"));
        ended.iter().map(|sample| server.metric(sample)).sum::<f64>() >= 45.0
    });
    let open = server.ask("GET", "/metrics", &["Accept: application/openmetrics-text; version=1.0.0,text/plain;q=0.5"]);
    assert_eq!(open.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let classic = server.ask("GET", "/metrics", &["Accept: text/plain;version=0.0.4;q=1,*/*;q=0.1"]);
    assert_eq!(classic.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(open.text().ends_with("# EOF\n") && !classic.text().contains("# EOF"));
    assert_eq!((open.header("vary"), open.header("cache-control")), (Some("Accept"), Some("no-store")));
    let samples = read("open", &open.body);
    assert_eq!(read("classic", &classic.body), samples, "the same in both formats");
    let report = server.end().expect(1).report();
    let value = |key: &str| samples[key].as_f64().unwrap_or_else(|| panic!("no {key} in {samples:#}"));
    for ending in ["done", "dead", "released", "malformed"] {
        assert_eq!(
            Some(value(&format!("fourfold_tasks_total{{ending={ending}}}"))),
            report[ending].as_f64(),
            "{ending}"
        );
    }
    for outcome in ["succeeded", "failed", "timed_out", "panicked", "cancelled", "lease_lost"] {
        let sample = format!("fourfold_attempts_total{{outcome={outcome}}}");
        assert_eq!(Some(value(&sample)), report[outcome].as_f64(), "{outcome}");
    }
    for (sample, key) in [
        ("fourfold_retries_total{}", "retried"),
        ("fourfold_in_flight_peak{}", "peak_in_flight"),
        ("fourfold_limit{}", "limit"),
        ("fourfold_service_seconds_count{}", "attempts"),
    ] {
        assert_eq!(Some(value(sample)), report[key].as_f64(), "{sample}");
    }
    assert_eq!(value("fourfold_workers{}"), 3.0);
    assert_eq!(
        value("fourfold_total_seconds_count{}"),
        report["done"].as_f64().unwrap() + report["dead"].as_f64().unwrap()
    );
    assert_eq!(value("fourfold_run_info{pattern=pool,run=1,version=0.1.0}"), 1.0);
    assert_eq!(value("fourfold_phase{fourfold_phase=running}"), 1.0);
    for (name, key) in [("wait", "wait_ms"), ("service", "service_ms"), ("total", "total_ms")] {
        let max = report[key]["max"].as_f64().unwrap() / 1e3;
        let (sum, count) =
            (value(&format!("fourfold_{name}_seconds_sum{{}}")), value(&format!("fourfold_{name}_seconds_count{{}}")));
        assert!(sum >= max && sum <= max * count, "{name}: {sum} for {count} of at most {max}");
    }
    // Half of the attempts are at most as long as the median says, which the report knows to a sixteenth.
    let median = report["service_ms"]["p50"].as_f64().unwrap() / 1e3;
    let bucket = (14..=38).map(|power| (1_u64 << power) as f64 * 1e-9).find(|end| *end > median).unwrap();
    let name = format!("fourfold_service_seconds_bucket{{le={:.9}}}", bucket - 1e-9);
    let half = value("fourfold_service_seconds_count{}") / 2.0;
    assert!(value(&name) >= half, "{name} is below {half}: {samples:#}");
}

#[test]
fn the_fold_and_the_metrics_agree_to_the_nanosecond() {
    use fourfold::{Config, Pattern, listen::expose, metrics::State, sim::Simulation};
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, std::num::NonZeroUsize::new(5).unwrap()).seed(7);
        let mut state = State::new();
        Simulation::new(config, 300).run(&mut state).unwrap();
        let (text, report) = (expose(&state, 1, None).text, state.report());
        read("open", text.as_bytes());
        let seconds = |duration: std::time::Duration| format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos());
        let idle = seconds(report.idle_permits.unwrap());
        assert!(text.contains(&format!("\nfourfold_idle_permit_seconds_total {idle}\n")), "{text}");
        assert!(text.contains(&format!("\nfourfold_elapsed_seconds {}\n", seconds(report.elapsed))), "{text}");
        assert!(text.contains("\nfourfold_phase{fourfold_phase=\"ended\"} 1\n"));
    }
}
