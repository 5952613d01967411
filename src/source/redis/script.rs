//! The scripts, and how one is run.

use std::string::String;

use redis::{Cmd, ErrorKind, ServerErrorKind, Value};

use super::{connection::On, error::ConnectionError};

/// A script that the server runs as one step.
#[derive(Debug)]
pub(super) struct Script {
    code: &'static str,
    sha: String,
}

impl Script {
    fn new(code: &'static str) -> Self {
        Self { code, sha: redis::Script::new(code).get_hash().to_owned() }
    }

    /// Runs the script. A server that does not know it (any more) is told once.
    pub(super) async fn run<'a>(
        &self,
        on: &On<'a>,
        keys: &[&str],
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Value, ConnectionError> {
        let command = |name: &str, script: &str| {
            let mut command = redis::cmd(name);
            command.arg(script).arg(keys.len()).arg(keys);
            arguments(&mut command);
            command
        };
        match on.ask(&command("EVALSHA", &self.sha)).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                on.send(&command("EVAL", self.code)).await
            }
            reply => reply.map_err(|error| on.error(&error)),
        }
    }
}

/// All scripts of a queue.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) beat: Script,
    pub(super) claim: Script,
    pub(super) settle: Script,
    pub(super) restore: Script,
    pub(super) seize: Script,
    pub(super) give_back: Script,
    pub(super) finish: Script,
    pub(super) rest: Script,
    pub(super) count: Script,
    pub(super) requeue: Script,
}

/// A script with what all share in front of it.
macro_rules! script {
    ($($file:literal),*) => {
        Script::new(concat!(include_str!("lua/entry.lua"), $(include_str!($file)),*))
    };
}

impl Scripts {
    pub(super) fn of_list() -> Self {
        Self {
            beat: script!("lua/consumers.lua", "lua/delayed.lua", "lua/list/beat.lua"),
            claim: script!("lua/consumers.lua", "lua/delayed.lua", "lua/list/claim.lua"),
            settle: script!("lua/delayed.lua", "lua/list/settle.lua"),
            restore: script!("lua/restore.lua"),
            seize: Script::new(include_str!("lua/seize.lua")),
            give_back: script!("lua/list/give_back.lua"),
            finish: script!("lua/consumers.lua", "lua/list/finish.lua"),
            rest: Script::new(include_str!("lua/list/rest.lua")),
            count: Script::new(include_str!("lua/list/count.lua")),
            requeue: script!("lua/letters.lua", "lua/list/requeue.lua"),
        }
    }

    pub(super) fn of_stream() -> Self {
        Self {
            beat: script!("lua/consumers.lua", "lua/delayed.lua", "lua/stream/entry.lua", "lua/stream/beat.lua"),
            claim: script!("lua/consumers.lua", "lua/delayed.lua", "lua/stream/entry.lua", "lua/stream/claim.lua"),
            settle: script!("lua/delayed.lua", "lua/stream/entry.lua", "lua/stream/settle.lua"),
            restore: script!("lua/restore.lua"),
            seize: Script::new(include_str!("lua/seize.lua")),
            give_back: script!("lua/stream/entry.lua", "lua/stream/give_back.lua"),
            finish: script!("lua/consumers.lua", "lua/stream/entry.lua", "lua/stream/finish.lua"),
            rest: script!("lua/stream/entry.lua", "lua/stream/rest.lua"),
            count: script!("lua/stream/entry.lua", "lua/stream/stats.lua"),
            requeue: script!("lua/letters.lua", "lua/stream/requeue.lua"),
        }
    }
}

/// What only a stream needs.
#[derive(Debug)]
pub(super) struct StreamScripts {
    pub(super) adopt: Script,
    pub(super) put_back: Script,
}

impl StreamScripts {
    pub(super) fn new() -> Self {
        Self {
            adopt: script!("lua/stream/entry.lua", "lua/stream/adopt.lua"),
            put_back: script!("lua/stream/entry.lua", "lua/stream/put_back.lua"),
        }
    }
}
