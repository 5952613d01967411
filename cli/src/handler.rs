//! What is done with a task.

mod attempted;
mod codes;
mod reason;

mod exec;

mod dry;
mod pipe;
mod post;

use std::{cell::RefCell, rc::Rc, time::Duration};

use fourfold::{Control, Failure, Task, sim::SyntheticTask, source::Json};

pub(crate) use self::{
    attempted::{Attempted, Writes},
    exec::template::Template,
};
use self::{
    codes::Rules,
    dry::DryRun,
    exec::{Exec, ExecSettings},
    pipe::Pipe,
    post::Post,
};
use crate::{
    args::{Codes, WorkArgs},
    clock::AnyClock,
    exit::CliError,
    process::{Launcher, Limits, Program},
    terminal::Stdout,
    throttle::Throttle,
};

/// How long a server may take for a task when nothing is said: without a bound, one that never
/// answers would hold its permits for ever.
const POST_TIMEOUT: Duration = Duration::from_secs(30);

/// A handler that was asked for: its program was found, its URL and headers are well formed.
pub(crate) enum HandlerSettings {
    Simulate,
    Exec(ExecSettings),
    Pipe { program: Program, arguments: Vec<String>, limits: Limits, is_text: bool },
    Post(Box<Post>),
    DryRun(DryRun),
}

impl HandlerSettings {
    /// Checks what the arguments ask for; `None` when they ask for nothing.
    ///
    /// # Errors
    /// When it cannot be had.
    pub(crate) fn check(work: &WorkArgs) -> Result<Option<Self>, CliError> {
        let (args, http) = (&work.handler, &work.http);
        let has_codes = args.exec.is_some() || args.post.is_some();
        // Clap's `requires` lets it pass beside another handler.
        for (flag, given, other, there) in [
            ("--header", !http.header.is_empty(), "--post URL", args.post.is_some()),
            ("--cacert", http.cacert.is_some(), "--post URL", args.post.is_some()),
            ("--retry-on", work.retry_on.is_some(), "--exec CMD or --post URL", has_codes),
            ("--dead-on", work.dead_on.is_some(), "--exec CMD or --post URL", has_codes),
        ] {
            if given && !there {
                return Err(CliError::usage(format_args!("{flag} goes with {other}, and there is none")));
            }
        }
        let codes = [("--retry-on", &work.retry_on), ("--dead-on", &work.dead_on)];
        let is_wrong = |codes: &Codes| args.exec.is_some() && codes.contain_above(255);
        if let Some((flag, _)) = codes.into_iter().find(|(_, codes)| codes.as_ref().is_some_and(is_wrong)) {
            return Err(CliError::usage(format_args!("{flag}: exit codes of --exec are at most 255")));
        }
        let rules = Rules::new(work.retry_on.clone(), work.dead_on.clone());
        let is_text = work.is_text();
        let limits = Limits { timeout: work.timeout, kill_after: work.kill_after };
        Ok(if let Some(words) = &args.exec {
            let (program, arguments) = Program::find("--exec", words)?;
            let arguments: Vec<_> = arguments.iter().map(|word| Template::parse(word)).collect::<Result<_, _>>()?;
            if is_text && arguments.iter().any(Template::has_field) {
                return Err(CliError::usage(
                    "--exec: {.field} stands for a field of JSON; with --lines or -0 a task is a text: write {}",
                ));
            }
            Some(Self::Exec(ExecSettings { program, arguments, limits, rules, quiet: work.output.quiet, is_text }))
        } else if let Some(words) = &args.pipe {
            let (program, arguments) = Program::find("--pipe", words)?;
            Some(Self::Pipe { program, arguments: arguments.to_vec(), limits, is_text })
        } else if let Some(url) = &args.post {
            Some(Self::Post(Box::new(Post::new(url, http, is_text, work.timeout.unwrap_or(POST_TIMEOUT), rules)?)))
        } else if args.simulate {
            Some(Self::Simulate)
        } else {
            None
        })
    }

