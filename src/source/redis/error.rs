//! What can go wrong with a queue in Redis.

use std::{boxed::Box, fmt, string::String};

use super::nodes::Nodes;

/// The target of all that this source logs.
pub(super) const TARGET: &str = "fourfold::redis";

/// The reason why a queue in Redis cannot be used (any more). The message names the address, the key or the parameter, has the
/// server's own words and says what to do; a user's name or password is never in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisError {
    kind: Kind,
    message: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Usage,
    Unreachable,
    NotReady,
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

    /// Says whether the options cannot be used: a parameter of the URL, a lease, a key.
    pub fn is_usage(&self) -> bool {
        self.kind == Kind::Usage
    }

    /// Says whether the server could not be reached, or was gone for longer than [`reconnect`](super::RedisOptions::reconnect).
    pub fn is_unreachable(&self) -> bool {
        self.kind == Kind::Unreachable
    }

    /// Says whether the server answered that it cannot serve now: it starts, is full, cannot write, is a replica.
    pub fn is_not_ready(&self) -> bool {
        self.kind == Kind::NotReady
    }

    /// Says whether the server wants (another) user or password, or does not let this user do what a queue needs.
    pub fn is_denied(&self) -> bool {
        self.kind == Kind::Denied
    }

    /// Says whether the queue's key, or one of fourfold's own beside it, holds a value of another type.
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

/// The reason why work on a connection stopped.
#[derive(Debug)]
pub(super) enum ConnectionError {
    /// The connection is gone: the server may come back.
    Connection(String),
    /// The server answered that it cannot do this now, in its own words: that may pass.
    Passing(String),
    /// A key has another type than it needs; which one is found out where there is a connection.
    WrongType(String),
    /// Waiting will not mend it.
    Fatal(RedisError),
    /// The lease of this consumer ended, and its deliveries were given to others.
    Reaped,
    /// The server lost the hash of this consumer.
    Lost,
    /// The server lost the group, or the stream with it.
    Gone,
}

/// The server's answers that no waiting can change. All others may pass, those included that nobody has heard of yet.
const NOT_PASSING: &[&str] = &[
    "unknown command",
    "Unknown Redis command",
    "Error compiling script",
    "DB index is out of range",
    "invalid DB index",
];
const DENIED: &[&str] = &["NOAUTH", "WRONGPASS", "NOPERM", "ACL failure", "The user executing the script"];

impl ConnectionError {
    /// Sorts an error of the client's; `place` says where, without credentials.
    pub(super) fn from_client(error: &redis::RedisError, place: &Place<'_>) -> Self {
        use redis::{ErrorKind, ServerErrorKind};
        let Place { address, key, nodes } = place;
        // A server's own words, as it sent them. A client's text can be taken as well: it knows nothing of the URL.
        let text = match (error.code(), error.detail()) {
            (Some(code), Some(detail)) => format!("{code} {detail}"),
            _ => error.to_string(),
        };
        let fatal = |kind, message| Self::Fatal(RedisError::new(kind, message));
        let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        match error.kind() {
            ErrorKind::AuthenticationFailed if says(&["max number of clients", "LOADING"]) => Self::Passing(text),
            ErrorKind::AuthenticationFailed => fatal(Kind::Denied, format!("{address}: {}", denial(&text))),
            ErrorKind::Io if text.contains("certificate") => {
                Self::Connection(format!("{text} (SSL_CERT_FILE names more certificates to trust)"))
            }
            ErrorKind::Io | ErrorKind::Parse => Self::Connection(text),
            // `redis` calls a connection that ended a client's error or an I/O error, by where it noticed.
            _ if error.is_connection_dropped() => Self::Connection(text),
            _ if text.contains("WRONGTYPE") => Self::WrongType(text),
            _ if says(DENIED) => fatal(Kind::Denied, format!("{address}: {}", denial(&text))),
            ErrorKind::Server(ServerErrorKind::CrossSlot) => {
                let why = format!("the key \"{key}\" needs a hash tag on a cluster, such as {{{key}}} ({text})");
                fatal(Kind::Refused, format!("{address}: {why}"))
            }
            // The scripts need all keys of the queue in one place: while a slot is on its way, they wait.
            ErrorKind::Server(ServerErrorKind::Ask) if nodes.is_some() => Self::Passing(text),
            ErrorKind::Server(ServerErrorKind::Moved) if let Some(nodes) = nodes => {
                let owner = nodes.moved(&text).unwrap_or_else(|| "another node".into());
                Self::Connection(format!("the slot of \"{key}\" has moved to {owner}"))
            }
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
                let target = text.split_whitespace().last().unwrap_or("HOST:PORT");
                let why = format!("the key \"{key}\" is on another node of a Redis Cluster ({text})");
                fatal(Kind::Refused, format!("{address}: {why}: name the cluster, redis-cluster://{target}/?…"))
            }
            _ if says(NOT_PASSING) => {
                fatal(Kind::Refused, format!("{address}: the server cannot do what the queue \"{key}\" needs: {text}"))
            }
            _ => Self::Passing(text),
        }
    }

    /// The error of something that is not tried again.
    pub(super) fn into_error(self, place: &Place<'_>) -> RedisError {
        let Place { address, key, .. } = place;
        match self {
            Self::Connection(reason) => RedisError::new(Kind::Unreachable, format!("cannot reach {address}: {reason}")),
            Self::Passing(text) => RedisError::new(
                Kind::NotReady,
                format!("{address}: the server says: {text}; try again when that has passed"),
            ),
            Self::WrongType(text) => RedisError::new(Kind::WrongType, format!("the queue \"{key}\": {text}")),
            Self::Fatal(error) => error,
            Self::Reaped | Self::Lost | Self::Gone => RedisError::new(Kind::Refused, "the lease ended"),
        }
    }

    /// What is said of it in a log.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Connection(reason) => reason.clone(),
            Self::Passing(text) | Self::WrongType(text) => format!("the server says: {text}"),
            Self::Fatal(error) => error.to_string(),
            Self::Reaped => "the lease ended".into(),
            Self::Lost => "the server lost what this consumer holds".into(),
            Self::Gone => "the server lost the group".into(),
        }
    }
}

