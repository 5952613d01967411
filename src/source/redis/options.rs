//! Which queue, where, and how it is used.

use core::{fmt, num::NonZeroU32, time::Duration};
use std::string::String;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use super::error::{Place, RedisError};

/// Which end of a list is claimed next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PopSide {
    /// The left end (the head), for producers that RPUSH.
    Left,
    /// The right end (the tail), for producers that LPUSH.
    #[default]
    Right,
}

impl PopSide {
    /// The letter in RPUSH or LPOP.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Left => "L",
            Self::Right => "R",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Left => "LEFT",
            Self::Right => "RIGHT",
        }
    }
}

/// Which queue, where, and how it is used. `Debug` and `Display` leave user and password out.
///
/// ```
/// use core::time::Duration;
/// use fourfold::source::redis::RedisOptions;
/// let options = RedisOptions::from_url("redis://me:secret@localhost/2?list=tasks&pop=left").unwrap();
/// let options = options.lease(Duration::from_secs(30)).follow(true);
/// assert_eq!(options.to_string(), "redis://localhost:6379/2?list=tasks");
/// let error = RedisOptions::from_url("redis://localhost/0?list=").unwrap_err();
/// assert_eq!(error.to_string(), "the Redis URL names no key: list=KEY is missing or empty");
/// ```
#[derive(Clone)]
pub struct RedisOptions {
    pub(super) info: ConnectionInfo,
    pub(super) address: String,
    pub(super) key: String,
    pub(super) pop: PopSide,
    pub(super) lease: Duration,
    pub(super) deliveries_max: NonZeroU32,
    pub(super) follow: bool,
    pub(super) reconnect: Duration,
}

impl RedisOptions {
    /// The shortest lease there is: a heartbeat comes three times as often.
    pub const LEASE_MIN: Duration = Duration::from_millis(100);

    /// Reads `redis://USER:PASSWORD@HOST:PORT/DB?list=KEY&pop=right` (or `left`), `rediss://…` for TLS, and
    /// `redis+unix:///PATH?db=DB&list=KEY&user=USER&pass=PASSWORD` for a socket. A lease of 10 s, at most 5 deliveries, no following,
    /// 60 s to come back.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn from_url(url: &str) -> Result<Self, RedisError> {
        let Some(url) = redis::parse_redis_url(url) else {
            let forms = "redis://HOST:PORT/DB?list=KEY, rediss://… or redis+unix:///PATH?list=KEY";
            return Err(RedisError::usage(format!("not a Redis URL: the forms are {forms}")));
        };
        let (mut key, mut pop) = (None, PopSide::default());
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("list", value) => key = Some(value.to_owned()),
                ("pop", "right") => pop = PopSide::Right,
                ("pop", "left") => pop = PopSide::Left,
                ("pop", _) => return Err(RedisError::usage("the Redis URL's pop= takes right or left")),
                ("db" | "user" | "pass" | "protocol", _) => {}
                (name, _) => return Err(RedisError::usage(format!("the Redis URL has an unknown parameter, {name}="))),
            }
        }
        let key = key.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| RedisError::usage("the Redis URL names no key: list=KEY is missing or empty"))?;
        // The error's detail could repeat a part of the URL.
        let info = url.into_connection_info().map_err(|error| {
            let what = if error.to_string().contains("database number") {
                "the database is no number"
            } else {
                "no server in it"
            };
            RedisError::usage(format!("the Redis URL is not usable: {what}"))
        })?;
        let address = address(&info);
        let lease = Duration::from_secs(10);
        let deliveries_max = NonZeroU32::MIN.saturating_add(4);
        Ok(Self { info, address, key, pop, lease, deliveries_max, follow: false, reconnect: Duration::from_secs(60) })
    }

    /// How long deliveries stay with a consumer that gives no sign of life. At least [`LEASE_MIN`](Self::LEASE_MIN), and longer than a
    /// handler may keep the thread from polling the run.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Self::LEASE_MIN);
        self
    }

    /// How often a task may be delivered to consumers that vanish before it goes to the dead letters. Apart from retries.
    pub fn max_deliveries(mut self, deliveries_max: NonZeroU32) -> Self {
        self.deliveries_max = deliveries_max;
        self
    }

    /// Whether to wait for new tasks for ever, instead of ending when there are none.
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// How long a server that has gone away is waited for.
    pub fn reconnect(mut self, reconnect: Duration) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Which end is claimed next.
    pub fn pop(mut self, pop: PopSide) -> Self {
        self.pop = pop;
        self
    }

    /// The list's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place { address: &self.address, key: &self.key }
    }
}

/// Where the server is, without who asks.
fn address(info: &ConnectionInfo) -> String {
    let db = info.redis_settings().db();
    match info.addr() {
        ConnectionAddr::Tcp(host, port) => format!("redis://{}:{port}/{db}", bracketed(host)),
        ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{}:{port}/{db}", bracketed(host)),
        ConnectionAddr::Unix(path) => format!("redis+unix://{}?db={db}", path.display()),
        _ => String::from("redis"),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

impl fmt::Display for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.address.contains('?') { '&' } else { '?' };
        write!(f, "{}{mark}list={}", self.address, self.key)
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("address", &self.address)
            .field("key", &self.key)
            .field("pop", &self.pop)
            .field("lease", &self.lease)
            .field("max_deliveries", &self.deliveries_max)
            .field("follow", &self.follow)
            .field("reconnect", &self.reconnect)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{PopSide, RedisOptions};

    fn error(url: &str) -> String {
        let error = RedisOptions::from_url(url).unwrap_err();
        assert!(error.is_usage());
        error.to_string()
    }

    #[test]
    fn urls_of_every_form() {
        for (url, shown, pop) in [
            ("redis://h/0?list=a", "redis://h:6379/0?list=a", PopSide::Right),
            ("redis://:p%40ss@h:1/3?pop=left&list=a%20b", "redis://h:1/3?list=a b", PopSide::Left),
            ("rediss://u:p@h?list=a", "rediss://h:6379/0?list=a", PopSide::Right),
            ("redis://[::1]:7/?list=%7Ba%7Db", "redis://[::1]:7/0?list={a}b", PopSide::Right),
            ("redis+unix:///run/r.sock?db=2&list=a&pop=right", "redis+unix:///run/r.sock?db=2&list=a", PopSide::Right),
        ] {
            let options = RedisOptions::from_url(url).unwrap();
            assert_eq!((options.to_string().as_str(), options.pop), (shown, pop));
        }
    }

    #[test]
    fn bad_urls_name_what_is_wrong_and_no_secret() {
        for (url, part) in [
            ("http://h/?list=a", "not a Redis URL"),
            ("redis://u:secret@h:port/?list=a", "not a Redis URL"),
            ("redis://u:secret@h/x?list=a", "the database is no number"),
            ("redis://u:secret@h/0", "list=KEY is missing"),
            ("redis://u:secret@h/0?list=a&pop=up", "pop= takes right or left"),
            ("redis://u:secret@h/0?list=a&lsit=b", "unknown parameter, lsit="),
        ] {
            let error = error(url);
            assert!(error.contains(part) && !error.contains("secret"), "{url}: {error}");
        }
        let options = RedisOptions::from_url("redis://user:secret@h/0?list=a").unwrap();
        assert!(!format!("{options:?} {options}").contains("secret"));
    }
}
