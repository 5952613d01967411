//! A queue for those who look after it: fill it, count it, look through its dead letters.

use core::{future::Future, time::Duration};
use std::{
    string::String,
    time::{SystemTime, UNIX_EPOCH},
    vec::Vec,
};

use redis::{FromRedisValue, Value};
use smol::lock::Mutex;

use super::{
    connection::Connection,
    entry::number,
    error::{ConnectionError, Kind, RedisError, odd_reply, wrong_type},
    list::{BATCH_MAX, List},
    options::RedisOptions,
    script::On,
};
use crate::task::TaskId;

/// The most bytes that one command pushes.
const PUSH_BYTES_MAX: usize = 1 << 20;

/// Connects and looks whether the key can be a queue.
pub(super) async fn open(options: &RedisOptions) -> Result<Connection, RedisError> {
    let place = options.place();
    let mut connection = Connection::open(options).await.map_err(|error| error.into_error(&place))?;
    let on = On { client: connection.client.clone(), place };
    let mut command = redis::cmd("TYPE");
    command.arg(&options.key);
    let reply = connection.drive(on.send(&command)).await.map_err(|error| error.into_error(&place))?;
    match reply {
        Value::SimpleString(found) if found == "list" || found == "none" => Ok(connection),
        Value::SimpleString(found) => {
            Err(RedisError::new(Kind::WrongType, wrong_type(&options.key, &format!("a {found}"))))
        }
        _ => Err(odd_reply("TYPE").into_error(&place)),
    }
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
    list: List,
    connection: Mutex<Connection>,
}

/// What is in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct RedisStats {
    /// Tasks that can be claimed now.
    pub waiting: usize,
    /// Retries that are not due yet.
    pub delayed: usize,
    /// Dead letters.
    pub dead: usize,
    /// Who holds deliveries or gives a sign of life.
    pub consumers: Vec<RedisConsumer>,
    /// How long the oldest task has waited. A list does not know it.
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

/// A task that will not be tried again, kept on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisDeadLetter {
    /// The task's id.
    pub id: TaskId,
    /// How many attempts were made; 0 for what was no task at all.
    pub attempts: u32,
    /// How many of them ended with their consumer.
    pub crashes: u32,
    /// Why it is dead.
    pub reason: String,
    /// When its first attempt failed.
    pub failed_at: SystemTime,
    /// When the last one did.
    pub died_at: SystemTime,
    /// The payload as it was pushed, whatever it is.
    pub payload: Vec<u8>,
}

/// Some of the dead letters, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadSelection<'a> {
    /// All there are by now.
    All,
    /// These; what is not there is passed over.
    Tasks(&'a [TaskId]),
}

impl RedisQueue {
    /// Connects to the server and looks whether the key can be a queue.
    ///
    /// # Errors
    /// When the server cannot be reached or wants another password, or when the key holds something else than a list.
    pub async fn connect(options: RedisOptions) -> Result<Self, RedisError> {
        let connection = open(&options).await?;
        let list = List::new(&options);
        Ok(Self { options, list, connection: Mutex::new(connection) })
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
                self.list.push(&on, &batch).await?;
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
        let (list, keys) = (&self.list, &self.list.keys);
        self.with(async |on| {
            let consumers = list.consumers(&on).await?;
            let mut named = Vec::with_capacity(consumers.len());
            for (name, is_alive) in consumers {
                let in_flight = list.holds(&on, &name).await?;
                named.push(RedisConsumer { name, is_alive, in_flight });
            }
            Ok(RedisStats {
                waiting: list.count(&on, "LLEN", &keys.queue).await?,
                delayed: list.count(&on, "ZCARD", &keys.delayed).await?,
                dead: list.count(&on, "ZCARD", &keys.dead_times).await?,
                consumers: named,
                oldest: None,
            })
        })
        .await
    }

    /// Dead letters from the `offset`th on, the oldest first, at most `count` (and 1,000).
    ///
    /// # Errors
    /// When the server failed.
    pub async fn dead(&self, offset: usize, count: usize) -> Result<Vec<RedisDeadLetter>, RedisError> {
        self.with(async |on| {
            let tasks = self.dead_tasks(&on, offset, count.min(BATCH_MAX)).await?;
            self.letters(&on, &tasks).await
        })
        .await
    }

