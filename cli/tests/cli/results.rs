//! What tasks write and reply: `--keep-order` and `--results`.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use super::{
    command::{Ended, Place, seq, sorted},
    post::server::{Server, reply},
};

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A program that ends later the earlier its task came: each waits for the one behind it.
const BACKWARDS: &str =
    "if [ $1 -lt 20 ]; then until [ -e $(($1 + 1)) ]; do sleep 0.01; done; fi; touch $1; echo got $1";

#[test]
fn outputs_come_in_the_order_of_the_input_whatever_the_pattern() {
    let expected: String = (1..=20).map(|n| format!("got {n}\n")).collect();
    for pattern in ["set", "batch", "pool", "group"] {
        let place = Place::new();
        place.write("tasks", seq(20));
        let args = ["run", "tasks", "-p", pattern, "-c", "20", "-q", "--exec", "sh", "-c", BACKWARDS, "sh", "{}"];
        let ended = place.run(&args).expect(0);
        assert_ne!(ended.stdout, expected, "the order is that of the ends");
        (1..=20).for_each(|n| std::fs::remove_file(place.path(&n.to_string())).unwrap());
        let ordered = place.run(&[&args[..2], &["--keep-order"], &args[2..]].concat()).expect(0);
        assert_eq!(ordered.stdout, expected, "{pattern}");
    }
}

#[test]
fn a_retry_holds_its_place_and_failed_attempts_are_in_it() {
    let place = Place::new();
    place.write("tasks", seq(50));
    let script = "echo $1.$FOURFOLD_ATTEMPT; [ $(($1 % 7)) != 1 ] || [ $FOURFOLD_ATTEMPT = 2 ]";
    let args = ["run", "tasks", "--keep-order", "-q", "--backoff", "30ms", "--exec", "sh", "-c", script, "sh", "{}"];
    let ended = place.run(&args).expect(0);
    let expected =
        (1..=50).flat_map(|n| (1..=if n % 7 == 1 { 2 } else { 1 }).map(move |attempt| format!("{n}.{attempt}\n")));
    assert_eq!(ended.stdout, expected.collect::<String>());
}

#[test]
fn when_the_buffer_is_full_nothing_new_starts() {
    let place = Place::new();
    place.write("tasks", seq(200));
    // The first task ends when ten others have ended and no more can start.
    let script = "echo $1 >> started; [ $1 != 1 ] || until [ $(wc -l < started) = 10 ]; do sleep 0.01; done; echo $1";
    let args = ["run", "tasks", "--keep-order", "--keep-order-buffer", "10", "-c", "3", "-q"];
    let ended = place.run(&[&args[..], &["--exec", "sh", "-c", script, "sh", "{}"]].concat()).expect(0);
    assert_eq!(ended.stdout, seq(200));
    let started = place.read("started");
    let first: Vec<u32> = started.lines().take(10).map(|line| line.parse().unwrap()).collect();
    assert!(first.iter().all(|task| *task <= 10), "{first:?}");
}

#[test]
fn large_outputs_wait_on_disk_with_few_descriptors() {
    let place = Place::new();
    place.write("tasks", seq(60));
    let script = "[ $1 != 1 ] || until [ -e 30 ]; do sleep 0.01; done; touch $1; seq $1 40000";
    let args = format!("run tasks --keep-order -c 4 -q --exec sh -c '{script}' sh {{}}");
    let command = format!("ulimit -n 100; exec '{}' {args}", env!("CARGO_BIN_EXE_fourfold"));
    let output = std::process::Command::new("sh").args(["-c", &command]).current_dir(place.path(".")).output();
    let ended = Ended::from(output.unwrap()).expect(0);
    let expected: String = (1..=60).flat_map(|n| (n..=40_000).map(|line| format!("{line}\n"))).collect();
    assert!(ended.stdout == expected, "{} of {} bytes", ended.stdout.len(), expected.len());
}