    /// Returns a handler that shows what this one would do; `None` where that is nothing.
    pub(crate) fn dry(self) -> Option<Self> {
        Some(Self::DryRun(match self {
            Self::Exec(ExecSettings { program, arguments, .. }) => {
                DryRun::Exec { name: program.name().to_owned(), arguments }
            }
            Self::Pipe { program, arguments, is_text, .. } => {
                let words = std::iter::once(program.name().to_owned()).chain(arguments).collect();
                DryRun::Pipe { words, is_text }
            }
            Self::Post(post) => post.dry(),
            Self::Simulate | Self::DryRun(_) => return None,
        }))
    }

    /// Returns whether something outside of this process does the work, and may be down.
    pub(crate) fn is_real(&self) -> bool {
        !matches!(self, Self::Simulate | Self::DryRun(_))
    }

    /// Returns whether the handler itself keeps to the timeout: what it stops may need a moment to
    /// end.
    pub(crate) fn keeps_time(&self) -> bool {
        self.is_real()
    }
}

/// One of the handlers, ready for tasks.
pub(crate) enum AnyHandler {
    Simulate(AnyClock),
    Exec(Exec),
    Pipe(Pipe),
    Post(Box<Post>),
    DryRun(DryRun),
}

impl AnyHandler {
    /// Creates the handler of a run, whose control it uses when it can do nothing any more.
    pub(crate) fn new(
        settings: HandlerSettings,
        clock: &AnyClock,
        control: &Control,
        throttle: &Rc<Throttle>,
        stdout: Option<&Rc<Stdout>>,
    ) -> Self {
        match settings {
            HandlerSettings::Simulate => Self::Simulate(clock.clone()),
            HandlerSettings::Exec(settings) => {
                settings.warn();
                let ExecSettings { program, arguments, limits, rules, quiet, is_text } = settings;
                let launcher = Launcher::new(program, control.clone(), Rc::clone(throttle));
                Self::Exec(Exec { launcher, arguments, limits, rules, quiet, is_text, stdout: stdout.cloned() })
            }
            HandlerSettings::Pipe { program, arguments, limits, is_text } => {
                let launcher = Launcher::new(program, control.clone(), Rc::clone(throttle));
                Self::Pipe(Pipe { launcher, arguments, limits, is_text, idle: RefCell::default() })
            }
            HandlerSettings::Post(post) => Self::Post(post),
            HandlerSettings::DryRun(dry) => Self::DryRun(dry),
        }
    }

    /// Performs one attempt.
    pub(crate) async fn attempt(&self, task: &Task<Json>) -> Attempted {
        let attempted = match self {
            Self::Simulate(clock) => simulate(clock, task).await.map(|()| Attempted::from(Ok(()))),
            // In a box: what talks to a process or a server is large, and those cost far more.
            Self::Exec(exec) => Box::pin(exec.attempt(task)).await,
            Self::Pipe(pipe) => Box::pin(pipe.attempt(task)).await,
            Self::Post(post) => Box::pin(post.attempt(task)).await,
            Self::DryRun(dry) => dry.attempt(task),
        };
        attempted.unwrap_or_else(|failure| Attempted::from(Err(failure)))
    }

    /// Returns why the handler can do nothing any more, if that is so.
    pub(crate) fn lost(&self) -> Option<String> {
        match self {
            Self::Simulate(_) | Self::Post(_) | Self::DryRun(_) => None,
            Self::Exec(exec) => exec.launcher.lost(),
            Self::Pipe(pipe) => pipe.launcher.lost(),
        }
    }

    /// Ends the processes that live on between tasks.
    pub(crate) async fn close(&self) {
        if let Self::Pipe(pipe) = self {
            pipe.close().await;
        }
    }

    /// Returns what tasks have for standard output.
    pub(crate) fn writes(&self) -> Writes {
        match self {
            Self::Simulate(_) => Writes::Nothing,
            Self::Exec(_) | Self::DryRun(_) => Writes::Output,
            Self::Pipe(_) | Self::Post(_) => Writes::Replies,
        }
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
