//! Which queue, where, and how it is used.

mod servers;
mod url;

use core::{fmt, num::NonZeroU32, time::Duration};
use std::string::String;

use redis::{ConnectionAddr, ConnectionInfo};

use super::{
    error::{Place, RedisError},
    keys::Keys,
    nodes::Route,
};

/// The end of a list that is claimed next.
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

/// The address of a queue and the settings of its consumers. `Debug` and `Display` leave user and password out.
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
    pub(super) route: Route,
    pub(super) key: String,
    pub(super) pop: PopSide,
    /// The group, where the key is a stream.
    pub(super) group: Option<String>,
    pub(super) lease: Duration,
    pub(super) deliveries_max: NonZeroU32,
    pub(super) follow: bool,
    pub(super) no_wait: bool,
    pub(super) is_text: bool,
    pub(super) reconnect: Duration,
}

impl RedisOptions {
    /// The shortest lease there is: a heartbeat comes three times as often.
    pub const LEASE_MIN: Duration = Duration::from_millis(100);

    /// Reads `redis://USER:PASSWORD@HOST:PORT/DB?list=KEY&pop=right` (or `left`), `…?stream=KEY&group=GROUP` for a stream, which
    /// is read by a group of that name, `rediss://…` for TLS, and
    /// `redis+unix:///PATH?db=DB&list=KEY&user=USER&pass=PASSWORD` for a socket. A character that has a meaning in a URL is
    /// written as `%` and two digits, `#` as `%23`; `+` is a plus. The defaults: a lease of 10 s, at most 5 deliveries, no
    /// following, 60 s to come back.
    ///
    /// `redis-cluster://HOST:PORT,HOST:PORT/?list=KEY` is a Redis Cluster, of which any node may be named: the owner of the queue's
    /// slot is asked for, and asked for again when the slot moves or the owner is gone. `redis-sentinel://HOST:PORT,HOST:PORT/NAME?list=KEY`
    /// (or `/NAME/DB`) is the master that Sentinel knows by this name. `rediss-cluster` and `rediss-sentinel` are the same over TLS.
    ///
    /// # Errors
    /// When the text is no such URL. The error names the part and repeats no secret.
    pub fn from_url(url: &str) -> Result<Self, RedisError> {
        let url::Parts { info, key, pop, group, route } = url::parse(url)?;
        Keys::check(&key, if group.is_some() { "stream" } else { "list" })?;
        Ok(Self {
            address: address(&info, &route),
            info,
            route,
            key,
            pop,
            group,
            lease: Duration::from_secs(10),
            deliveries_max: NonZeroU32::MIN.saturating_add(4),
            follow: false,
            no_wait: false,
            is_text: false,
            reconnect: Duration::from_secs(60),
        })
    }

    /// Sets the password, and the user where there is one, for a server that the URL names without: a URL is seen by everybody who can
    /// list the machine's processes, the environment is not. What the URL says comes first.
    pub fn credentials(mut self, user: Option<&str>, password: &str) -> Self {
        let settings = self.info.redis_settings();
        if settings.password().is_none() {
            let mut settings = settings.clone().set_password(password);
            if let Some(user) = user.filter(|_| settings.username().is_none()) {
                settings = settings.set_username(user);
            }
            self.info = self.info.set_redis_settings(settings);
        }
        self
    }

    /// Sets the time that deliveries stay with a consumer that gives no sign of life. Default 10 s, at least
    /// [`LEASE_MIN`](Self::LEASE_MIN), and longer than a handler may keep the thread from polling the run. A longer lease survives a
    /// slower network; what a killed consumer held then comes back later.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Self::LEASE_MIN);
        self
    }

    /// Sets how often a task may have begun on consumers that vanish before it goes to the dead letters. Default 5; retries
    /// are counted apart.
    pub fn max_deliveries(mut self, deliveries_max: NonZeroU32) -> Self {
        self.deliveries_max = deliveries_max;
        self
    }

    /// Sets whether to wait for new tasks for ever. Default `false`: the source is exhausted when nothing is queued, delayed or held
    /// by any consumer.
    pub fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// Sets that a source without [`follow`](Self::follow) ends when nothing is queued, whatever other consumers hold. Default
    /// `false`: it waits until they have ended it, or until their leases have. [`RedisQueue::stats`](super::RedisQueue::stats) says who
    /// holds how many deliveries.
    pub fn no_wait(mut self, no_wait: bool) -> Self {
        self.no_wait = no_wait;
        self
    }

    /// Sets that payloads are texts, whatever is in them, and no JSON. Default `false`. A task then has a JSON string as its
    /// payload; in the list it stays the text that it is.
    pub fn text(mut self, is_text: bool) -> Self {
        self.is_text = is_text;
        self
    }

    /// Returns whether a source ends when nothing is queued, whatever others hold.
    pub fn is_no_wait(&self) -> bool {
        self.no_wait
    }

    /// Sets the time that a server which has gone away, or says that it cannot serve now, is waited for. Default 60 s.
    pub fn reconnect(mut self, reconnect: Duration) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Sets the end of the list that is claimed next. Default right, for producers that LPUSH.
    pub fn pop(mut self, pop: PopSide) -> Self {
        self.pop = pop;
        self
    }

    /// Returns the key of the list or stream.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the name of the group that reads the stream; `None` for a list.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// How long a connection that owes a reply may be silent.
    pub(super) fn silence(&self) -> Duration {
        (self.lease / 3).clamp(Duration::from_secs(1), Duration::from_secs(5))
    }

    pub(super) fn place(&self) -> Place<'_> {
        let nodes = if let Route::Cluster { nodes, .. } = &self.route { Some(&**nodes) } else { None };
        Place { address: &self.address, key: &self.key, nodes }
    }
}

/// Where the server is, without who asks.
fn address(info: &ConnectionInfo, route: &Route) -> String {
    let db = info.redis_settings().db();
    let scheme = if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) { "rediss" } else { "redis" };
    let all = |servers: &[ConnectionAddr]| servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    match route {
        Route::Direct => {}
        Route::Cluster { seeds, .. } => return format!("{scheme}-cluster://{}", all(seeds)),
        Route::Sentinel { sentinels, master } => {
            return format!("{scheme}-sentinel://{}/{master}/{db}", all(sentinels));
        }
    }
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
        match &self.group {
            Some(group) => write!(f, "{}{mark}stream={}&group={group}", self.address, self.key),
            None => write!(f, "{}{mark}list={}", self.address, self.key),
        }
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("address", &self.address)
            .field("key", &self.key)
            .field("pop", &self.pop)
            .field("group", &self.group)
            .field("lease", &self.lease)
            .field("max_deliveries", &self.deliveries_max)
            .field("follow", &self.follow)
            .field("no_wait", &self.no_wait)
            .field("text", &self.is_text)
            .field("reconnect", &self.reconnect)
            .finish()
    }
}
