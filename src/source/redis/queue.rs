//! A queue for those who look after it: fill it, count it, look through its dead letters.

mod dead;

use core::{future::Future, time::Duration};
use std::{string::String, vec::Vec};

use redis::Value;
use smol::lock::Mutex;
use tracing::warn;

pub use self::dead::{DeadSelection, RedisDeadLetter};
use super::{
    connection::{Connection, On},
    error::{ConnectionError, RedisError, TARGET, odd_reply, wrong_type},
    options::RedisOptions,
    protocol::{BATCH_MAX, Protocol},
    route,
};

/// The most bytes that one command pushes.
const PUSH_BYTES_MAX: usize = 1 << 20;

/// Connects and looks whether the server is new enough and the key can be a queue; for a worker also whether it keeps its keys.
pub(super) async fn open(
    options: &RedisOptions,
    protocol: &Protocol,
    is_worker: bool,
) -> Result<Connection, RedisError> {
    let place = options.place();
    let open = async {
        let mut connection = route::open(options).await?;
        connection.check_version(options).await?;
        let on = connection.on(place);
        let mut command = redis::cmd("TYPE");
        command.arg(&protocol.keys.queue);
        let reply = connection.drive(options.silence(), on.send(&command)).await?;
        match reply {
            Value::SimpleString(found) if found == protocol.queue_type() || found == "none" => {
                if is_worker {
                    warn_of_eviction(&mut connection, options).await?;
                }
                Ok(connection)
            }
            Value::SimpleString(found) => {
                let key = &protocol.keys.queue;
                Err(ConnectionError::Fatal(wrong_type(key, key, &found, protocol.queue_type())))
            }
            _ => Err(odd_reply("TYPE")),
        }
    };
    open.await.map_err(|error: ConnectionError| error.into_error(&place))
}

/// Warns when the server may throw keys away. A server that does not tell is not asked twice.
async fn warn_of_eviction(connection: &mut Connection, options: &RedisOptions) -> Result<(), ConnectionError> {
    let on = connection.on(options.place());
    let mut command = redis::cmd("INFO");
    command.arg("memory");
    let text = match connection.drive(options.silence(), on.send(&command)).await {
        Ok(Value::BulkString(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(Value::VerbatimString { text, .. }) => text,
        Err(ConnectionError::Connection(reason)) => return Err(ConnectionError::Connection(reason)),
        _ => return Ok(()),
    };
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    if let (Some(policy), Some(memory)) = (field("maxmemory_policy"), field("maxmemory"))
        && policy != "noeviction"
        && memory != "0"
    {
        let address = &options.address;
        warn!(
            target: TARGET,
            "{address} evicts keys when its memory is full (maxmemory-policy {policy}): tasks can be lost; set it to noeviction"
        );
    }
    Ok(())
}

/// A queue in Redis for those who look after it. Nothing is retried: a call that fails says so.
///
/// ```no_run
/// use fourfold::source::redis::{DeadSelection, RedisOptions, RedisQueue};
///
/// # smol::block_on(async {
/// let queue = RedisQueue::connect(RedisOptions::from_url("redis://localhost/0?list=tasks")?).await?;
/// queue.push([r#"{"ms": 20}"#, r#"{"ms": 30}"#]).await?;
/// assert_eq!(queue.stats().await?.waiting, 2);
/// for letter in queue.dead(0, 100).await? {
///     println!("{}: {}", letter.id, letter.reason);
/// }
/// queue.requeue(DeadSelection::All).await?;
/// # Ok::<(), fourfold::source::redis::RedisError>(())
/// # });
/// ```
pub struct RedisQueue {
    options: RedisOptions,
    protocol: Protocol,
    connection: Mutex<Option<Connection>>,
}

/// What is in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RedisStats {
    /// Tasks that can be claimed now.
    pub waiting: usize,
    /// Retries that are not due yet.
    pub delayed: usize,
    /// The number of dead letters.
    pub dead: usize,
    /// Who holds deliveries or gives a sign of life.
    pub consumers: Vec<RedisConsumer>,
    /// How long the oldest task has waited, by the id of its entry. A list does not know it.
    pub oldest: Option<Duration>,
}

/// A consumer of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RedisConsumer {
    /// Host, process and a random number.
    pub name: String,
    /// Whether its heartbeat goes on.
    pub is_alive: bool,
    /// How many deliveries it holds.
    pub in_flight: usize,
}