#[test]
fn a_record_tells_how_each_task_ended() {
    let place = Place::new();
    place.write("tasks", "{\"n\":0}\n?\n{\"n\":3}\n{\"n\":64}\n");
    let script = "echo out $1; [ $1 != 3 ] || kill -9 $$; exit $1";
    let args = ["run", "tasks", "--retries", "1", "--backoff", "1ms", "--dead", "dead", "-q", "--results", "results"];
    let ended = place.run(&[&args[..], &["--exec", "sh", "-c", script, "sh", "{.n}"]].concat()).expect(1);
    assert_eq!(sorted(&ended.stdout), ["out 0", "out 3", "out 3", "out 64"], "it is passed on as well");
    let records = records(&place.read("results"));
    assert_eq!(records.len(), 4);
    let of = |line: u64| records.iter().find(|record| record["task"] == line).unwrap();
    let (done, killed, dead) = (of(1), of(3), of(4));
    assert_eq!((&done["outcome"], &done["attempts"], &done["exit_code"]), (&"done".into(), &1.into(), &0.into()));
    assert_eq!((&killed["outcome"], &killed["attempts"], &killed["signal"]), (&"dead".into(), &2.into(), &9.into()));
    assert_eq!((&dead["outcome"], &dead["attempts"], &dead["exit_code"]), (&"dead".into(), &1.into(), &64.into()));
    assert_eq!((&done["output"], &dead["reason"]), (&"out 0\n".into(), &"exit code 64".into()));
    assert!(done["total_ms"].as_f64() >= done["attempt_ms"].as_f64() && done["attempt_ms"].as_f64() > Some(0.0));
    assert!(done["started"].as_str().is_some_and(|time| time.starts_with("20") && time.ends_with('Z')), "{done}");
    let malformed = records.iter().find(|record| record["outcome"] == "malformed").unwrap();
    assert!(malformed["reason"].as_str().unwrap().starts_with("line 2: "), "{malformed}");
}

#[test]
fn records_on_standard_output_have_it_to_themselves_and_keep_the_order() {
    let place = Place::new();
    place.write("tasks", seq(200));
    let args = ["run", "tasks", "--keep-order", "--results", "-", "-c", "8", "--exec", "printf", "\\377{}"];
    let ended = place.run(&args).expect(0);
    let records = records(&ended.stdout);
    assert!(records.iter().map(|record| record["task"].as_u64().unwrap()).eq(1..=200));
    assert_eq!(records[0]["output_base64"], "/zE=");
    assert!(ended.stderr.contains("200 done"), "the summary is elsewhere: {}", ended.stderr);
}

#[test]
fn replies_and_answers_go_to_standard_output_or_into_the_records() {
    let place = Place::new();
    place.write("tasks", seq(3));
    let server = Server::start(|request| reply("200 OK", &format!("answer {}", request.body)));
    let url = server.url();
    place.script("worker", "while read -r line; do echo \"answer $line\"; done");
    for handler in [["--pipe", "./worker"], ["--post", &url]] {
        let ended = place.run(&[&["run", "tasks", "--keep-order", "-q"], &handler[..]].concat()).expect(0);
        assert_eq!(ended.stdout, "answer 1\nanswer 2\nanswer 3\n", "{handler:?}");
        let ended = place.run(&[&["run", "tasks", "--json", "--results", "results"], &handler[..]].concat()).expect(0);
        assert_eq!(ended.report()["done"], 3);
        assert_eq!(ended.stdout.lines().count(), 1, "only the report: {}", ended.stdout);
        let records = records(&place.read("results"));
        let mut outputs: Vec<&str> = records.iter().map(|record| record["output"].as_str().unwrap()).collect();
        outputs.sort_unstable();
        assert_eq!(outputs, ["answer 1\n", "answer 2\n", "answer 3\n"]);
        assert_eq!(records[0]["status"].as_u64(), (handler[0] == "--post").then_some(200));
    }
}

#[test]
fn records_that_cannot_be_written_end_the_run() {
    let place = Place::new();
    place.write("tasks", seq(20_000));
    let ended = place.run(&["run", "tasks", "--results", "/dev/full", "--json", "--simulate"]).expect(4);
    ended.says(&["--results /dev/full", "No space left"]);
    assert!(ended.report()["done"].as_u64() < Some(20_000));
}

#[test]
fn a_slow_reader_of_ordered_outputs_holds_up_the_starts() {
    let place = Place::new();
    place.write("tasks", seq(1000));
    let script = "echo >> started; seq 20000";
    let args =
        ["run", "tasks", "--keep-order", "--keep-order-buffer", "8", "-c", "4", "-q", "--exec", "sh", "-c", script];
    let mut child = place.command(&args).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    super::command::until("the buffer is full", || place.read("started").lines().count() >= 8);
    let started = place.read("started").lines().count();
    assert!(started < 20, "{started} started, and nobody has read their outputs");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_has_no_order_cannot_keep_it() {
    let place = Place::new();
    place.run(&["run", "--keep-order"]).expect(2).says(&["--keep-order", "demo"]);
    let redis = ["run", "redis://127.0.0.1:1/0?list=a", "--keep-order", "--simulate"];
    place.run(&redis).expect(2).says(&["--keep-order", "no order"]);
    place.write("tasks", "1\n");
    place.run(&["run", "tasks", "--results", "tasks", "--simulate"]).expect(2).says(&["--results", "same file"]);
}
