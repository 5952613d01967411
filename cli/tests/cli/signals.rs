//! Signals, and readers that go away.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use rustix::process::Signal;

use super::command::{Ended, Place, is_running, seq, signal, until, wait_for_line};

/// Starts a run whose tasks wait for the file `go`, and sends a signal once `count` of them have
/// begun.
fn drain_in_the_middle(pattern: &str, first: Signal) -> (Place, Ended) {
    let place = Place::new();
    place.write("tasks", seq(100));
    let script = "echo {} >> begun; until [ -e go ]; do sleep 0.01; done; echo {} >> ended";
    let args = ["run", "tasks", "-p", pattern, "-c", "4", "--json", "--rest", "rest", "--exec", "sh", "-c", script];
    let mut child = place.command(&args).spawn().unwrap();
    until("four have begun", || place.path("begun").exists() && place.read("begun").lines().count() == 4);
    signal(&child, first);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let name = match first {
        Signal::INT => "SIGINT",
        Signal::HUP => "SIGHUP",
        Signal::QUIT => "SIGQUIT",
        _ => "SIGTERM",
    };
    wait_for_line(&mut stderr, &format!("{name}: finishing what has started"));
    place.write("go", "");
    let ended = Ended::from(child.wait_with_output().unwrap());
    (place, ended)
}

#[test]
fn the_first_signal_drains() {
    for (pattern, first, code) in [
        ("set", Signal::TERM, 143),
        ("batch", Signal::INT, 130),
        ("pool", Signal::TERM, 143),
        ("group", Signal::TERM, 143),
        ("pool", Signal::HUP, 129),
        ("pool", Signal::QUIT, 131),
    ] {
        let (place, ended) = drain_in_the_middle(pattern, first);
        let report = ended.expect(code).report();
        assert_eq!(report["done"], 4, "{pattern}: what has started finishes");
        assert_eq!(place.read("begun").lines().count(), 4, "{pattern}: nothing new starts");
        assert_eq!(place.read("ended").lines().count(), 4);
        assert_eq!(report["left"], 96);
        let rest = place.read("rest");
        let mut all: Vec<u32> = place.read("ended").lines().chain(rest.lines()).map(|n| n.parse().unwrap()).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(1..=100), "{pattern}: done and rest are all there was");
    }
}

/// A run of one task that never ends; gives its process, and what it started.
fn hanging(place: &Place, more: &[&str]) -> (std::process::Child, String) {
    place.write("tasks", seq(10));
    let args = [&["run", "tasks", "-c", "1", "--json", "--rest", "rest"], more].concat();
    let child = place.command(&[&args[..], &["--exec", "sh", "-c", "echo $$ > pid; exec sleep 1000"]].concat()).spawn();
    until("it has begun", || place.path("pid").exists() && place.read("pid").ends_with('\n'));
    (child.unwrap(), place.read("pid"))
}

#[test]
fn the_second_signal_aborts() {
    let place = Place::new();
    let (mut child, pid) = hanging(&place, &[]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    signal(&child, Signal::INT);
    wait_for_line(&mut stderr, "finishing what has started");
    assert!(is_running(&pid));
    signal(&child, Signal::TERM);
    wait_for_line(&mut stderr, "aborting");
    let report = Ended::from(child.wait_with_output().unwrap()).expect(130).report();
    until("it is gone", || !is_running(&pid));
    assert_eq!((report["done"].as_u64(), report["cancelled"].as_u64()), (Some(0), Some(1)));
    assert_eq!(place.read("rest"), seq(10), "what was cancelled is not done");
}

#[test]
fn the_end_of_the_grace_aborts() {
    let place = Place::new();
    let (child, pid) = hanging(&place, &["--grace", "100ms"]);
    signal(&child, Signal::TERM);
    let report = Ended::from(child.wait_with_output().unwrap()).expect(143).report();
    until("it is gone", || !is_running(&pid));
    assert_eq!((report["cancelled"].as_u64(), report["left"].as_u64()), (Some(1), Some(10)));
}

#[test]
fn standard_input_that_never_ends_can_be_drained() {
    let place = Place::new();
    let mut child = place.command(&["run", "-", "--json", "--simulate"]).stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    // The signal may come before the run listens for it; a file that it makes first says that it
    // does.
    std::io::Write::write_all(&mut &stdin, seq(5).as_bytes()).unwrap();
    until("signals are caught", || catches(child.id(), Signal::TERM));
    signal(&child, Signal::TERM);
    wait_for_line(&mut stderr, "finishing what has started");
    let ended = Ended::from(child.wait_with_output().unwrap()).expect(143);
    assert!(ended.report()["done"].as_u64() <= Some(5));
    drop(stdin);
}

/// Whether a process has a handler for a signal.
fn catches(pid: u32, signal: Signal) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (signal.as_raw() - 1)) != 0
}

