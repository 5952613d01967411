//! Where tasks come from.

mod followed;
mod format;
mod queue;
mod reader;
mod url;

use std::{fmt, path::PathBuf};

use fourfold::{
    MemorySource,
    sim::Workload,
    source::{Json, redis::RedisOptions},
};

pub(crate) use self::{
    format::TaskFormat,
    queue::{connect, error},
    reader::{Input, Reader},
};
use crate::{exit::CliError, render::secret::Name};

/// What a SOURCE on the command line means. Shown, it has no password in it.
#[derive(Clone, Debug)]
pub(crate) enum SourceSettings {
    Demo,
    Stdin,
    File(PathBuf),
    Redis(Box<RedisOptions>),
}

impl SourceSettings {
    /// Reads a SOURCE.
    ///
    /// # Errors
    /// When it is empty, or a URL that names no Redis queue.
    pub(crate) fn check(source: &str) -> Result<Self, CliError> {
        Ok(match source {
            "demo" => Self::Demo,
            "-" => Self::Stdin,
            "" => return Err(CliError::usage("the SOURCE is empty: name a file, `-`, a redis:// URL or `demo`")),
            _ if url::is_redis(source) => Self::Redis(Box::new(url::options(source)?)),
            _ => Self::File(source.into()),
        })
    }

    /// Reads a SOURCE that has to be a Redis queue, for `command`, which takes no other.
    ///
    /// # Errors
    /// When it is anything else.
    pub(crate) fn check_redis(source: &str, command: &str) -> Result<RedisOptions, CliError> {
        match Self::check(source)? {
            Self::Redis(options) => Ok(*options),
            other => Err(CliError::usage(format_args!(
                "{command} is for a Redis queue, and {other} is none: name it as redis://HOST/0?list=KEY or \
                 redis://HOST/0?stream=KEY&group=GROUP"
            ))),
        }
    }

    /// Returns whether tasks are lines.
    pub(crate) fn has_lines(&self) -> bool {
        matches!(self, Self::Stdin | Self::File(_))
    }
}

impl fmt::Display for SourceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demo => f.write_str("demo"),
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => Name(&path.to_string_lossy()).fmt(f),
            Self::Redis(options) => options.fmt(f),
        }
    }
}

/// Creates the source of simulated tasks.
pub(crate) fn demo(tasks: u64, seed: u64) -> MemorySource<'static, Json> {
    let tasks = Workload::new(tasks, seed).map(|work| {
        let text = format!(r#"{{"ms":{},"fail":{},"panic":{}}}"#, work.ms, work.fail, work.panic);
        Json::parse(text.as_bytes()).expect("three plain fields are JSON")
    });
    MemorySource::new(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_known_by_its_first_letters() {
        for (source, expected) in [
            ("demo", "Demo"),
            ("-", "Stdin"),
            ("tasks.jsonl", r#"File("tasks.jsonl")"#),
            ("./demo", r#"File("./demo")"#),
            ("redis://h/0?list=k", "Redis"),
            ("unix:///run/redis.sock?list=k", "Redis"),
        ] {
            let found = format!("{:?}", SourceSettings::check(source).unwrap());
            assert!(found.starts_with(expected), "{source}: {found}");
        }
        assert!(SourceSettings::check("").is_err() && SourceSettings::check("redis://h/0?group=g").is_err());
    }
}
