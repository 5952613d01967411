//! Taking consumers out: those that leave, and those that fell silent.

use std::{string::String, vec::Vec};

use redis::{FromRedisValue, Value};

use super::{BATCH_MAX, Consumer, Keys, Protocol, Silent, gone};
use crate::source::redis::{
    connection::On,
    entry::canonical,
    error::{ConnectionError, odd_reply},
};

/// The most deliveries that one script gives back: each may have to be written anew.
const GIVEN_BACK_MAX: usize = 300;

/// A silent consumer whose deliveries were taken away from it.
#[derive(Debug)]
pub(in super::super) struct Seized {
    /// The server had lost its hash.
    pub(in super::super) is_lost: bool,
    /// Its batches, the latest first.
    pub(in super::super) batches: Vec<u64>,
}

/// What giving back some batches came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct GivenBack {
    /// How many of the batches were looked at.
    pub(in super::super) batches: usize,
    pub(in super::super) back: usize,
    pub(in super::super) buried: usize,
    /// Entries that were deleted from the stream while they were held.
    pub(in super::super) deleted: usize,
}

impl GivenBack {
    pub(in super::super) fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.back += other.back;
        self.buried += other.buried;
        self.deleted += other.deleted;
    }
}

/// The batches among the fields of a consumer's hash, the latest first.
pub(super) fn batches(fields: Vec<Vec<u8>>) -> Vec<u64> {
    let mut batches: Vec<u64> = fields.iter().filter_map(|field| canonical(field)).collect();
    batches.sort_unstable_by(|a, b| b.cmp(a));
    batches
}

impl Protocol {
    /// Takes its deliveries away from a consumer that is still as silent as it was seen; `None` when it is not.
    pub(in super::super) async fn seize(
        &self,
        on: &On<'_>,
        silent: &Silent,
    ) -> Result<Option<Seized>, ConnectionError> {
        let who = self.consumer(silent.name.clone());
        let keys = [who.held.as_str(), &self.keys.beats];
        let reply = self.scripts.seize.run(on, &keys, |command| {
            command.arg(&who.name).arg(&silent.deadline);
        });
        let Value::Array(mut parts) = reply.await? else { return Err(odd_reply("a seizure")) };
        match &parts[..] {
            [Value::Int(0)] => Ok(None),
            [Value::Int(1), Value::Int(lost), ..] => {
                let is_lost = *lost == 1;
                let fields = parts.split_off(2).into_iter().filter_map(|field| match field {
                    Value::BulkString(field) => Some(field),
                    _ => None,
                });
                Ok(Some(Seized { is_lost, batches: batches(fields.collect()) }))
            }
            _ => Err(odd_reply("a seizure")),
        }
    }

    /// Gives back some of these batches, the first ones first. With `is_crash` they are those of a seized consumer. Of a
    /// stream: some of what is pending for the consumer, and no batch is named.
    pub(in super::super) async fn give_back(
        &self,
        on: &On<'_>,
        who: &Consumer,
        is_crash: bool,
        batches: &[u64],
        is_silent_only: bool,
    ) -> Result<GivenBack, ConnectionError> {
        let Keys { queue, dead, dead_times, bell, .. } = &self.keys;
        let keys = [queue, &who.held, dead, dead_times, bell].map(String::as_str);
        let manner = if is_crash { "crash" } else { "release" };
        let reply = self.scripts.give_back.run(on, &keys, |command| {
            command.arg(manner);
            if let Some(stream) = &self.stream {
                command.arg(&who.name).arg(&stream.group).arg(self.deliveries_max).arg(GIVEN_BACK_MAX);
                command.arg(if is_silent_only { self.lease_ms() } else { 0 });
            } else {
                command.arg(self.side.letter()).arg(self.deliveries_max).arg(GIVEN_BACK_MAX);
                command.arg(&batches[..batches.len().min(BATCH_MAX)]);
            }
        });
        let reply = reply.await?;
        if let Value::Array(parts) = &reply
            && let [Value::BulkString(state)] = &parts[..]
        {
            return Err(gone(state, "a farewell"));
        }
        let counts = Vec::<usize>::from_redis_value(reply).map_err(|_| odd_reply("a farewell"))?;
        match counts[..] {
            [batches, back, buried] => Ok(GivenBack { batches, back, buried, deleted: 0 }),
            [batches, back, buried, deleted] => Ok(GivenBack { batches, back, buried, deleted }),
            _ => Err(odd_reply("a farewell")),
        }
    }

    /// Forgets a consumer that holds nothing any more; `false` when it does.
    pub(in super::super) async fn finish(&self, on: &On<'_>, who: &Consumer) -> Result<bool, ConnectionError> {
        let Keys { queue, beats, holders, sentry, wake, bell, .. } = &self.keys;
        let keys = [&who.held, beats, holders, sentry, wake, queue, bell].map(String::as_str);
        let reply = self.scripts.finish.run(on, &keys, |command| {
            command.arg(&who.name).arg(self.group()).arg(self.lease_ms());
        });
        match reply.await? {
            Value::Int(done) => Ok(done == 1),
            _ => Err(odd_reply("a farewell")),
        }
    }

    /// The names of all consumers, with what the server knows of each: whether it lives, and how many deliveries it holds.
    pub(in super::super) async fn consumers(&self, on: &On<'_>) -> Result<Vec<(String, bool, usize)>, ConnectionError> {
        let odd = || odd_reply("the list of consumers");
        let mut all = redis::pipe();
        all.cmd("TIME");
        all.cmd("ZRANGE").arg(&self.keys.beats).arg(0).arg(-1).arg("WITHSCORES");
        all.cmd("SMEMBERS").arg(&self.keys.holders);
        let reply: Value = on.send_all(&all).await?;
        /// What the server's clock says, when the lease of each consumer ends, and who holds deliveries.
        type Reply = ((u64, u64), Vec<(String, f64)>, Vec<String>);
        let ((seconds, micros), beats, holders): Reply = FromRedisValue::from_redis_value(reply).map_err(|_| odd())?;
        let now_ms = (seconds * 1_000 + micros / 1_000) as f64;
        let mut consumers: Vec<(String, bool, usize)> =
            beats.into_iter().map(|(name, deadline)| (name, deadline > now_ms, 0)).collect();
        consumers.sort_unstable();
        for name in holders {
            if let Err(at) = consumers.binary_search_by(|(other, ..)| other.cmp(&name)) {
                consumers.insert(at, (name, false, 0));
            }
        }
        if self.is_stream() {
            return Ok(consumers);
        }
        for some in consumers.chunks_mut(100) {
            let keys: Vec<String> = some.iter().map(|(name, ..)| self.keys.held(name)).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let counts = self.scripts.count.run(on, &keys, |_| {}).await?;
            let counts = Vec::<usize>::from_redis_value(counts).map_err(|_| odd())?;
            for ((.., held), count) in some.iter_mut().zip(counts) {
                *held = count;
            }
        }
        Ok(consumers)
    }
}
