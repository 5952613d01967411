//! Steps with a heading and a time each; the first failure does not hide the next.

use crate::shell;
use crate::tally::Tally;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
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

/// The steps so far, and where they are told.
pub(crate) struct Steps<W> {
    output: W,
    limit: Option<Duration>,
    start: Instant,
    done: Vec<Step>,
}

/// What a step works with: programs are run, their lines passed on, the test results among them counted.
pub(crate) struct Work<'a> {
    output: &'a mut dyn Write,
    tests: Tally,
    /// None at a terminal: there a program stays in the terminal's group, where Ctrl-C reaches it and all it started.
    limit: Option<Duration>,
}

impl<W: Write> Steps<W> {
    pub(crate) fn new(output: W) -> Self {
        let limit = (!std::io::stdin().is_terminal()).then_some(LIMIT);
        Self { output, limit, start: Instant::now(), done: Vec::new() }
    }

    /// Programs of the steps may take so many times as long.
    pub(crate) fn patient(mut self, times: u32) -> Self {
        self.limit = self.limit.map(|limit| limit * times);
        self
    }

    /// Runs one step and goes on, whatever comes of it.
    pub(crate) fn step(&mut self, title: &str, work: impl FnOnce(&mut Work<'_>) -> Result<(), String>) {
        say(&mut self.output, &format!("\n== {title}"));
        let start = Instant::now();
        let mut at_work = Work { output: &mut self.output, tests: Tally::default(), limit: self.limit };
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
        say(&mut self.output, &format!("== {title}: {verdict}"));
        self.done.push(Step { title: title.to_owned(), took, tests, failure });
    }

    /// A step that is one program.
    pub(crate) fn run(&mut self, title: &str, command: &mut Command) {
        self.step(title, |work| work.run(command));
    }

    /// Prints the table and, as the closing line, how many tests ran.
    pub(crate) fn finish(mut self) -> ExitCode {
        let (table, tests, good) = summary(&self.done, self.start.elapsed());
        say(&mut self.output, &format!("\n{table}\n{tests}"));
        if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Work<'_> {
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<(), String> {
        say(self.output, &format!("$ {}", shell::spelled(command)));
        let unable = |error: std::io::Error| format!("cannot run: {error}");
        if self.limit.is_some() {
            command.process_group(0);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(unable)?;
        let watchdog = self.limit.map(|limit| Watchdog::new(&child, limit));
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).split(b'\n') {
                let line = line.map_err(unable)?;
                let line = String::from_utf8_lossy(&line);
                self.tests.read(&line);
                say(self.output, &line);
            }
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

/// A reader that has gone away is no reason to stop checking.
fn say(output: &mut dyn Write, line: &str) {
    let _ = writeln!(output, "{line}");
    let _ = output.flush();
}

fn summary(steps: &[Step], total: Duration) -> (String, Tally, bool) {
    let width = steps.iter().map(|step| step.title.chars().count()).max().unwrap_or(0).max(5);
    let mut table = String::new();
    let mut tests = Tally::default();
    for step in steps {
        tests += step.tests;
        let ran = step.tests.passed + step.tests.failed;
        let ran = if ran > 0 { format!("tests: {ran}") } else { String::new() };
        let verdict = if step.failure.is_some() { "FAILED" } else { "ok" };
        let line = format!("{:width$}  {:>7.1} s  {verdict:<6}  {ran}", step.title, step.took.as_secs_f64());
        table += line.trim_end();
        table.push('\n');
    }
    table += &format!("{:width$}  {:>7.1} s\n", "total", total.as_secs_f64());
    // A run without a test is a run that checked nothing.
    let good = steps.iter().all(|step| step.failure.is_none()) && tests.passed > 0;
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
        let mut steps = Steps::new(Vec::new());
        steps.run("bad", &mut shell::command("sh", ["-c", "exit 3"]));
        steps.run("good", &mut shell::command("echo", ["test result: ok. 2 passed; 0 failed; 0 ignored"]));
        let (table, tests, good) = summary(&steps.done, Duration::from_secs(1));
        assert_eq!(tests, passed(2));
        assert!(!good);
        assert!(table.contains("FAILED") && table.contains("tests: 2"), "{table}");
        let output = String::from_utf8(steps.output).unwrap();
        assert!(output.contains("== bad: FAILED after 0.0 s: ended with exit status: 3\n"), "{output}");
        assert!(output.contains("\ntest result: ok. 2 passed; 0 failed; 0 ignored\n== good: "), "{output}");
    }

    #[test]
    fn a_failed_test_fails_its_step_whatever_the_exit_code() {
        let mut steps = Steps::new(Vec::new());
        steps.run("liar", &mut shell::command("echo", ["test result: FAILED. 2 passed; 1 failed; 0 ignored"]));
        assert_eq!(steps.done[0].failure.as_deref(), Some("failed tests: 1"));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_it_started() {
        let mut steps = Steps::new(Vec::new());
        steps.limit = Some(Duration::from_millis(200));
        // The inner shell holds the output open, as a test does that outlives its cargo.
        steps.run("hangs", &mut shell::command("sh", ["-c", "sh -c 'sleep 60; :' & wait"]));
        assert_eq!(steps.done[0].failure.as_deref(), Some("hung, and was ended"));
        assert!(steps.start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_run_without_tests_is_no_success() {
        let mut steps = Steps::new(Vec::new());
        steps.step("nothing", |_| Ok(()));
        assert!(!summary(&steps.done, Duration::ZERO).2);
        steps.run("something", &mut shell::command("echo", ["test result: ok. 1 passed; 0 failed; 0 ignored"]));
        assert!(summary(&steps.done, Duration::ZERO).2);
    }

    #[test]
    fn the_closing_line_is_the_count() {
        let mut output = Vec::new();
        let mut steps = Steps::new(&mut output);
        steps.run("one", &mut shell::command("echo", ["test result: ok. 7 passed; 0 failed; 0 ignored"]));
        assert_eq!(steps.finish(), ExitCode::SUCCESS);
        assert!(output.ends_with(b"\n7 passed, 0 failed\n"));
    }
}
