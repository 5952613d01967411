//! `--exec`: a process per task.

use std::process::Command;

use super::command::{Place, is_running, seq, sorted, until};

#[test]
fn the_output_is_that_of_xargs() {
    let place = Place::new();
    place.write("tasks", seq(200));
    let xargs =
        Command::new("sh").args(["-c", "xargs -P16 -n1 echo got < tasks"]).current_dir(place.path(".")).output();
    let expected = String::from_utf8(xargs.unwrap().stdout).unwrap();
    let ended = place.run(&["run", "tasks", "-c", "16", "--exec", "echo", "got", "{}"]).expect(0);
    assert_eq!(sorted(&ended.stdout), sorted(&expected));
    let piped = place.feed(&["run", "-", "-c", "16", "--exec", "echo", "got", "{}"], seq(200).as_bytes()).expect(0);
    assert_eq!(sorted(&piped.stdout), sorted(&expected));
}

#[test]
fn a_task_arrives_on_stdin_in_the_environment_and_in_the_arguments() {
    let place = Place::new();
    place.write("tasks", "\n{\"id\": 7, \"name\": \"ada\"}\n");
    let script = r#"printf '%s|%s|%s|' "$FOURFOLD_TASK_ID" "$FOURFOLD_ATTEMPT" "$1"; cat"#;
    let args = ["run", "tasks", "--json", "--exec", "sh", "-c", script, "sh", "{.id}-{.name}", ";", "-c", "2"];
    let ended = place.run(&args).expect(0);
    assert_eq!(ended.stdout.lines().next(), Some(r#"2|1|7-ada|{"id": 7, "name": "ada"}"#));
    assert_eq!(ended.report()["limit"], 2);
}

#[test]
fn a_large_task_goes_through_a_pipe_whole() {
    let place = Place::new();
    let payload = format!("\"{}\"", "x".repeat(1_000_000));
    place.write("tasks", format!("{payload}\n").repeat(3));
    let ended = place.run(&["run", "tasks", "--exec", "wc", "-c"]).expect(0);
    assert_eq!(sorted(&ended.stdout), ["1000003"; 3]);
}

#[test]
fn exit_codes_decide() {
    let place = Place::new();
    place.write("tasks", "0\n1\n75\n");
    let args = ["--retries", "1", "--backoff", "1ms", "--json", "--dead", "dead", "--exec", "sh", "-c"];
    let script = "echo why {} >&2; exit {}";
    let ended = place.run(&[&["run", "tasks"], &args[..], &[script]].concat()).expect(1);
    let report = ended.report();
    let count = |key: &str| report[key].as_u64().unwrap();
    assert_eq!([count("done"), count("dead"), count("failed"), count("retried")], [1, 2, 4, 2]);
    let dead = place.read("dead");
    assert!(dead.contains("\"exit code 1: why 1\"") && dead.contains("\"exit code 75: why 75\""), "{dead}");
}

#[test]
fn a_process_killed_by_a_signal_has_failed() {
    let place = Place::new();
    place.write("tasks", "1\n");
    let args = ["run", "tasks", "--retries", "0", "--dead", "dead", "-q", "--exec", "sh", "-c", "kill -9 $$"];
    place.run(&args).expect(1);
    assert!(place.read("dead").contains("killed by signal 9"));
}

#[test]
fn what_closes_its_input_early_is_no_failure() {
    let place = Place::new();
    place.write("tasks", format!("\"{}\"\n1\n", "x".repeat(1_000_000)));
    let ended =
        place.run(&["run", "tasks", "--json", "--retries", "0", "--exec", "sh", "-c", "exec 0<&-; echo closed"]);
    assert_eq!(ended.expect(0).report()["done"], 2);
}

#[test]
fn megabytes_on_stderr_neither_block_nor_stay() {
    let place = Place::new();
    place.write("tasks", "1\n");
    let script = "head -c 10000000 /dev/zero | tr '\\0' e >&2; echo the last word >&2; exit 3";
    place.run(&["run", "tasks", "--retries", "0", "--dead", "dead", "-q", "--exec", "sh", "-c", script]).expect(1);
    let dead = place.read("dead");
    assert!(dead.contains("the last word") && dead.len() < 3000, "{} bytes", dead.len());
}

#[test]
fn outputs_stay_whole_however_long_they_are() {
    let place = Place::new();
    place.write("tasks", seq(8));
    // Beyond what is kept in memory, slowly enough to be mixed up.
    let script = "i=0; while [ $i -lt 2000 ]; do printf '%s %0100d\\n' {} $i; i=$((i+1)); done";
    let ended = place.run(&["run", "tasks", "-c", "8", "-q", "--exec", "sh", "-c", script]).expect(0);
    let tasks: Vec<&str> = ended.stdout.lines().map(|line| line.split_once(' ').unwrap().0).collect();
    assert_eq!(tasks.len(), 16_000);
    assert!(tasks.chunks(2000).all(|chunk| chunk.iter().all(|task| *task == chunk[0])), "outputs are mixed");
}

#[test]
fn what_hangs_is_killed_with_all_it_started() {
    let place = Place::new();
    place.write("tasks", "1\n");
    let script = "sleep 1000 & echo $! > grandchild; echo $$ > child; wait";
    let args = ["run", "tasks", "--json", "--retries", "0", "--timeout", "500ms", "--exec", "sh", "-c", script];
    assert_eq!(place.run(&args).expect(1).report()["timed_out"], 1);
    for name in ["child", "grandchild"] {
        until("it is gone", || !is_running(&place.read(name)));
    }
}

#[test]
fn a_command_that_vanishes_gives_back_what_is_held() {
    let place = Place::new();
    place.write("tasks", seq(100));
    place.script("once", "rm -f \"$0\"");
    let args = ["run", "tasks", "-c", "4", "--json", "--rest", "rest", "--exec", "./once"];
    let ended = place.run(&args).expect(3);
    ended.says(&["--exec", "./once", "given back"]);
    let done = ended.report()["done"].as_u64().unwrap();
    assert_eq!(done + place.read("rest").lines().count() as u64, 100);
    assert_eq!(ended.report()["dead"], 0);
}

#[test]
fn a_group_ends_with_its_first_failure() {
    let place = Place::new();
    place.write("tasks", seq(100));
    let args = ["run", "tasks", "-p", "group", "--retries", "0", "--json", "--exec", "sh", "-c", "exit $(({} == 10))"];
    let ended = place.run(&args).expect(1);
    ended.says(&["the group failed", "task 10"]);
    let report = ended.report();
    assert_eq!((report["dead"].as_u64(), report["tasks"].as_u64() < Some(100)), (Some(1), true), "{report}");
}

#[test]
fn fields_within_fields_are_found_and_a_wrong_placeholder_is_refused() {
    let place = Place::new();
    place.write("tasks", "{\"user\": {\"id\": 7}}\n");
    let ended = place.run(&["run", "tasks", "--exec", "echo", "{.user.id}", "{print $1}", "{}{"]).expect(0);
    assert_eq!(ended.stdout, "7 {print $1} {\"user\": {\"id\": 7}}{\n");
    place.run(&["run", "tasks", "--exec", "echo", "{.user.id"]).expect(2).says(&["{.user.id", "{.field.inner}"]);
}

#[test]
fn a_task_inside_a_script_is_warned_about_with_the_safe_form() {
    let place = Place::new();
    place.write("tasks", "1\n");
    let warned = |args: &[&str]| {
        let ended = place.run(&[&["run", "tasks", "--exec"], args].concat()).expect(0);
        ended.stderr.contains("warning: --exec: ") && ended.stderr.contains("\"$1\"")
    };
    assert!(warned(&["sh", "-c", "echo {}"]) && warned(&["/bin/sh", "-ec", "echo {}"]));
    assert!(!warned(&["sh", "-c", "echo \"$1\"", "sh", "{}"]) && !warned(&["echo", "-c", "{}"]));
}

#[test]
fn what_takes_too_long_may_end_by_itself_and_is_heard() {
    let place = Place::new();
    place.write("tasks", "1\n");
    let script = "trap 'echo cleaning; echo why >&2; exit 0' TERM; echo begun; while :; do sleep 0.05; done";
    let args = ["run", "tasks", "--json", "--retries", "0", "--timeout", "300ms", "--dead", "dead"];
    let ended = place.run(&[&args[..], &["--exec", "sh", "-c", script]].concat()).expect(1);
    assert_eq!(ended.report()["timed_out"], 1);
    assert!(ended.stdout.starts_with("begun\ncleaning\n{"), "{}", ended.stdout);
    let dead = place.read("dead");
    assert!(dead.contains("timed out after 300ms: ") && dead.contains("why"), "{dead}");
    // One that does not is killed, and what it wrote until then is kept.
    let script = "trap '' TERM; echo begun; while :; do sleep 0.05; done";
    let args = [&args[..], &["--kill-after", "200ms", "--exec", "sh", "-c", script]].concat();
    let ended = place.run(&args).expect(1);
    assert_eq!((ended.report()["timed_out"].as_u64(), ended.stdout.starts_with("begun\n{")), (Some(1), true));
}

/// While a process that ran into the timeout takes its time to end, no other takes its place.
#[test]
fn a_process_that_is_ending_still_counts() {
    let place = Place::new();
    place.write("tasks", seq(6));
    let script = "trap 'exit 0' TERM; mkdir alone || echo two; while :; do sleep 0.02; done";
    let script = script.replace("exit 0", "sleep 0.1; rmdir alone; exit 0");
    let args = ["run", "tasks", "-c", "1", "--retries", "0", "--timeout", "100ms", "--dead", "dead", "-q"];
    let ended = place.run(&[&args[..], &["--exec", "sh", "-c", &script]].concat()).expect(1);
    assert_eq!(ended.stdout, "", "two at once");
}

#[test]
fn what_a_task_that_succeeds_says_on_standard_error_is_passed_on_whole() {
    let place = Place::new();
    place.write("tasks", seq(4));
    let script = "i=0; while [ $i -lt 200 ]; do echo \"$1 $i\" >&2; i=$((i+1)); done";
    let args = ["run", "tasks", "-c", "4", "--json", "--exec", "sh", "-c", script, "sh", "{}"];
    let ended = place.run(&args).expect(0);
    let lines: Vec<&str> = ended.stderr.lines().map(|line| line.split_once(' ').unwrap().0).collect();
    assert_eq!(lines.len(), 800, "{}", ended.stderr);
    assert!(lines.chunks(200).all(|chunk| chunk.iter().all(|task| *task == chunk[0])), "mixed");
    let quiet = [&args[..2], &["-q"], &args[2..]].concat();
    assert_eq!(place.run(&quiet).expect(0).stderr, "");
}

#[test]
fn exit_codes_say_whether_another_attempt_makes_sense() {
    let place = Place::new();
    place.write("tasks", "1\n64\n75\n127\n");
    let attempts = |more: &[&str]| {
        let args = ["run", "tasks", "--json", "--retries", "2", "--backoff", "1ms", "--dead", "dead"];
        let args = [&args[..], more, &["--exec", "sh", "-c", "exit $1", "sh", "{}"]].concat();
        place.run(&args).expect(1).report()["attempts"].as_u64()
    };
    assert_eq!(attempts(&[]), Some(3 + 1 + 3 + 1));
    assert_eq!(attempts(&["--dead-on", "1,75"]), Some(1 + 3 + 1 + 3));
    assert_eq!(attempts(&["--retry-on", "64-200"]), Some(3 + 3 + 3 + 3));
    place.run(&["run", "tasks", "--dead-on", "1-", "--exec", "true"]).expect(2).says(&["--dead-on", "1,64-78"]);
    place.run(&["run", "tasks", "--dead-on", "1", "--simulate"]).expect(2).says(&["--dead-on", "--exec"]);
}

#[test]
fn a_file_that_cannot_be_run_is_explained() {
    let place = Place::new();
    place.write("tasks", "1\n");
    place.script("job", "exit 0");
    place.write("job", "echo no interpreter\n");
    let args = ["run", "tasks", "--retries", "0", "--dead", "dead", "-q", "--exec", "./job"];
    place.run(&args).expect(1);
    assert!(place.read("dead").contains("#!"), "{}", place.read("dead"));
    for (first, part) in [("#!/bin/sh\r\n", "carriage return"), ("#!/no/interpreter -x\n", "interpreter")] {
        place.write("job", first);
        place.run(&args).expect(2).says(&["--exec", "./job", part]);
    }
}
