//! What is done with a task.

mod child;
mod exec;
mod pipe;
mod post;
mod program;

use std::rc::Rc;

use fourfold::{Control, Failure, Task, sim::SyntheticTask, source::Json};

use self::{exec::Exec, pipe::Pipe, post::Post};
use super::{args::WorkArgs, clock::AnyClock, exit::Fault, screen::Stdout};

/// One of the handlers.
pub(crate) enum AnyHandler {
    Simulate(AnyClock),
    Exec(Exec),
    Pipe(Pipe),
    Post(Post),
}

impl AnyHandler {
    /// What the arguments ask for; `None` when they ask for nothing.
    pub(crate) fn new(
        work: &WorkArgs,
        clock: &AnyClock,
        control: &Control,
        stdout: &Rc<Stdout>,
    ) -> Result<Option<Self>, Fault> {
        let args = &work.handler;
        // Clap's `requires` lets it pass beside another handler.
        for (flag, given) in [("--header", !work.http.header.is_empty()), ("--cacert", work.http.cacert.is_some())] {
            if given && args.post.is_none() {
                return Err(Fault::usage(format_args!("{flag} goes with --post URL, and there is none")));
            }
        }
        Ok(if let Some(words) = &args.exec {
            Some(Self::Exec(Exec::new(words, control, stdout)?))
        } else if let Some(words) = &args.pipe {
            Some(Self::Pipe(Pipe::new(words, control)?))
        } else if let Some(url) = &args.post {
            Some(Self::Post(Post::new(url, &work.http)?))
        } else if args.simulate {
            Some(Self::Simulate(clock.clone()))
        } else {
            None
        })
    }

    /// One attempt.
    pub(crate) async fn attempt(&self, task: &Task<Json>) -> Result<(), Failure> {
        match self {
            Self::Simulate(clock) => simulate(clock, task).await,
            // In a box: what talks to a process or a server is large, and those cost far more.
            Self::Exec(exec) => Box::pin(exec.attempt(task)).await,
            Self::Pipe(pipe) => Box::pin(pipe.attempt(task)).await,
            Self::Post(post) => Box::pin(post.attempt(task)).await,
        }
    }

    /// Why the handler can do nothing any more, if that is so.
    pub(crate) fn lost(&self) -> Option<String> {
        match self {
            Self::Simulate(_) | Self::Post(_) => None,
            Self::Exec(exec) => exec.program.lost(),
            Self::Pipe(pipe) => pipe.program.lost(),
        }
    }

    /// Ends the processes that live on between tasks.
    pub(crate) async fn close(&self) {
        if let Self::Pipe(pipe) = self {
            pipe.close().await;
        }
    }

    /// Whether tasks write to standard output.
    pub(crate) fn owns_stdout(&self) -> bool {
        matches!(self, Self::Exec(_))
    }

    pub(crate) fn has_processes(&self) -> bool {
        matches!(self, Self::Exec(_) | Self::Pipe(_))
    }
}

async fn simulate(clock: &AnyClock, task: &Task<Json>) -> Result<(), Failure> {
    let text = task.payload.as_str();
    // Only an object has fields; any other value is work that takes no time.
    let work = if text.trim_ascii_start().starts_with('{') {
        serde_json::from_str(text)
            .map_err(|error| Failure::permanent(format!("--simulate cannot act this out: {error}")))?
    } else {
        SyntheticTask::default()
    };
    work.perform(clock, task.attempt).await
}
