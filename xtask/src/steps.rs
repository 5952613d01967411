//! Steps with a heading and a time each, in lanes side by side; the first failure does not hide the next.

use crate::shell;
use crate::tally::Tally;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What one program of a step may take, so that a test that hangs is named before all of CI runs out of time.
const LIMIT: Duration = Duration::from_secs(10 * 60);

struct Step {
    title: String,
    took: Duration,
    tests: Tally,
    failure: Option<String>,
}

/// What was done and left out so far.
#[derive(Default)]
struct Record {
    done: Vec<Step>,
    left_out: Vec<String>,
}

/// The steps so far, and where they are told.
pub(crate) struct Steps<W> {
    output: Mutex<W>,
    limit: Option<Duration>,
    start: Instant,
    record: Mutex<Record>,
}

/// Steps that run one after the other, beside those of other lanes.
pub(crate) struct Lane<'a> {
    output: &'a dyn Sink,
    record: &'a Mutex<Record>,
    limit: Option<Duration>,
    /// What every line of it begins with, so that lanes can be told apart.
    prefix: &'static str,
}

/// What a step works with: programs are run, their lines passed on, the test results among them counted.
pub(crate) struct Work<'a> {
    lane: &'a Lane<'a>,
    tests: Tally,
}

impl<W: Write + Send> Steps<W> {
    pub(crate) fn new(output: W) -> Self {
        // At a terminal a program stays in the terminal's group, where Ctrl-C reaches it and all it started.
        let limit = (!std::io::stdin().is_terminal()).then_some(LIMIT);
        Self { output: Mutex::new(output), limit, start: Instant::now(), record: Mutex::default() }
    }

    /// Lets the programs of the steps take this many times as long.
    pub(crate) fn patient(mut self, times: u32) -> Self {
        self.limit = self.limit.map(|limit| limit * times);
        self
    }

