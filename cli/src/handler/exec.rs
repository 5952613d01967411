//! `--exec`: a process per attempt.

pub(crate) mod template;

use std::{
    io::{self, Seek, Write},
    rc::Rc,
};

use fourfold::{Failure, Task, source::Json};
use tempfile::SpooledTempFile;

use self::template::Template;
use crate::{
    process::{Input, Launcher},
    terminal::Stdout,
};

/// The number of bytes of a task's output that are kept in memory; what is longer waits in a file without a name.
const OUTPUT_IN_MEMORY: usize = 64 * 1024;

/// Runs a command for each attempt.
#[derive(Debug)]
pub(crate) struct Exec {
    pub(super) launcher: Launcher,
    pub(super) arguments: Vec<Template>,
    pub(super) stdout: Rc<Stdout>,
}

impl Exec {
    pub(super) async fn attempt(&self, task: &Task<Json>) -> Result<(), Failure> {
        let arguments: Vec<String> = self.arguments.iter().map(|arg| arg.fill(task)).collect::<Result<_, _>>()?;
        let variables = [("FOURFOLD_TASK_ID", task.id.to_string()), ("FOURFOLD_ATTEMPT", task.attempt.to_string())];
        let input = format!("{}\n", task.payload);
        let process = self.launcher.start(arguments, &variables, Input::Whole(input.as_bytes())).await?;
        let mut output = SpooledTempFile::new(OUTPUT_IN_MEMORY);
        let ended = process.run(input.as_bytes(), |bytes| output.write_all(bytes)).await;
        let (status, tail) = ended.map_err(|error| Failure::transient(format!("--exec: {error}")))?;
        self.pass_on(output).await.map_err(|error| Failure::transient(format!("--exec: the output: {error}")))?;
        if status.success() { Ok(()) } else { Err(Failure::transient(tail.reason(status))) }
    }

    /// Writes the output of one attempt, in one piece.
    async fn pass_on(&self, mut output: SpooledTempFile) -> io::Result<()> {
        if output.stream_position()? > 0 {
            output.rewind()?;
            self.stdout.pass_on(output).await;
        }
        Ok(())
    }
}
