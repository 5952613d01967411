//! The command in a directory of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStderr, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A directory, and `fourfold` started in it.
pub(crate) struct Place {
    dir: TempDir,
}

/// What a finished command left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A shell script that can be started.
    pub(crate) fn script(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(name, format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fourfold"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::from(self.command(args).output().unwrap())
    }

    /// With this on standard input.
    pub(crate) fn feed(&self, args: &[&str], input: &[u8]) -> Ended {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let feeder = std::thread::spawn(move || stdin.write_all(&input));
        let ended = Ended::from(child.wait_with_output().unwrap());
        // It need not have been read to the end.
        let _ = feeder.join().unwrap();
        ended
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// The report: the last line of standard output.
    pub(crate) fn report(&self) -> serde_json::Value {
        let line = self.stdout.lines().last().unwrap_or_else(|| panic!("no output: {}", self.stderr));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Asserts the exit code, showing all there is.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The one line that says what is wrong.
    #[track_caller]
    pub(crate) fn says(&self, parts: &[&str]) {
        let line = self.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{self:#?}"));
        for part in parts {
            assert!(line.contains(part), "`{part}` is missing in `{line}`");
        }
    }
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Reads standard error until a line has this in it.
pub(crate) fn wait_for_line(stderr: &mut BufReader<ChildStderr>, part: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "the end came before `{part}`");
        if line.contains(part) {
            return line;
        }
    }
}

/// `seq 1 to`, a line each.
pub(crate) fn seq(to: u32) -> String {
    (1..=to).map(|n| format!("{n}\n")).collect()
}

pub(crate) fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// How long the run may be kept from its tasks, in seconds. It should be 60 ms on a machine of one's own; other work on the
/// machine adds to that, and an attack that gets through keeps the run for as long as it lasts.
pub(crate) const GAP_MAX: f64 = 0.5;

/// The longest time between two events of a trace, from the first start on, in seconds.
pub(crate) fn longest_gap(trace: &str) -> f64 {
    let lines = trace.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let times: Vec<u64> =
        lines.skip_while(|line| line["event"] != "started").map(|line| line["t_ns"].as_u64().unwrap()).collect();
    assert!(times.len() > 100, "{trace}");
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    longest as f64 / 1e9
}

/// Waits until something is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed().as_secs() < 60, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Whether there is such a process (a zombie is none).
pub(crate) fn is_running(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}
