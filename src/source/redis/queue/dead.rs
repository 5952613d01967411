//! Dead letters. Each record stands for itself: one that cannot be read hides no other.

use core::time::Duration;
use std::{
    string::String,
    time::{SystemTime, UNIX_EPOCH},
    vec::Vec,
};

use redis::{FromRedisValue, Value};

use super::RedisQueue;
use crate::{
    source::redis::{
        connection::On,
        entry::{ALL_FIELDS, canonical, number},
        error::{ConnectionError, RedisError, odd_reply},
        protocol::BATCH_MAX,
    },
    task::TaskId,
};

/// The most bytes of records that are asked for at a time, as far as their number can keep to it.
const RECORDS_MAX: usize = 100;

/// A task that will not be tried again, kept on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisDeadLetter {
    /// The id of the task.
    pub id: TaskId,
    /// The number of attempts; 0 for an entry that was no task at all.
    pub attempts: u32,
    /// The number of attempts that ended with their consumer.
    pub crashes: u32,
    /// The reason of the last failure.
    pub reason: String,
    /// The time of the first failure.
    pub failed_at: SystemTime,
    /// The time of the last failure.
    pub died_at: SystemTime,
    /// The payload byte for byte as it was pushed, whatever it is; of an entry of a stream without a payload, its fields
    /// and their values in turn, as a JSON array.
    pub payload: Vec<u8>,
}

/// Some of the dead letters, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadSelection<'a> {
    /// All that there are by now.
    All,
    /// The dead letters of these tasks; an id that no letter has is passed over.
    Tasks(&'a [TaskId]),
}

impl RedisQueue {
    /// Returns dead letters from the `offset`th on, the oldest first, at most `count` (and 1,000).
    ///
    /// # Errors
    /// When the server failed.
    pub async fn dead(&self, offset: usize, count: usize) -> Result<Vec<RedisDeadLetter>, RedisError> {
        self.with(async |on| {
            self.mend_index(&on).await?;
            let names = self.dead_names(&on, offset, count.min(BATCH_MAX)).await?;
            self.letters(&on, &names).await
        })
        .await
    }

