//! What a SOURCE on the command line means.

use std::{
    fs::File,
    io::{self, Stdin},
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};

use fourfold::{MemorySource, sim::Workload, source::Json};
use futures_lite::AsyncRead;
use smol::Unblock;

use super::{args::WorkArgs, clock::AnyClock, exit::Fault};

/// So much is read ahead.
const AHEAD: usize = 256 * 1024;

/// Where tasks come from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Demo,
    Stdin,
    File(PathBuf),
    Redis(String),
}

impl Origin {
    pub(crate) fn new(source: &str) -> Result<Self, Fault> {
        const SCHEMES: [&str; 6] = ["redis:", "rediss:", "valkey:", "valkeys:", "unix:", "redis+unix:"];
        Ok(match source {
            "demo" => Self::Demo,
            "-" => Self::Stdin,
            "" => return Err(Fault::usage("the SOURCE is empty: name a file, `-`, a redis:// URL or `demo`")),
            _ if SCHEMES.iter().any(|scheme| source.starts_with(scheme)) => {
                let (_, query) = source.split_once('?').unwrap_or((source, ""));
                if query.split('&').any(|pair| pair.starts_with("stream=")) {
                    return Err(Fault::usage("Redis streams are not supported yet: use a list, ?list=KEY"));
                }
                Self::Redis(source.to_owned())
            }
            _ => Self::File(source.into()),
        })
    }
}

/// Lines to be read, on a thread of the blocking pool: no disk and no pipe holds up what is in flight.
#[derive(Debug)]
pub(crate) enum Reader {
    File(Unblock<File>),
    Stdin(Unblock<Stdin>),
}

impl Reader {
    /// Opens a file; says how long it is where that means something.
    pub(crate) fn file(path: &PathBuf) -> Result<(Self, Option<u64>), Fault> {
        let fault = |error: io::Error| Fault::source(format_args!("cannot read {}: {error}", path.display()));
        let file = File::open(path).map_err(fault)?;
        let found = file.metadata().map_err(fault)?;
        if found.is_dir() {
            return Err(fault(io::ErrorKind::IsADirectory.into()));
        }
        let length = found.is_file().then_some(found.len());
        Ok((Self::File(Unblock::with_capacity(AHEAD, file)), length))
    }

    pub(crate) fn stdin() -> Self {
        Self::Stdin(Unblock::with_capacity(AHEAD, io::stdin()))
    }
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::File(file) => Pin::new(file).poll_read(cx, buf),
            Self::Stdin(stdin) => Pin::new(stdin).poll_read(cx, buf),
        }
    }
}

/// The embedded workload.
pub(crate) fn demo(work: &WorkArgs, clock: &AnyClock) -> MemorySource<'static, Json, AnyClock> {
    let tasks = Workload::new(work.tasks, work.seed).map(|work| {
        let text = format!(r#"{{"ms":{},"fail":{},"panic":{}}}"#, work.ms, work.fail, work.panic);
        Json::parse(text.as_bytes()).expect("three plain fields are JSON")
    });
    MemorySource::new(clock.clone(), tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_known_by_its_first_letters() {
        for (source, expected) in [
            ("demo", Origin::Demo),
            ("-", Origin::Stdin),
            ("tasks.jsonl", Origin::File("tasks.jsonl".into())),
            ("./demo", Origin::File("./demo".into())),
            ("redis://h/0?list=k", Origin::Redis("redis://h/0?list=k".to_owned())),
            ("unix:///run/redis.sock?list=k", Origin::Redis("unix:///run/redis.sock?list=k".to_owned())),
        ] {
            assert_eq!(Origin::new(source).unwrap(), expected);
        }
        assert!(Origin::new("").is_err() && Origin::new("redis://h/0?group=g&stream=k").is_err());
    }
}