impl RedisQueue {
    /// Connects to the server and looks whether the key can be a queue.
    ///
    /// # Errors
    /// When the server cannot be reached, is too old or wants another password, or when the key holds something else
    /// than the queue that the options name.
    pub async fn connect(options: RedisOptions) -> Result<Self, RedisError> {
        let protocol = Protocol::new(&options);
        let connection = open(&options, &protocol, false).await?;
        Ok(Self { options, protocol, connection: Mutex::new(Some(connection)) })
    }

    /// Puts payloads into the queue, behind what is there, in their order. Returns how many they were.
    ///
    /// # Errors
    /// When the server failed; a part of them may be in the queue by then.
    pub async fn push<I>(&self, payloads: I) -> Result<usize, RedisError>
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        let mut payloads = payloads.into_iter().peekable();
        let mut count = 0;
        self.with(async |on| {
            while payloads.peek().is_some() {
                let mut batch = Vec::new();
                let mut bytes = 0;
                while batch.len() < BATCH_MAX
                    && bytes < PUSH_BYTES_MAX
                    && let Some(payload) = payloads.next()
                {
                    bytes += payload.as_ref().len();
                    batch.push(payload);
                }
                let batch: Vec<&[u8]> = batch.iter().map(AsRef::as_ref).collect();
                self.protocol.push(&on, &batch).await?;
                count += batch.len();
            }
            Ok(count)
        })
        .await
    }

    /// Counts what is in it.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn stats(&self) -> Result<RedisStats, RedisError> {
        let (protocol, keys) = (&self.protocol, &self.protocol.keys);
        self.with(async |on| {
            let mut consumers = protocol.consumers(&on).await?;
            let (waiting, oldest) = if protocol.is_stream() {
                let stats = protocol.stream_stats(&on).await?;
                for (name, pending) in stats.pending {
                    match consumers.binary_search_by(|(other, ..)| other.cmp(&name)) {
                        Ok(at) => consumers[at].2 = pending,
                        Err(at) if pending > 0 => consumers.insert(at, (name, false, pending)),
                        Err(_) => {}
                    }
                }
                (stats.waiting, stats.oldest)
            } else {
                (protocol.count(&on, "LLEN", &keys.queue).await?, None)
            };
            let consumers = consumers.into_iter();
            let named = consumers.map(|(name, is_alive, in_flight)| RedisConsumer { name, is_alive, in_flight });
            Ok(RedisStats {
                waiting,
                delayed: protocol.count(&on, "ZCARD", &keys.delayed).await?,
                dead: protocol.count(&on, "HLEN", &keys.dead).await?,
                consumers: named.collect(),
                oldest,
            })
        })
        .await
    }

    /// Sends on the connection, polling it meanwhile; one call at a time. Each ends: a connection that falls silent is an
    /// error, and the next call makes a new one.
    async fn with<'s, T, F: Future<Output = Result<T, ConnectionError>>>(
        &'s self,
        work: impl FnOnce(On<'s>) -> F,
    ) -> Result<T, RedisError> {
        let place = self.options.place();
        let mut slot = self.connection.lock().await;
        let result = async {
            let mut connection = match slot.take() {
                Some(connection) => connection,
                None => route::open(&self.options).await?,
            };
            let on = connection.on(place);
            match connection.drive(self.options.silence(), work(on.clone())).await {
                Err(ConnectionError::WrongType(text)) => {
                    let check = async { Err(self.protocol.check_types(&on, text).await) };
                    connection.drive(self.options.silence(), check).await
                }
                Err(ConnectionError::Connection(reason)) => Err(ConnectionError::Connection(reason)),
                result => {
                    *slot = Some(connection);
                    result
                }
            }
        };
        result.await.map_err(|error| error.into_error(&place))
    }
}

impl core::fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RedisQueue").field("options", &self.options).finish_non_exhaustive()
    }
}