    /// Returns one dead letter.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn dead_letter(&self, id: TaskId) -> Result<Option<RedisDeadLetter>, RedisError> {
        self.with(async |on| Ok(self.letters(&on, &[name(id)]).await?.pop())).await
    }

    /// Puts dead letters back into the queue, behind what is there, as new tasks. Returns how many there were.
    ///
    /// # Errors
    /// When the server failed; a part of them may be back by then.
    pub async fn requeue(&self, which: DeadSelection<'_>) -> Result<usize, RedisError> {
        self.each_dead(which, async |on, names| self.protocol.requeue(&on, &names).await).await
    }

    /// Deletes the selected dead letters and returns their number.
    ///
    /// # Errors
    /// When the server failed; a part of them may be gone by then.
    pub async fn purge(&self, which: DeadSelection<'_>) -> Result<usize, RedisError> {
        self.each_dead(which, async |on, names| self.protocol.purge(&on, &names).await).await
    }

    async fn each_dead<'s>(
        &'s self,
        which: DeadSelection<'_>,
        act: impl AsyncFn(On<'s>, Vec<Vec<u8>>) -> Result<usize, ConnectionError>,
    ) -> Result<usize, RedisError> {
        self.with(async |on| {
            let mut count = 0;
            match which {
                DeadSelection::Tasks(tasks) => {
                    for tasks in tasks.chunks(BATCH_MAX) {
                        count += act(on.clone(), tasks.iter().map(|task| name(*task)).collect()).await?;
                    }
                }
                DeadSelection::All => {
                    self.mend_index(&on).await?;
                    // As many as there are now: what dies meanwhile is not meant. What stays, because it cannot be read, is passed over.
                    let mut left = self.protocol.count(&on, "ZCARD", &self.protocol.keys.dead_times).await?;
                    let mut stays = 0;
                    while left > 0 {
                        let names = self.dead_names(&on, stays, left.min(BATCH_MAX)).await?;
                        if names.is_empty() {
                            break;
                        }
                        let before = self.protocol.count(&on, "ZCARD", &self.protocol.keys.dead_times).await?;
                        let asked = names.len();
                        count += act(on.clone(), names).await?;
                        let after = self.protocol.count(&on, "ZCARD", &self.protocol.keys.dead_times).await?;
                        stays += asked.saturating_sub(before.saturating_sub(after));
                        left -= asked;
                    }
                }
            }
            Ok(count)
        })
        .await
    }

    /// Makes the index of the dead letters again from their records when it was lost.
    async fn mend_index(&self, on: &On<'_>) -> Result<(), ConnectionError> {
        let keys = &self.protocol.keys;
        let records = self.protocol.count(on, "HLEN", &keys.dead).await?;
        if records <= self.protocol.count(on, "ZCARD", &keys.dead_times).await? {
            return Ok(());
        }
        let mut cursor = String::from("0");
        loop {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(&keys.dead).arg(&cursor).arg("COUNT").arg(RECORDS_MAX);
            let (next, pairs): (String, Vec<Vec<u8>>) =
                FromRedisValue::from_redis_value(on.send(&scan).await?).map_err(|_| odd_reply("HSCAN"))?;
            let mut add = redis::cmd("ZADD");
            add.arg(&keys.dead_times).arg("NX");
            for pair in pairs.chunks_exact(2) {
                let died_ms = number(&pair[1], MS_MAX).map_or(0, |(died_ms, _)| died_ms);
                add.arg(died_ms).arg(&pair[0]);
            }
            if !pairs.is_empty() {
                on.send(&add).await?;
            }
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    async fn dead_names(&self, on: &On<'_>, offset: usize, count: usize) -> Result<Vec<Vec<u8>>, ConnectionError> {
        let Some(last) = count.checked_sub(1) else { return Ok(Vec::new()) };
        let mut command = redis::cmd("ZRANGE");
        command.arg(&self.protocol.keys.dead_times).arg(offset).arg(offset.saturating_add(last));
        Vec::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("ZRANGE"))
    }

    async fn letters(&self, on: &On<'_>, names: &[Vec<u8>]) -> Result<Vec<RedisDeadLetter>, ConnectionError> {
        let mut letters = Vec::with_capacity(names.len());
        for names in names.chunks(RECORDS_MAX) {
            let mut command = redis::cmd("HMGET");
            command.arg(&self.protocol.keys.dead).arg(names);
            let reply = on.send(&command).await?;
            let records = match reply {
                Value::Array(records) => records,
                _ => return Err(odd_reply("HMGET")),
            };
            let found = names.iter().zip(records).filter_map(|(name, record)| match record {
                Value::BulkString(record) => Some(letter(name, record)),
                _ => None,
            });
            letters.extend(found);
        }
        Ok(letters)
    }
}

/// The latest time that is read, in ms: beyond it a date is none.
const MS_MAX: u64 = 1 << 47;

/// How a task is called among the dead letters.
fn name(task: TaskId) -> Vec<u8> {
    format!("{}", task.0).into_bytes()
}

/// Reads what `lua/entry.lua` writes. A record that was written by another hand is a letter too, with all of it as the payload.
fn letter(name: &[u8], record: Vec<u8>) -> RedisDeadLetter {
    let id = TaskId(canonical(name).unwrap_or(0));
    match read(&record) {
        Some(letter) if canonical(name).is_some() => RedisDeadLetter { id, ..letter },
        _ => RedisDeadLetter {
            id,
            attempts: 0,
            crashes: 0,
            reason: format!("the record \"{}\" was not written by fourfold", String::from_utf8_lossy(name)),
            failed_at: UNIX_EPOCH,
            died_at: UNIX_EPOCH,
            payload: record,
        },
    }
}

/// died:since:attempts:crashes:length: reason payload.
fn read(record: &[u8]) -> Option<RedisDeadLetter> {
    let (died_ms, rest) = number(record, MS_MAX)?;
    let (since_ms, rest) = number(rest, MS_MAX)?;
    let (attempts, rest) = number(rest, u64::from(u32::MAX))?;
    let (crashes, rest) = number(rest, u64::from(u32::MAX))?;
    let (length, rest) = number(rest, u64::from(u32::MAX))?;
    let (reason, payload) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some(RedisDeadLetter {
        id: TaskId(0),
        attempts: u32::try_from(attempts).ok()?,
        crashes: u32::try_from(crashes).ok()?,
        reason: String::from_utf8_lossy(reason).into_owned(),
        failed_at: UNIX_EPOCH + Duration::from_millis(since_ms),
        died_at: UNIX_EPOCH + Duration::from_millis(died_ms),
        payload: payload.strip_prefix(ALL_FIELDS).unwrap_or(payload).to_vec(),
    })
}
