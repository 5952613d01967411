//! `--pipe`: long-lived processes.

use super::command::{Place, seq};

#[test]
fn each_permit_has_a_process_and_no_more() {
    let place = Place::new();
    place.write("tasks", seq(300));
    place.script("worker", "echo $$ >> started; while read -r line; do echo \"$line\" >> seen; echo ok; done");
    let report = place.run(&["run", "tasks", "-c", "3", "--json", "--pipe", "./worker"]).expect(0).report();
    assert_eq!((report["done"].as_u64(), report["peak_in_flight"].as_u64()), (Some(300), Some(3)));
    assert_eq!(place.read("started").lines().count(), 3);
    assert_eq!(place.read("seen").lines().count(), 300);
}

#[test]
fn replies_decide() {
    let place = Place::new();
    place.write("tasks", "{}\n{\"error\": \"busy\"}\n{\"error\": \"gone\", \"permanent\": true}\n{\"error\": null}\n");
    let args = ["run", "tasks", "--json", "--retries", "1", "--backoff", "1ms", "--dead", "dead", "--pipe", "cat"];
    let report = place.run(&args).expect(1).report();
    let count = |key: &str| report[key].as_u64().unwrap();
    assert_eq!([count("done"), count("dead"), count("failed"), count("retried")], [2, 2, 3, 1]);
    let dead = place.read("dead");
    assert!(
        dead.contains(r#""attempts":2,"reason":"busy""#) && dead.contains(r#""attempts":1,"reason":"gone""#),
        "{dead}"
    );
}

#[test]
fn a_process_that_dies_fails_its_task_and_is_replaced() {
    let place = Place::new();
    place.write("tasks", seq(10));
    let script = "while read -r n; do [ $n = 5 ] && { echo out of cheese >&2; exit 9; }; echo ok; done";
    let args = ["run", "tasks", "-c", "1", "--json", "--retries", "0", "--dead", "dead", "--pipe", "sh", "-c", script];
    let report = place.run(&args).expect(1).report();
    assert_eq!((report["done"].as_u64(), report["dead"].as_u64()), (Some(9), Some(1)));
    let dead = place.read("dead");
    assert!(dead.contains(r#""task":5"#) && dead.contains("exit code 9: out of cheese"), "{dead}");
}

#[test]
fn a_process_that_retires_between_tasks_costs_nothing() {
    let place = Place::new();
    place.write("tasks", seq(20));
    // It answers once and ends; where its end is seen only after the next task was written, that
    // one is tried again.
    let args = [
        "run",
        "tasks",
        "-c",
        "1",
        "--json",
        "--retries",
        "100",
        "--backoff",
        "1ms",
        "--pipe",
        "sh",
        "-c",
        "read -r n; echo ok",
    ];
    assert_eq!(place.run(&args).expect(0).report()["done"], 20);
}

#[test]
fn a_process_that_hangs_is_killed_and_replaced() {
    let place = Place::new();
    place.write("tasks", seq(4));
    let script = "while read -r n; do [ $n = 2 ] && sleep 1000; echo ok; done";
    let args = [
        "run",
        "tasks",
        "-c",
        "1",
        "--json",
        "--retries",
        "0",
        "--timeout",
        "500ms",
        "-q",
        "--pipe",
        "sh",
        "-c",
        script,
    ];
    let report = place.run(&args).expect(1).report();
    assert_eq!((report["done"].as_u64(), report["timed_out"].as_u64()), (Some(3), Some(1)));
}

#[test]
fn large_tasks_and_replies_pass_each_other() {
    let place = Place::new();
    place.write("tasks", format!("\"{}\"\n", "x".repeat(2_000_000)).repeat(3));
    assert_eq!(place.run(&["run", "tasks", "--json", "--pipe", "cat"]).expect(0).report()["done"], 3);
}

#[test]
fn megabytes_on_stderr_do_not_block() {
    let place = Place::new();
    place.write("tasks", seq(3));
    let script = "while read -r n; do head -c 3000000 /dev/zero >&2; echo ok; done";
    assert_eq!(
        place.run(&["run", "tasks", "-c", "1", "--json", "--pipe", "sh", "-c", script]).expect(0).report()["done"],
        3
    );
}

#[test]
fn a_reply_that_nobody_waits_for_is_noticed_and_its_process_replaced() {
    let place = Place::new();
    place.write("tasks", seq(3));
    place.script(
        "worker",
        "echo $$ >> started; while read -r n; do echo ok; echo '{\"error\": \"late\"}'; echo > said; done",
    );
    // The next task comes once the second line is there.
    let args = ["run", "tasks", "-c", "1", "--rate", "4/s", "--json", "--pipe", "./worker"];
    let ended = place.run(&args).expect(0);
    assert_eq!((ended.report()["done"].as_u64(), place.read("started").lines().count()), (Some(3), 3));
    assert_eq!(ended.stderr.matches("more than one line").count(), 1, "{}", ended.stderr);
}

#[test]
fn long_reasons_are_cut() {
    let place = Place::new();
    place.write("tasks", "1\n");
    let script = "read -r n; printf '{\"error\": \"'; head -c 2000000 /dev/zero | tr '\\0' x; echo '\"}'; cat";
    let args =
        ["run", "tasks", "--retries", "0", "--dead", "dead", "-q", "--trace", "trace", "--pipe", "sh", "-c", script];
    place.run(&args).expect(1);
    assert!(place.read("dead").len() < 20_000 && place.read("dead").contains("cut: 2000000 bytes"));
    assert!(place.read("trace").lines().all(|line| line.len() < 20_000));
}

#[test]
fn a_program_that_holds_its_replies_back_is_given_a_hint() {
    let place = Place::new();
    place.write("tasks", "1\n");
    // It replies when its input ends, as a program does that buffers its output.
    place.script("worker", "reply=$(cat); echo \"$reply\"");
    let args = ["run", "tasks", "--grace", "0s", "--pipe", "./worker"];
    let mut child = place.command(&args).spawn().unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let line = super::command::wait_for_line(&mut stderr, "no reply after 5s");
    assert!(line.contains("hold its output back") && line.contains("stdbuf -oL"), "{line}");
    super::command::signal(&child, rustix::process::Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}
