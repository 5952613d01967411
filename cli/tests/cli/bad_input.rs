//! Arguments and files that are not as they should be: a line that says what to do, and the right
//! exit code.

use super::command::{Place, seq};

#[test]
fn wrong_arguments_are_named() {
    let place = Place::new();
    place.write("tasks", "1\n");
    place.write("plain", "");
    for (args, parts) in [
        (&["run", "-c", "0"][..], &["--max-concurrent", "at least 1"][..]),
        (&["run", "-c", "-3"], &["--max-concurrent", "at least 1"]),
        (&["compare", "--workers", "0"], &["--workers"]),
        (&["run", "--batch-size", "0"], &["--batch-size"]),
        (&["run", "--queue-capacity", "x"], &["--queue-capacity"]),
        (&["run", "--max-tasks", "0"], &["--max-tasks"]),
        (&["run", "--rate", "-5"], &["--rate", "such as 100/s"]),
        (&["run", "--rate", "0"], &["--rate"]),
        (&["run", "--retries", "-1"], &["--retries"]),
        (&["run", "--timeout", "30"], &["--timeout", "such as 100ms"]),
        (&["run", "--timeout", "0s"], &["--timeout"]),
        (&["run", "--backoff", "3s..1s"], &["--backoff", "turn them round"]),
        (&["run", "--max-line", "0"], &["--max-line"]),
        (&["run", "--max-deliveries", "0"], &["--max-deliveries"]),
        (&["run", "-p", "swarm"], &["--pattern", "swarm"]),
        (&["run", ""], &["SOURCE is empty"]),
        (&["run", "tasks"], &["tasks", "--exec CMD, --pipe CMD, --post URL or --simulate"]),
        (&["run", "-"], &["--exec CMD, --pipe CMD, --post URL or --simulate"]),
        (&["run", "tasks", "--exec", "no-such-program"], &["--exec", "no-such-program", "PATH"]),
        (&["run", "tasks", "--exec", "./plain"], &["--exec", "not executable"]),
        (&["run", "tasks", "--pipe", "/nowhere/at/all"], &["--pipe", "no such file"]),
        (&["run", "tasks", "--simulate", "--exec", "true"], &["--exec", "--simulate"]),
        (&["run", "tasks", "--simulate", "--trace", "/nowhere/t.jsonl"], &["--trace /nowhere/t.jsonl"]),
        (&["run", "tasks", "--simulate", "--dead", "/nowhere/d"], &["--dead /nowhere/d"]),
        (&["run", "tasks", "--simulate", "--rest", "/nowhere/r"], &["--rest /nowhere/r"]),
        (&["run", "--rest", "r"], &["--rest", "demo"]),
        (&["run", "--follow"], &["--follow", "demo"]),
        (&["run", "redis://localhost/0?list=", "--simulate"], &["list=KEY"]),
        (&["run", "redis://localhost/0?stream=s", "--simulate"], &["group=GROUP"]),
        (&["compare", "redis://localhost/0?list=k"], &["four times"]),
        (&["stats", "tasks"], &["redis://HOST/0?list=KEY"]),
        (&["push", "tasks", "tasks"], &["redis://HOST/0?list=KEY"]),
    ] {
        let ended = place.run(args).expect(2);
        ended.says(parts);
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

#[test]
fn a_source_that_cannot_be_read_is_named() {
    let place = Place::new();
    place.run(&["run", "nothing.jsonl", "--simulate"]).expect(3).says(&["nothing.jsonl", "No such file"]);
    place.run(&["compare", ".", "--simulate"]).expect(3).says(&["cannot read .", "directory"]);
    place.run(&["push", "redis+unix:///nowhere?list=k", "none"]).expect(3).says(&["none"]);
    let nobody = "redis+unix:///nowhere/socket?list=k";
    for args in [&["run", nobody, "--simulate"][..], &["stats", nobody], &["dead", "list", nobody]] {
        place.run(args).expect(3).says(&["/nowhere/socket"]);
    }
}

#[test]
fn a_limit_of_a_billion_costs_nothing() {
    let place = Place::new();
    place.write("tasks", seq(100));
    for pattern in ["set", "batch", "pool", "group"] {
        let args = ["run", "tasks", "-p", pattern, "-c", "1000000000", "--simulate", "--json"];
        assert_eq!(place.run(&args).expect(0).report()["done"], 100);
    }
}

#[test]
fn an_empty_file_is_done() {
    let place = Place::new();
    for content in ["", "\n\n"] {
        place.write("tasks", content);
        let report = place.run(&["run", "tasks", "--simulate", "--json"]).expect(0).report();
        assert_eq!((report["tasks"].as_u64(), report["attempts"].as_u64()), (Some(0), Some(0)));
    }
}

#[test]
fn malformed_lines_go_to_the_dead_letters_and_the_rest_is_done() {
    let place = Place::new();
    place.write("tasks", b"1\n{bad\n\"\xFF\"\n\0\n\n2");
    let ended = place.run(&["run", "tasks", "--simulate", "--json"]).expect(1);
    assert_eq!((ended.report()["done"].as_u64(), ended.report()["malformed"].as_u64()), (Some(2), Some(3)));
    assert!(ended.stderr.contains(r#""reason":"line 2: "#), "{}", ended.stderr);
    let with_file = place.run(&["run", "tasks", "--simulate", "--dead", "dead", "-q"]).expect(1);
    assert_eq!((with_file.stdout.as_str(), with_file.stderr.as_str()), ("", ""));
    assert_eq!(place.read("dead"), ended.stderr);
    assert_eq!(place.read("dead").lines().count(), 3);
}

/// RFC 8259 lets a reader ignore it; elsewhere than at the begin it is no JSON.
#[test]
fn a_byte_order_mark_before_the_first_task_is_skipped() {
    let place = Place::new();
    place.write("tasks", "\u{feff}{\"n\": 1}\n\u{feff}2\n");
    let report = place.run(&["run", "tasks", "--simulate", "--json", "--dead", "dead"]).expect(1).report();
    assert_eq!((report["done"].as_u64(), report["malformed"].as_u64()), (Some(1), Some(1)));
    assert!(place.read("dead").contains("line 2"));
}

#[test]
fn a_line_of_100_megabytes_is_named_and_never_held() {
    let place = Place::new();
    let mut content = b"1\n\"".to_vec();
    content.resize(100_000_000, b'x');
    content.extend_from_slice(b"\"\n2\n");
    place.write("tasks", content);
    // With less address space than the line is long.
    let limited = format!("ulimit -v 90000; exec '{}' run tasks --simulate --json", env!("CARGO_BIN_EXE_fourfold"));
    let output = std::process::Command::new("sh").args(["-c", &limited]).current_dir(place.path(".")).output().unwrap();
    let ended = super::command::Ended::from(output).expect(1);
    assert_eq!((ended.report()["done"].as_u64(), ended.report()["malformed"].as_u64()), (Some(2), Some(1)));
    assert!(ended.stderr.contains("line 2: too long"), "{}", ended.stderr);
}

#[test]
fn what_simulate_cannot_act_out_is_dead_at_once() {
    let place = Place::new();
    place.write("tasks", "{\"ms\":\"soon\"}\n{\"other\":true}\n[1]\n{\"fail\":1,\"ms\":1}\n{\"panic\":true}\n");
    let args = ["run", "tasks", "--simulate", "--json", "--retries", "1", "--backoff", "1ms", "--dead", "dead"];
    let report = place.run(&args).expect(1).report();
    let count = |key: &str| report[key].as_u64().unwrap();
    assert_eq!([count("done"), count("dead"), count("panicked"), count("failed")], [3, 2, 2, 2]);
    assert!(place.read("dead").contains("--simulate cannot act this out"));
}

#[test]
fn a_full_disk_under_the_dead_letters_ends_the_run() {
    let place = Place::new();
    place.write("tasks", "1\nbad\n");
    place.run(&["run", "tasks", "--simulate", "--dead", "/dev/full"]).expect(3).says(&["--dead /dev/full", "space"]);
}

#[test]
fn a_full_disk_under_the_rest_is_said() {
    let place = Place::new();
    place.write("tasks", seq(50));
    let args = ["run", "tasks", "--simulate", "--max-tasks", "10", "--rest", "/dev/full", "-q"];
    place.run(&args).expect(4).says(&["--rest /dev/full", "space"]);
}

#[test]
fn tasks_beyond_the_maximum_are_left() {
    let place = Place::new();
    place.write("tasks", seq(50));
    for pattern in ["set", "batch", "pool", "group"] {
        let args = ["run", "tasks", "-p", pattern, "--simulate", "--max-tasks", "10", "--rest", "rest", "--json"];
        let report = place.run(&args).expect(0).report();
        let left = place.read("rest").lines().count() as u64;
        assert_eq!((report["done"].as_u64(), report["left"].as_u64()), (Some(50 - left), Some(left)));
        assert!(report["done"].as_u64() >= Some(10) && left > 0, "{report}");
    }
}
