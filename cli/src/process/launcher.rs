//! Starts the processes of one handler.

use std::{
    cell::RefCell,
    io::{self, Write},
    process::Stdio,
};

use fourfold::{Control, Failure};

use super::{child::Process, program::Program};

/// What fits into the smallest pipe there is, so that writing it cannot block.
const PIPE_MIN: usize = 4096;

/// What a process gets on standard input.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    /// These bytes and no more.
    Whole(&'a [u8]),
    /// What is written later.
    Lines,
}

/// Starts a program again and again, until it has vanished.
#[derive(Debug)]
pub(crate) struct Launcher {
    program: Program,
    control: Control,
    lost: RefCell<Option<String>>,
}

impl Launcher {
    /// Creates a launcher that aborts the run of this control when the program has vanished.
    pub(crate) fn new(program: Program, control: Control) -> Self {
        Self { program, control, lost: RefCell::default() }
    }

    /// Starts a process. When the program has vanished, the run is aborted and this never returns.
    ///
    /// # Errors
    /// A failure of the task, when its arguments cannot be passed on or the system has no process to give.
    pub(crate) async fn start(
        &self,
        arguments: impl IntoIterator<Item = String>,
        variables: &[(&str, String)],
        input: Input<'_>,
    ) -> Result<Process, Failure> {
        match self.spawn(arguments, variables, input) {
            Ok(process) => Ok(process),
            Err(error) => Err(self.failed(error).await),
        }
    }

    fn spawn(
        &self,
        arguments: impl IntoIterator<Item = String>,
        variables: &[(&str, String)],
        input: Input<'_>,
    ) -> io::Result<Process> {
        let mut command = self.program.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(match input {
            Input::Whole(bytes) if bytes.len() <= PIPE_MIN => written(bytes)?,
            Input::Whole(_) | Input::Lines => Stdio::piped(),
        });
        Process::new(command.spawn()?)
    }

    /// Says what a failed start means: a failure of the task or the end of the run.
    async fn failed(&self, error: io::Error) -> Failure {
        use io::ErrorKind::{ArgumentListTooLong, InvalidInput, NotADirectory, NotFound, PermissionDenied};
        let (flag, name) = (self.program.flag(), self.program.name());
        match error.kind() {
            InvalidInput | ArgumentListTooLong => {
                Failure::permanent(format!("{flag} cannot pass the task on: {error}"))
            }
            NotFound | PermissionDenied | NotADirectory => {
                let message = format!("{flag} can no longer start `{name}`: {error}");
                self.lost.borrow_mut().get_or_insert(message);
                // What is held is given back: this attempt, too, so it must not end.
                self.control.abort();
                std::future::pending().await
            }
            _ => Failure::transient(format!("{flag} cannot start `{name}`: {error} (would a lower -c help?)")),
        }
    }

    /// Returns why the program can no longer be started, if so.
    pub(crate) fn lost(&self) -> Option<String> {
        self.lost.borrow().clone()
    }
}

/// A pipe with these few bytes in it and nothing to come: a process that does not read them cannot make us fail.
fn written(input: &[u8]) -> io::Result<Stdio> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(input)?;
    Ok(reader.into())
}