    /// A lane whose lines begin with `prefix`.
    pub(crate) fn lane(&self, prefix: &'static str) -> Lane<'_> {
        Lane { output: &self.output, record: &self.record, limit: self.limit, prefix }
    }

    /// Prints the table, what was left out and, as the closing line, how many tests ran.
    pub(crate) fn finish(self) -> ExitCode {
        let record = self.record.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (table, tests, good) = summary(&record, self.start.elapsed());
        self.output.say("", &format!("\n{table}\n{tests}"));
        if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Lane<'_> {
    /// Runs one step and goes on, whatever comes of it.
    pub(crate) fn step(&self, title: &str, work: impl FnOnce(&mut Work<'_>) -> Result<(), String>) {
        self.say(&format!("\n== {title}"));
        let start = Instant::now();
        let mut at_work = Work { lane: self, tests: Tally::default() };
        let mut failure = work(&mut at_work).err();
        let tests = at_work.tests;
        if failure.is_none() && tests.failed > 0 {
            failure = Some(format!("failed tests: {}", tests.failed));
        }
        let took = start.elapsed();
        let verdict = match &failure {
            None => format!("{:.1} s", took.as_secs_f64()),
            Some(message) => format!("FAILED after {:.1} s: {message}", took.as_secs_f64()),
        };
        self.say(&format!("== {title}: {verdict}"));
        self.record().done.push(Step { title: title.to_owned(), took, tests, failure });
    }

    /// A step that is one program.
    pub(crate) fn run(&self, title: &str, command: &mut Command) {
        self.step(title, |work| work.run(command));
    }

    /// Names what is not run this time.
    pub(crate) fn leave_out(&self, title: &str) {
        self.record().left_out.push(title.to_owned());
    }

    fn say(&self, line: &str) {
        self.output.say(self.prefix, line);
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work<'_> {
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<(), String> {
        self.lane.say(&format!("$ {}", shell::spelled(command)));
        let unable = |error: std::io::Error| format!("cannot run: {error}");
        if self.lane.limit.is_some() {
            command.process_group(0);
        }
        // Both outputs in the order in which they are written: nextest says its results on standard error.
        let (output, writer) = std::io::pipe().map_err(unable)?;
        command.stdout(writer.try_clone().map_err(unable)?).stderr(writer);
        let mut child = command.spawn().map_err(unable)?;
        // The command keeps the pipe's other end open.
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let watchdog = self.lane.limit.map(|limit| Watchdog::new(&child, limit));
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(unable)?;
            let line = String::from_utf8_lossy(&line);
            self.tests.read(&line);
            self.lane.say(&line);
        }
        let status = child.wait().map_err(unable)?;
        if watchdog.is_some_and(Watchdog::bit) {
            return Err("hung, and was ended".to_owned());
        }
        if status.success() { Ok(()) } else { Err(format!("ended with {status}")) }
    }
}

/// Ends a program and all it started when the time is up.
struct Watchdog {
    leash: Sender<()>,
    thread: JoinHandle<bool>,
}

impl Watchdog {
    fn new(child: &Child, limit: Duration) -> Self {
        let (leash, held) = channel::<()>();
        let group = format!("-{}", child.id());
        let thread = std::thread::spawn(move || {
            let late = held.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if late {
                // Whatever comes of it, the step has failed.
                let _ = shell::command("kill", ["-KILL", "--", &group]).status();
            }
            late
        });
        Self { leash, thread }
    }

    fn bit(self) -> bool {
        drop(self.leash);
        self.thread.join().unwrap_or(true)
    }
}

/// Where lines go, from several lanes.
trait Sink: Sync {
    fn say(&self, prefix: &str, text: &str);
}

impl<W: Write + Send> Sink for Mutex<W> {
    /// A reader that has gone away is no reason to stop checking.
    fn say(&self, prefix: &str, text: &str) {
        let mut output = self.lock().unwrap_or_else(PoisonError::into_inner);
        for line in text.split('\n') {
            let _ = if line.is_empty() { writeln!(output) } else { writeln!(output, "{prefix}{line}") };
        }
        let _ = output.flush();
    }
}

fn summary(record: &Record, total: Duration) -> (String, Tally, bool) {
    let width = record.done.iter().map(|step| step.title.chars().count()).max().unwrap_or(0).max(5);
    let mut table = String::new();
    let mut tests = Tally::default();
    for step in &record.done {
        tests += step.tests;
        let ran = step.tests.passed + step.tests.failed;
        let ran = if ran > 0 { format!("tests: {ran}") } else { String::new() };
        let verdict = if step.failure.is_some() { "FAILED" } else { "ok" };
        let line = format!("{:width$}  {:>7.1} s  {verdict:<6}  {ran}", step.title, step.took.as_secs_f64());
        table += line.trim_end();
        table.push('\n');
    }
    table += &format!("{:width$}  {:>7.1} s\n", "total", total.as_secs_f64());
    if !record.left_out.is_empty() {
        table += "\nleft out; `cargo xtask test --full` runs them:\n";
        for title in &record.left_out {
            table += &format!("  {title}\n");
        }
    }
    // A run without a test is a run that checked nothing.
    let good = record.done.iter().all(|step| step.failure.is_none()) && tests.passed > 0;
    (table, tests, good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(passed: u64) -> Tally {
        Tally { passed, ..Tally::default() }
    }

    #[test]
    fn a_failure_does_not_stop_the_steps() {
        let steps = Steps::new(Vec::new());
        let lane = steps.lane("");
        lane.run("bad", &mut shell::command("sh", ["-c", "exit 3"]));
        lane.run("good", &mut shell::command("echo", ["test result: ok. 2 passed; 0 failed; 0 ignored"]));
        let (table, tests, good) = summary(&steps.record.into_inner().unwrap(), Duration::from_secs(1));
        assert_eq!(tests, passed(2));
        assert!(!good);
        assert!(table.contains("FAILED") && table.contains("tests: 2"), "{table}");
        let output = String::from_utf8(steps.output.into_inner().unwrap()).unwrap();
        assert!(output.contains("== bad: FAILED after 0.0 s: ended with exit status: 3\n"), "{output}");
        assert!(output.contains("\ntest result: ok. 2 passed; 0 failed; 0 ignored\n== good: "), "{output}");
    }

    #[test]
    fn a_failed_test_fails_its_step_whatever_the_exit_code() {
        let steps = Steps::new(Vec::new());
        let lane = steps.lane("");
        lane.run("liar", &mut shell::command("echo", ["test result: FAILED. 2 passed; 1 failed; 0 ignored"]));
        assert_eq!(steps.record.into_inner().unwrap().done[0].failure.as_deref(), Some("failed tests: 1"));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_it_started() {
        let mut steps = Steps::new(Vec::new());
        steps.limit = Some(Duration::from_millis(200));
        let start = steps.start;
        // The inner shell holds the output open, as a test does that outlives its cargo.
        steps.lane("").run("hangs", &mut shell::command("sh", ["-c", "sh -c 'sleep 60; :' & wait"]));
        assert_eq!(steps.record.into_inner().unwrap().done[0].failure.as_deref(), Some("hung, and was ended"));
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_run_without_tests_is_no_success() {
        let steps = Steps::new(Vec::new());
        let lane = steps.lane("");
        lane.step("nothing", |_| Ok(()));
        assert!(!summary(&lane.record(), Duration::ZERO).2);
        lane.run("something", &mut shell::command("echo", ["test result: ok. 1 passed; 0 failed; 0 ignored"]));
        assert!(summary(&lane.record(), Duration::ZERO).2);
    }

    #[test]
    fn the_closing_line_is_the_count() {
        let mut output = Vec::new();
        let steps = Steps::new(&mut output);
        steps.lane("").run("one", &mut shell::command("echo", ["test result: ok. 7 passed; 0 failed; 0 ignored"]));
        assert_eq!(steps.finish(), ExitCode::SUCCESS);
        assert!(output.ends_with(b"\n7 passed, 0 failed\n"));
    }

    #[test]
    fn what_is_left_out_is_named_above_the_count() {
        let mut output = Vec::new();
        let steps = Steps::new(&mut output);
        let lane = steps.lane("");
        lane.run("one", &mut shell::command("echo", ["test result: ok. 7 passed; 0 failed; 0 ignored"]));
        lane.leave_out("chaos in 20 rounds");
        steps.finish();
        let said = "left out; `cargo xtask test --full` runs them:\n  chaos in 20 rounds\n\n7 passed, 0 failed\n";
        let output = String::from_utf8(output).unwrap();
        assert!(output.ends_with(said), "{output}");
    }

    #[test]
    fn lanes_run_side_by_side_and_can_be_told_apart() {
        let mut output = Vec::new();
        let steps = Steps::new(&mut output);
        let (send, receive) = channel();
        std::thread::scope(|scope| {
            let lane = steps.lane("page | ");
            scope.spawn(move || lane.step("waits", |_| receive.recv().map_err(|error| error.to_string())));
            steps.lane("").step("goes on", |_| send.send(()).map_err(|error| error.to_string()));
        });
        assert!(steps.record.lock().unwrap().done.iter().all(|step| step.failure.is_none()));
        drop(steps);
        let output = String::from_utf8(output).unwrap();
        assert!(output.contains("\npage | == waits: 0.") && output.contains("\n== goes on: 0."), "{output}");
    }

    #[test]
    fn what_is_said_on_standard_error_counts_as_well() {
        let steps = Steps::new(Vec::new());
        let line = "     Summary [   0.2s] 3 tests run: 2 passed, 1 failed, 4 skipped";
        steps.lane("").run("nextest", &mut shell::command("sh", ["-c", &format!("echo '{line}' >&2")]));
        let record = steps.record.into_inner().unwrap();
        assert_eq!(record.done[0].failure.as_deref(), Some("failed tests: 1"));
    }
}