#[test]
fn a_reader_that_has_enough_ends_the_run_quietly() {
    let place = Place::new();
    place.write("tasks", seq(100_000));
    let args = ["run", "tasks", "-c", "4", "--rest", "rest", "-q", "--exec", "echo", "{}"];
    let mut child = place.command(&args).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(141), ""));
    let rest = place.read("rest");
    assert!(rest.lines().count() > 1000 && rest.ends_with("100000\n"), "what was not done is not lost");
}

#[test]
fn nobody_reads_the_report() {
    let place = Place::new();
    let mut child = place.command(&["--help"]).spawn().unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    assert!(status.code().is_some(), "{status}");
    let mut child = place.command(&["man"]).spawn().unwrap();
    drop(child.stdout.take());
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(0 | 141)), "{code:?}");
}

#[test]
fn a_full_disk_under_standard_output_is_said() {
    let place = Place::new();
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = place.command(&["run", "--json"]).stdout(full).output().unwrap();
    Ended::from(output).expect(4).says(&["standard output", "space"]);
}

/// Nobody is left to end the children: they end all the same, with what they started.
#[test]
fn children_do_not_outlive_a_command_that_was_killed() {
    for handler in ["--exec", "--pipe"] {
        let place = Place::new();
        place.write("tasks", seq(1));
        let script = "sleep 1000 & echo $! > grandchild; echo $$ > child; wait";
        let mut child = place.command(&["run", "tasks", handler, "sh", "-c", script]).spawn().unwrap();
        until("it has begun", || place.path("child").exists() && place.read("child").ends_with('\n'));
        signal(&child, Signal::KILL);
        child.wait().unwrap();
        for name in ["child", "grandchild"] {
            until("it is gone", || !is_running(&place.read(name)));
        }
    }
}

#[test]
fn what_is_stopped_is_named_and_ended_by_the_timeout() {
    let place = Place::new();
    place.write("tasks", seq(1));
    let args = ["run", "tasks", "--retries", "0", "--timeout", "2s", "--json", "--dead", "dead"];
    let ended = place.run(&[&args[..], &["--exec", "sh", "-c", "kill -STOP $$"]].concat()).expect(1);
    assert_eq!(ended.report()["timed_out"], 1);
    assert!(ended.stderr.contains("was stopped by signal 19"), "{}", ended.stderr);
}

/// As in a container: what a task leaves behind becomes the child of the first process, which has
/// to reap it.
#[test]
fn as_the_first_process_it_reaps_what_tasks_leave_behind_and_obeys_signals() {
    let unshare = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let is_allowed = std::process::Command::new("unshare").args(unshare).arg("true").status();
    if !is_allowed.is_ok_and(|status| status.success()) {
        return;
    }
    let place = Place::new();
    place.write("tasks", seq(20));
    // Each leaves a process behind that ends later than its parent; the last counts those that
    // nobody has reaped.
    let script = "sh -c 'sleep 0.05 >/dev/null 2>&1 & exit'; [ $1 -lt 20 ] || { sleep 0.3; grep -l 'State:.Z' /proc/[0-9]*/status | wc -l; }";
    let mut command = std::process::Command::new("unshare");
    command.args(unshare).arg(env!("CARGO_BIN_EXE_fourfold")).current_dir(place.path("."));
    command.args(["run", "tasks", "-c", "1", "--exec", "sh", "-c", script, "sh", "{}"]);
    let ended = Ended::from(command.output().unwrap()).expect(0);
    assert_eq!(ended.stdout, "0\n", "{ended:?}");
}

#[test]
fn ctrl_z_stops_the_tasks_as_well_and_fg_lets_them_go_on() {
    let state = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
    };
    let place = Place::new();
    place.write("tasks", "1\n");
    // No shell in a loop: while a process that it is starting is stopped, a shell shows as waiting for that one.
    let script = "mkfifo go; echo $$ > pid; exec cat go";
    let mut child = place.command(&["run", "tasks", "-q", "--exec", "sh", "-c", script]).spawn().unwrap();
    until("the task has begun", || place.path("pid").exists() && !place.read("pid").is_empty());
    let (task, own) = (place.read("pid").trim().to_owned(), child.id().to_string());
    for _ in 0..2 {
        signal(&child, Signal::TSTP);
        until("both are stopped", || state(&own) == Some('T') && state(&task) == Some('T'));
        signal(&child, Signal::CONT);
        until("both go on", || state(&own) != Some('T') && state(&task) != Some('T'));
    }
    place.write("go", "");
    assert!(child.wait().unwrap().success());
}
