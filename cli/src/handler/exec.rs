//! `--exec`: a process per attempt.

pub(crate) mod template;

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, rc::Rc};

use fourfold::{Failure, Task, source::Json};

use self::template::Template;
use super::{
    attempted::{Attempted, text},
    codes::Rules,
    reason::cut,
};
use crate::{
    process::{Finished, Input, Launcher, Limits, Program, Spool},
    terminal::{self, Stdout},
    throttle::Code,
};

/// The shells whose script may get a task in the wrong place.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ksh", "zsh", "fish"];

/// A command to run for each attempt, checked.
#[derive(Debug)]
pub(crate) struct ExecSettings {
    pub(super) program: Program,
    pub(super) arguments: Vec<Template>,
    pub(super) limits: Limits,
    pub(super) rules: Rules,
    pub(super) quiet: bool,
    pub(super) is_text: bool,
}

impl ExecSettings {
    /// Says what is dangerous, though it may be meant.
    pub(super) fn warn(&self) {
        let name = self.program.name().rsplit('/').next().unwrap_or_default();
        let is_script = |words: &[Template]| {
            let flag = words[0].literal().unwrap_or_default();
            flag.starts_with('-') && !flag.starts_with("--") && flag.ends_with('c') && words[1].has_placeholder()
        };
        if SHELLS.contains(&name) && self.arguments.windows(2).any(is_script) && !self.quiet {
            terminal::say(&format!(
                "warning: --exec: a task that stands in the script of {name} -c becomes part of that program; \
                 pass it as an argument instead: {name} -c '… \"$1\"' {name} {{}}"
            ));
        }
    }
}

/// Runs a command for each attempt.
#[derive(Debug)]
pub(crate) struct Exec {
    pub(super) launcher: Launcher,
    pub(super) arguments: Vec<Template>,
    pub(super) limits: Limits,
    pub(super) rules: Rules,
    pub(super) quiet: bool,
    pub(super) is_text: bool,
    /// Gets what there is no room to keep.
    pub(super) stdout: Option<Rc<Stdout>>,
}

impl Exec {
    pub(super) async fn attempt(&self, task: &Task<Json>) -> Result<Attempted, Failure> {
        let arguments: Vec<String> = self.arguments.iter().map(|arg| arg.fill(task)).collect::<Result<_, _>>()?;
        let variables = [("FOURFOLD_TASK_ID", task.id.to_string()), ("FOURFOLD_ATTEMPT", task.attempt.to_string())];
        let input = format!("{}\n", text(&task.payload, self.is_text));
        let process = self.launcher.start(&arguments, &variables, Input::Whole(input.as_bytes())).await?;
        let finished = process.run(input.as_bytes(), self.limits, self.stdout.as_deref()).await;
        let mut finished = finished.map_err(|error| Failure::transient(format!("--exec: {error}")))?;
        let result = self.judge(&finished);
        // What a task that failed said last is its reason.
        if result.is_err() || self.quiet {
            finished.errors = Spool::default();
        }
        let Finished { status, output, errors, .. } = finished;
        Ok(Attempted { result, code: code(status), output, is_reply: false, errors })
    }

    fn judge(&self, finished: &Finished) -> Result<(), Failure> {
        let Finished { status, tail, .. } = finished;
        if finished.is_timed_out {
            let timeout = self.limits.timeout.unwrap_or_default();
            return Err(Failure::timed_out(cut(tail.after(&format!("timed out after {timeout:?}")))));
        }
        if status.success() {
            return Ok(());
        }
        let reason = cut(tail.reason(*status));
        Err(if self.rules.is_dead(exit_code(*status)) {
            Failure::permanent(reason)
        } else {
            Failure::transient(reason)
        })
    }
}

/// How a process ended.
fn code(status: ExitStatus) -> Option<Code> {
    status.code().map(Code::Exit).or(status.signal().map(Code::Signal))
}

/// The exit code, if the process has ended by itself.
fn exit_code(status: ExitStatus) -> Option<u8> {
    status.code().and_then(|code| u8::try_from(code).ok())
}
