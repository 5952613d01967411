//! What can go wrong with a queue in Redis.

use std::{boxed::Box, fmt, string::String};

/// Why a queue in Redis cannot be used (any more). The message names the address, the key or the parameter and says what to do;
/// a user's name or password is never in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisError {
    kind: Kind,
    message: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Usage,
    Unreachable,
    Denied,
    WrongType,
    Refused,
}

impl RedisError {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into_boxed_str() }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// What was asked for cannot be: a parameter of the URL, a lease, a key.
    pub fn is_usage(&self) -> bool {
        self.kind == Kind::Usage
    }

    /// The server could not be reached, or was gone for longer than it is waited for.
    pub fn is_unreachable(&self) -> bool {
        self.kind == Kind::Unreachable
    }

    /// The server wants (another) user or password, or does not let this user do what is needed.
    pub fn is_denied(&self) -> bool {
        self.kind == Kind::Denied
    }

    /// The key holds something that is no list.
    pub fn is_wrong_type(&self) -> bool {
        self.kind == Kind::WrongType
    }
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for RedisError {}

/// Why work on a connection stopped.
#[derive(Debug)]
pub(super) enum ConnectionError {
    /// The connection or the server is gone, or not ready: it may come back.
    Connection(String),
    /// Waiting will not mend it.
    Fatal(RedisError),
    /// The server has forgotten this consumer: its lease ended and its deliveries are somebody else's.
    Reaped,
}

/// What the server says of itself when it will be able to serve later: it starts, changes its role, is full, cannot write.
const PASSING: &[&str] =
    &["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "MISCONF", "OOM", "NOREPLICAS"];

impl ConnectionError {
    /// Sorts an error of the client's; `place` says where, without credentials.
    pub(super) fn from_client(error: &redis::RedisError, place: &Place<'_>) -> Self {
        use redis::{ErrorKind, ServerErrorKind};
        let Place { address, key } = place;
        // A server error's text can be taken as it is. A client's can too: it knows nothing of the URL.
        let text = error.to_string();
        let fatal = |kind, message| Self::Fatal(RedisError::new(kind, message));
        match error.kind() {
            ErrorKind::AuthenticationFailed => fatal(Kind::Denied, format!("{address}: {}", denial(&text))),
            ErrorKind::Io | ErrorKind::Parse => Self::Connection(text),
            // `redis` calls a connection that ended a client's error or an I/O error, by where it noticed.
            _ if error.is_connection_dropped() => Self::Connection(text),
            ErrorKind::Server(ServerErrorKind::NoPerm) => fatal(Kind::Denied, format!("{address}: {text}")),
            _ if text.contains("WRONGTYPE") => fatal(Kind::WrongType, wrong_type(key, "something else")),
            _ if ["NOAUTH", "WRONGPASS", "NOPERM"].iter().any(|code| text.contains(code)) => {
                fatal(Kind::Denied, format!("{address}: {}", denial(&text)))
            }
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::TryAgain,
            ) => Self::Connection(text),
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => fatal(
                Kind::Refused,
                format!("{address}: the key \"{key}\" lives on another node of the cluster ({text}): name that one"),
            ),
            _ if PASSING.iter().any(|code| text.contains(code)) => Self::Connection(text),
            _ => fatal(Kind::Refused, format!("{address}: the server refused a command for the key \"{key}\": {text}")),
        }
    }

    /// As the error of something that is not tried again.
    pub(super) fn into_error(self, place: &Place<'_>) -> RedisError {
        match self {
            Self::Connection(reason) => {
                let message = format!("cannot reach {}: {reason}; is the server running there?", place.address);
                RedisError::new(Kind::Unreachable, message)
            }
            Self::Fatal(error) => error,
            Self::Reaped => RedisError::new(Kind::Refused, "the lease ended"),
        }
    }
}

/// What messages name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) address: &'a str,
    pub(super) key: &'a str,
}

pub(super) fn wrong_type(key: &str, found: &str) -> String {
    format!("the key \"{key}\" holds {found}, not a list: choose another key with list=KEY")
}

fn denial(text: &str) -> String {
    if text.contains("NOPERM") {
        format!("this user may not do what a queue needs ({text})")
    } else {
        format!("the server wants a user and password that it knows, redis://USER:PASSWORD@… ({text})")
    }
}

/// A reply that is not of the form that its command has.
pub(super) fn odd_reply(what: &str) -> ConnectionError {
    ConnectionError::Fatal(RedisError::new(Kind::Refused, format!("the server's reply to {what} cannot be understood")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_waited_for() {
        let place = Place { address: "there", key: "tasks" };
        for text in ["LOADING Redis is loading", "MISCONF disk", "OOM command not allowed"] {
            let error = redis::RedisError::from((redis::ErrorKind::Extension, "x", text.into()));
            assert!(matches!(ConnectionError::from_client(&error, &place), ConnectionError::Connection(_)), "{text}");
        }
        let error = redis::RedisError::from((redis::ErrorKind::Extension, "x", "ERR unknown command".into()));
        assert!(matches!(ConnectionError::from_client(&error, &place), ConnectionError::Fatal(_)));
    }
}
