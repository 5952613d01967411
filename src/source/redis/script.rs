//! The scripts, and how one is run.

use std::string::String;

use redis::{Cmd, ErrorKind, ServerErrorKind, Value, aio::MultiplexedConnection};

use super::error::{ConnectionError, Place};

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

    /// Runs it. A server that does not know it (any more) is told once.
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
    pub(super) leave: Script,
    pub(super) requeue: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            beat: Script::new(include_str!("lua/beat.lua")),
            claim: Script::new(include_str!("lua/claim.lua")),
            settle: Script::new(concat!(include_str!("lua/entry.lua"), include_str!("lua/settle.lua"))),
            leave: Script::new(concat!(include_str!("lua/entry.lua"), include_str!("lua/leave.lua"))),
            requeue: Script::new(include_str!("lua/requeue.lua")),
        }
    }
}

/// A connection to send on and the names for messages.
#[derive(Clone)]
pub(super) struct On<'a> {
    pub(super) client: MultiplexedConnection,
    pub(super) place: Place<'a>,
}

impl On<'_> {
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, ConnectionError> {
        self.ask(command).await.map_err(|error| self.error(&error))
    }

    async fn ask(&self, command: &Cmd) -> Result<Value, redis::RedisError> {
        self.client.clone().send_packed_command(command).await?.extract_error()
    }

    pub(super) fn error(&self, error: &redis::RedisError) -> ConnectionError {
        ConnectionError::from_client(error, &self.place)
    }
}
