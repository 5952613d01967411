//! What the command is asked to do, checked: nothing that follows can be wrong usage.

mod work;

use clap_complete::Shell;
use fourfold::source::redis::RedisOptions;

pub(crate) use self::work::{CompareSettings, KeyLimit, LineSettings, RunSettings, WorkSettings};
use crate::{
    args::{Command, CompareArgs, DeadCommand, PushArgs, ReplayArgs, StatsArgs, WebArgs},
    exit::CliError,
    input::SourceSettings,
};

/// A subcommand with its checked settings.
pub(crate) enum Request {
    Run(Box<RunSettings>),
    Compare(Box<CompareSettings>),
    Push { queue: RedisOptions, file: String, quiet: bool },
    Stats { queue: RedisOptions, json: bool },
    Dead { queue: RedisOptions, action: DeadAction },
    Replay(ReplayArgs),
    Web(WebArgs),
    Completions(Shell),
    Man,
}

/// What becomes of dead letters.
#[derive(Debug)]
pub(crate) enum DeadAction {
    List { limit: usize, json: bool },
    Show { id: u64 },
    Requeue(Selection),
    Purge(Selection),
}

/// Which dead letters are meant.
#[derive(Debug)]
pub(crate) enum Selection {
    All,
    These(Vec<u64>),
}

impl Selection {
    fn new(ids: Vec<u64>, all: bool) -> Self {
        if all { Self::All } else { Self::These(ids) }
    }
}

impl Request {
    /// Checks the arguments. `None` stands for `compare`, whose arguments `default` then are.
    ///
    /// # Errors
    /// When they do not go together, or name what is not there.
    pub(crate) fn check(command: Option<Command>, default: impl FnOnce() -> CompareArgs) -> Result<Self, CliError> {
        let compare = |args: CompareArgs| Ok(Self::Compare(Box::new(CompareSettings::check(args)?)));
        match command {
            None => compare(default()),
            Some(Command::Run(args)) => Ok(Self::Run(Box::new(RunSettings::check(*args)?))),
            Some(Command::Compare(args)) => compare(*args),
            Some(Command::Push(PushArgs { source, file, quiet })) => {
                Ok(Self::Push { queue: SourceSettings::check_redis(&source, "push")?, file, quiet })
            }
            Some(Command::Stats(StatsArgs { source, json })) => {
                Ok(Self::Stats { queue: SourceSettings::check_redis(&source, "stats")?, json })
            }
            Some(Command::Dead(command)) => Self::check_dead(command),
            Some(Command::Replay(args)) => Ok(Self::Replay(args)),
            Some(Command::Web(args)) => Ok(Self::Web(args)),
            Some(Command::Completions { shell }) => Ok(Self::Completions(shell)),
            Some(Command::Man) => Ok(Self::Man),
        }
    }

    fn check_dead(command: DeadCommand) -> Result<Self, CliError> {
        let (source, action) = match command {
            DeadCommand::List { source, limit, json } => (source, DeadAction::List { limit: limit.get(), json }),
            DeadCommand::Show { source, id } => (source, DeadAction::Show { id }),
            DeadCommand::Requeue { source, ids, all } => (source, DeadAction::Requeue(Selection::new(ids, all))),
            DeadCommand::Purge { source, ids, all } => (source, DeadAction::Purge(Selection::new(ids, all))),
        };
        Ok(Self::Dead { queue: SourceSettings::check_redis(&source, "dead")?, action })
    }
}
