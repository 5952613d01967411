//! `fourfold` and `fourfold compare`.

use super::{
    command::{Place, seq},
    terminal::Terminal,
};

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
fn on_a_terminal_it_is_in_colours_unless_nobody_wants_them() {
    let place = Place::new();
    let plain = place.run(&["compare"]).expect(0).stdout;
    let (cyan, blue, grey) = (vt100::Color::Idx(6), vt100::Color::Idx(4), vt100::Color::Idx(238));
    for coloured in [true, false] {
        let terminal = Terminal::start(&place, (40, 120), &["compare"], |command| {
            if !coloured {
                command.env("NO_COLOR", "1");
            }
        });
        let written = terminal.finished();
        if !coloured {
            assert_eq!(String::from_utf8(written).unwrap().replace("\r\n", "\n"), plain);
            continue;
        }
        let mut seen = vt100::Parser::new(40, 120, 0);
        seen.process(&written);
        let row = |name: &str| {
            let rows: Vec<String> = seen.screen().rows(0, 120).collect();
            rows.iter().rposition(|row| row.starts_with(name) && row.contains(['█', '▅'])).unwrap() as u16
        };
        let cell = |row: u16, column: u16| seen.screen().cell(row, column).unwrap();
        for pattern in ["set", "batch", "pool", "group"] {
            let first = cell(row(pattern), 9);
            assert_eq!((first.fgcolor(), first.bgcolor()), (cyan, grey), "{pattern}");
            let queues = ["batch", "pool"].contains(&pattern);
            let above = cell(row(pattern) - 1, 9);
            assert_eq!(above.fgcolor() == blue && above.contents() != " ", queues, "{pattern}");
        }
        let screen = seen.screen().contents();
        assert!(screen.contains("some of it failed") && screen.contains("idle permits   ▄ waiting"), "{screen}");
        assert!(!screen.contains("most of it failed"), "no colour is explained that is not there:\n{screen}");
    }
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
    // A malformed line is no success, as with `run`.
    let reports = reports.expect(1).report();
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
