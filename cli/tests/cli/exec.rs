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
