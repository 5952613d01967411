//! Standard streams that nobody reads, that would block, or that are one.

use std::{
    fs::File,
    io::Read,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::Signal,
};

use super::command::{Ended, Place, seq, signal, until};

/// Fails if the process has not ended in time.
fn ends_within(child: &mut Child, seconds: u64) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if start.elapsed() > Duration::from_secs(seconds) {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a signal that was sent has reached its handler, so that the next one counts by
/// itself.
fn send(child: &Child, which: Signal) {
    signal(child, which);
    let status = format!("/proc/{}/status", child.id());
    until("the signal is delivered", || {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
        pending.is_none_or(|pending| pending.trim().bytes().all(|digit| digit == b'0'))
    });
}

/// Signals are obeyed, and a reader that sleeps holds up the starts: no more than the limit writes
/// at a time.
#[test]
fn an_unread_stream_holds_up_the_tasks_and_nothing_else() {
    for redirect in ["", " >&2; exit 3"] {
        let place = Place::new();
        place.write("in", seq(500));
        let script = format!("echo {{}} >> begun; seq 1 20000{redirect}");
        let args = ["run", "in", "-c", "4", "--grace", "60s", "--rest", "rest", "--exec", "sh", "-c", &script];
        let mut child = place.command(&args).spawn().unwrap();
        let (_stdout, _stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        until("four have begun", || place.path("begun").exists() && place.read("begun").lines().count() >= 4);
        send(&child, Signal::TERM);
        signal(&child, Signal::TERM);
        assert_eq!(ends_within(&mut child, 20), Some(143));
        assert!(place.read("rest").lines().count() > 300);
    }
}

/// The reader comes late: all that fits into the pipe is written, and nothing is lost.
#[test]
fn streams_that_would_block_are_waited_for() {
    let place = Place::new();
    let (stdin, feed) = std::io::pipe().unwrap();
    let (mut read, stdout) = std::io::pipe().unwrap();
    for end in [&stdin as &dyn rustix::fd::AsFd, &stdout] {
        let flags = fcntl_getfl(end.as_fd()).unwrap();
        fcntl_setfl(end.as_fd(), flags | OFlags::NONBLOCK).unwrap();
    }
    let args = ["run", "-", "-c", "1", "-q", "--exec", "sh", "-c", "echo {} >> begun; seq 1 20000"];
    let mut child = place.command(&args).stdin(stdin).stdout(stdout).stderr(Stdio::null()).spawn().unwrap();
    // The next line comes when the one before has been taken and more was asked for in vain.
    for (count, line) in (1..).zip(["1\n", "2\n"]) {
        std::io::Write::write_all(&mut &feed, line.as_bytes()).unwrap();
        if count == 1 {
            until("it has begun", || place.path("begun").exists());
        }
    }
    drop(feed);
    let mut written = String::new();
    read.read_to_string(&mut written).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(written.lines().count(), 40_000);
}

#[test]
fn a_report_is_a_line_of_its_own() {
    let place = Place::new();
    let ended = place.feed(&["run", "-", "--json", "--exec", "printf", "x"], b"1\n").expect(0);
    assert!(ended.stdout.starts_with("x\n{"), "{}", ended.stdout);
    let out = File::create(place.path("out")).unwrap();
    let mut command = place.command(&["run", "-", "--exec", "printf", "x"]);
    command.stdin(File::open("/dev/null").unwrap()).stdout(out.try_clone().unwrap()).stderr(out);
    Ended::from(command.output().unwrap()).expect(0);
    assert!(place.read("out").starts_with("pool: 0 done"), "{}", place.read("out"));
}
