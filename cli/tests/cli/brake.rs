//! The brake, for a server or program that is down, and `--halt`.

use std::{io::BufReader, net::TcpListener, process::Child};

use super::{
    command::{Ended, Place, seq, until, wait_for_line},
    post::server::{Server, reply},
};

/// The number of tasks of a run whose program is down at first.
const TASKS: u32 = 2000;

/// Waits until the brake is on and has let a few attempts pass; then `mend` is called. Returns how
/// the run ended and what it had said by then.
fn ride_out(mut child: Child, tries: impl Fn() -> usize, mend: impl FnOnce()) -> Ended {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    wait_for_line(&mut stderr, "20 attempts in a row have failed");
    let before = tries();
    until("attempts go on one at a time", || tries() >= before + 3);
    mend();
    wait_for_line(&mut stderr, "going on at full speed");
    child.stderr = Some(stderr.into_inner());
    Ended::from(child.wait_with_output().unwrap())
}

#[track_caller]
fn check(ended: Ended) {
    let report = ended.expect(0).report();
    let count = |key: &str| report[key].as_u64().unwrap();
    assert_eq!([count("done"), count("dead")], [u64::from(TASKS), 0]);
    // A row of 20, what ran beside it, and one at a time for a second or two.
    assert!((20..50).contains(&count("failed")), "{report}");
    assert!(report["elapsed_ms"].as_f64().unwrap() > 300.0, "{report}");
}

#[test]
fn a_program_that_is_down_for_a_while_costs_no_task() {
    for flag in ["--exec", "--pipe"] {
        let place = Place::new();
        place.write("tasks", seq(TASKS));
        place.script("program", "echo >> tries; [ -e up ] || exit 1; exec cat");
        let child = place.command(&["run", "tasks", "--json", flag, "./program"]).spawn().unwrap();
        let tries = || std::fs::read(place.path("tries")).map_or(0, |tries| tries.len());
        let ended = ride_out(child, tries, || place.write("up", ""));
        let report = ended.stdout.lines().last().unwrap().to_owned() + "\n";
        check(Ended { stdout: report, ..ended });
    }
}

#[test]
fn a_server_that_is_down_for_a_while_costs_no_task() {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    let (is_up, place) = (Arc::new(AtomicBool::new(false)), Place::new());
    let up = Arc::clone(&is_up);
    let status = move || if up.load(Ordering::SeqCst) { "200 OK" } else { "529 Overloaded" };
    let server = Server::start(move |_| reply(status(), ""));
    place.write("tasks", seq(TASKS));
    let child = place.command(&["run", "tasks", "--json", "--post", &server.url()]).spawn().unwrap();
    check(ride_out(child, || server.requests().len(), || is_up.store(true, Ordering::SeqCst)));
}

#[test]
fn without_the_brake_attempts_fail_at_full_speed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let place = Place::new();
    place.write("tasks", seq(200));
    let args = ["run", "tasks", "--retries", "0", "--no-brake", "--json", "--dead", "dead", "--post", &url];
    let ended = place.run(&args).expect(1);
    assert_eq!(ended.report()["dead"], 200);
    assert!(!ended.stderr.contains("in a row"), "{}", ended.stderr);
}

#[test]
fn a_run_halts_when_too_many_tasks_are_dead() {
    let place = Place::new();
    place.write("tasks", seq(1000));
    let args = ["run", "tasks", "-c", "1", "--retries", "0", "--json", "--dead", "dead", "--rest", "rest"];
    let run = |halt: &[&str], script: &str| {
        place.run(&[&args, halt, &["--exec", "sh", "-c", script, "sh", "{}"]].concat()).expect(1)
    };
    let ended = run(&["--halt", "3"], "exit $(($1 > 10))");
    assert_eq!((ended.report()["done"].as_u64(), ended.report()["dead"].as_u64()), (Some(10), Some(3)));
    ended.says(&["--halt 3", "3 of 13 tasks are dead"]);
    assert_eq!(place.read("rest").lines().next(), Some("14"));
    // A share means something from 100 tasks on: until then even half of them may be dead.
    let ended = run(&["--halt", "50%"], "exit $(($1 % 2))");
    assert_eq!((ended.report()["done"].as_u64(), ended.report()["dead"].as_u64()), (Some(50), Some(50)));
    // One that is not reached changes nothing.
    let ended = run(&["--halt", "60%"], "exit $(($1 % 2))");
    assert_eq!((ended.report()["tasks"].as_u64(), ended.report()["dead"].as_u64()), (Some(1000), Some(500)));
}