/// What messages name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) address: &'a str,
    pub(super) key: &'a str,
    /// The nodes of the cluster that has the queue, if it is one.
    pub(super) nodes: Option<&'a Nodes>,
}

/// The user's key is no list, or one of ours beside it is not what it was made as.
pub(super) fn wrong_type(queue: &str, key: &str, found: &str, wanted: &str) -> RedisError {
    let message = if key == queue {
        let way = match found {
            "list" => "name it with list=KEY",
            "stream" => "name it with stream=KEY&group=GROUP",
            _ if wanted == "list" => "choose another key with list=KEY",
            _ => "choose another key with stream=KEY",
        };
        format!("the key \"{key}\" holds a {found}, not a {wanted}: {way}")
    } else {
        format!(
            "the key \"{key}\", which belongs to the queue \"{queue}\", holds a {found} and has to be a {wanted}: rename or delete it"
        )
    };
    RedisError::new(Kind::WrongType, message)
}

fn denial(text: &str) -> String {
    if text.contains("NOAUTH") || text.contains("WRONGPASS") || !DENIED.iter().any(|code| text.contains(code)) {
        format!("the server wants a user and password that it knows, redis://USER:PASSWORD@… ({text})")
    } else {
        format!("this user may not do what a queue needs ({text})")
    }
}

/// A reply that is not of the form that its command has: the connection cannot be trusted any more.
pub(super) fn odd_reply(what: &str) -> ConnectionError {
    ConnectionError::Connection(format!("the server's reply to {what} cannot be understood"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(text: &str) -> ConnectionError {
        let error = redis::RedisError::from((redis::ErrorKind::Extension, "x", text.into()));
        ConnectionError::from_client(&error, &Place { address: "there", key: "tasks", nodes: None })
    }

    #[test]
    fn all_answers_may_pass_except_a_few() {
        for text in [
            "LOADING Redis is loading",
            "MISCONF disk",
            "OOM command not allowed",
            "UNBLOCKED force unblock from blocking operation",
            "ERR max number of clients reached",
            "TOO_MANY_REQUESTS",
            "what a proxy says",
        ] {
            assert!(matches!(sorted(text), ConnectionError::Passing(said) if said.contains(text)), "{text}");
        }
        for text in ["ERR unknown command 'LMOVE'", "NOAUTH Authentication required.", "NOPERM no permission"] {
            assert!(matches!(sorted(text), ConnectionError::Fatal(_)), "{text}");
        }
        assert!(matches!(sorted("WRONGTYPE Operation"), ConnectionError::WrongType(_)));
    }

    #[test]
    fn a_message_has_the_servers_own_words() {
        let place = Place { address: "there", key: "tasks", nodes: None };
        let error = sorted("READONLY You can't write against a read only replica.").into_error(&place);
        assert!(error.is_not_ready() && error.to_string().contains("read only replica"), "{error}");
        assert!(!error.to_string().contains("is the server running"));
    }
}