    /// One dead letter.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn dead_letter(&self, id: TaskId) -> Result<Option<RedisDeadLetter>, RedisError> {
        self.with(async |on| Ok(self.letters(&on, &[id.0]).await?.pop())).await
    }

    /// Puts dead letters back into the queue, behind what is there, as new tasks. Returns how many there were.
    ///
    /// # Errors
    /// When the server failed; a part of them may be back by then.
    pub async fn requeue(&self, which: DeadSelection<'_>) -> Result<usize, RedisError> {
        self.each_dead(which, async |on, tasks| self.list.requeue(&on, &tasks).await).await
    }

    /// Forgets dead letters. Returns how many there were.
    ///
    /// # Errors
    /// When the server failed; a part of them may be gone by then.
    pub async fn purge(&self, which: DeadSelection<'_>) -> Result<usize, RedisError> {
        self.each_dead(which, async |on, tasks| self.list.purge(&on, &tasks).await).await
    }

    async fn each_dead<'s>(
        &'s self,
        which: DeadSelection<'_>,
        act: impl AsyncFn(On<'s>, Vec<u64>) -> Result<usize, ConnectionError>,
    ) -> Result<usize, RedisError> {
        self.with(async |on| {
            let mut count = 0;
            match which {
                DeadSelection::Tasks(tasks) => {
                    for tasks in tasks.chunks(BATCH_MAX) {
                        count += act(on.clone(), tasks.iter().map(|task| task.0).collect()).await?;
                    }
                }
                DeadSelection::All => {
                    // As many as there are now: what dies meanwhile is not meant.
                    let mut left = self.list.count(&on, "ZCARD", &self.list.keys.dead_times).await?;
                    while left > 0 {
                        let tasks = self.dead_tasks(&on, 0, left.min(BATCH_MAX)).await?;
                        if tasks.is_empty() {
                            break;
                        }
                        left -= tasks.len();
                        count += act(on.clone(), tasks).await?;
                    }
                }
            }
            Ok(count)
        })
        .await
    }

    async fn dead_tasks(&self, on: &On<'_>, offset: usize, count: usize) -> Result<Vec<u64>, ConnectionError> {
        let Some(last) = count.checked_sub(1) else { return Ok(Vec::new()) };
        let mut command = redis::cmd("ZRANGE");
        command.arg(&self.list.keys.dead_times).arg(offset).arg(offset.saturating_add(last));
        Vec::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("ZRANGE"))
    }

    async fn letters(&self, on: &On<'_>, tasks: &[u64]) -> Result<Vec<RedisDeadLetter>, ConnectionError> {
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("HMGET");
        command.arg(&self.list.keys.dead).arg(tasks);
        let records = Vec::<Option<Vec<u8>>>::from_redis_value(on.send(&command).await?);
        let records = records.map_err(|_| odd_reply("HMGET"))?;
        let found = tasks.iter().zip(&records).filter_map(|(task, record)| Some((task, record.as_ref()?)));
        found.map(|(task, record)| letter(*task, record).ok_or_else(|| odd_reply("HMGET"))).collect()
    }

    /// Sends on the connection, polling it meanwhile; one call at a time.
    async fn with<'s, T, F: Future<Output = Result<T, ConnectionError>>>(
        &'s self,
        work: impl FnOnce(On<'s>) -> F,
    ) -> Result<T, RedisError> {
        let place = self.options.place();
        let mut connection = self.connection.lock().await;
        let on = On { client: connection.client.clone(), place };
        connection.drive(work(on)).await.map_err(|error| error.into_error(&place))
    }
}

/// Reads what `lua/entry.lua` writes: died:since:attempts:crashes:length: reason payload.
fn letter(task: u64, record: &[u8]) -> Option<RedisDeadLetter> {
    let (died_ms, rest) = number(record)?;
    let (since_ms, rest) = number(rest)?;
    let (attempts, rest) = number(rest)?;
    let (crashes, rest) = number(rest)?;
    let (length, rest) = number(rest)?;
    let (reason, payload) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some(RedisDeadLetter {
        id: TaskId(task),
        attempts: u32::try_from(attempts).ok()?,
        crashes: u32::try_from(crashes).ok()?,
        reason: String::from_utf8_lossy(reason).into_owned(),
        failed_at: UNIX_EPOCH + Duration::from_millis(since_ms),
        died_at: UNIX_EPOCH + Duration::from_millis(died_ms),
        payload: payload.to_vec(),
    })
}

impl core::fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RedisQueue").field("options", &self.options).finish_non_exhaustive()
    }
}
