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

/// All of them.
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

impl Scripts {
    pub(super) fn new() -> Self {
        /// A script with what is shared in front of it.
        macro_rules! script {
            ($file:literal) => {
                Script::new(concat!(include_str!("lua/entry.lua"), include_str!($file)))
            };
        }
        Self {
            beat: script!("lua/beat.lua"),
            claim: script!("lua/claim.lua"),
            settle: script!("lua/settle.lua"),
            restore: script!("lua/restore.lua"),
            seize: Script::new(include_str!("lua/seize.lua")),
            give_back: script!("lua/give_back.lua"),
            finish: Script::new(include_str!("lua/finish.lua")),
            rest: Script::new(include_str!("lua/rest.lua")),
            count: Script::new(include_str!("lua/count.lua")),
            requeue: Script::new(include_str!("lua/requeue.lua")),
        }
    }
}
