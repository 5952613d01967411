//! The asyncio originals: a Python process that waits for its turn beside us.

use std::io::{BufRead, BufReader, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;
use crate::work::Workload;

/// Their names in the tables and in the script.
pub const PATTERNS: [(&str, &str); 4] =
    [("asyncio set", "set"), ("asyncio batch", "batch"), ("asyncio pool", "pool"), ("asyncio group", "group")];

/// The running script.
pub struct Asyncio {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Where the script is.
pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("asyncio_patterns.py")
}

impl Asyncio {
    pub fn start() -> Result<Self> {
        let mut process = Command::new("python3")
            .arg(script())
            .arg("--serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start python3 (--no-asyncio does without): {error}"))?;
        let (Some(questions), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            unreachable!("both were asked for")
        };
        Ok(Self { process, questions, answers: BufReader::new(answers) })
    }

    /// Seconds for so many tasks; the script checks that all came back and that the limit held.
    pub fn time(&mut self, pattern: &str, workload: Workload, limit: NonZeroUsize, tasks: u64) -> Result<f64> {
        writeln!(self.questions, "{pattern} {} {limit} {tasks}", workload.name())?;
        self.questions.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.trim().parse().map_err(|_| format!("asyncio {pattern} at {}: {answer:?}", workload.name()).into())
    }
}

impl Drop for Asyncio {
    fn drop(&mut self) {
        // It holds nothing that could be lost.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_original_does_every_workload() {
        let mut asyncio = Asyncio::start().unwrap();
        let limit = NonZeroUsize::new(4).unwrap();
        for (_, pattern) in PATTERNS {
            for workload in Workload::ALL {
                let seconds = asyncio.time(pattern, workload, limit, 50).unwrap();
                assert!(seconds > 0.0);
            }
        }
    }

    #[test]
    fn what_the_script_refuses_is_an_error() {
        let mut asyncio = Asyncio::start().unwrap();
        let error = asyncio.time("no-such-pattern", Workload::Y0, NonZeroUsize::MIN, 1).unwrap_err();
        assert_eq!(error.to_string(), "asyncio no-such-pattern at y0: \"\"");
    }
}
