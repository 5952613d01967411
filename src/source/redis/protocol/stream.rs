//! What only a stream needs. What a consumer holds is what the stream's group says to be pending for it, so that any
//! client can see it; what is given back is pending for nobody and is claimed before anything new.

use core::{cell::RefCell, time::Duration};
use std::{string::String, vec::Vec};

use redis::{Cmd, FromRedisValue, Value};

use super::{ActOn, Consumer, Keys, Message, Protocol, gone, is_settled};
use crate::source::redis::{
    connection::On,
    entry::StreamId,
    error::{ConnectionError, odd_reply},
    script::StreamScripts,
};

/// The group that reads a stream, and how far it had read.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) group: String,
    scripts: StreamScripts,
    /// The last ids of stream and bell when there was nothing to claim.
    seen: RefCell<(String, String)>,
}

impl Stream {
    pub(super) fn new(group: &str) -> Self {
        let nothing = || String::from("0-0");
        Self { group: group.into(), scripts: StreamScripts::new(), seen: RefCell::new((nothing(), nothing())) }
    }

    pub(super) fn saw(&self, ids: &[Value]) -> Result<(), ConnectionError> {
        let [Value::BulkString(stream), Value::BulkString(bell)] = ids else { return Err(odd_reply("a claim")) };
        let text = |id: &[u8]| String::from_utf8_lossy(id).into_owned();
        self.seen.replace((text(stream), text(bell)));
        Ok(())
    }

    /// Waits for an entry behind those that were seen, and moves nothing.
    pub(super) fn wait(&self, keys: &Keys, time: Duration) -> Cmd {
        let seen = self.seen.borrow();
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(1).arg("BLOCK").arg(u64::try_from(time.as_millis()).unwrap_or(0).max(1));
        command.arg("STREAMS").arg(&keys.queue).arg(&keys.bell).arg(&seen.0).arg(&seen.1);
        command
    }
}

/// What is in a stream.
#[derive(Debug)]
pub(in super::super) struct StreamStats {
    pub(in super::super) waiting: usize,
    pub(in super::super) oldest: Option<Duration>,
    /// How many entries are pending for each consumer.
    pub(in super::super) pending: Vec<(String, usize)>,
}

impl Protocol {
    pub(super) async fn settle_stream(
        &self,
        on: &On<'_>,
        me: &Consumer,
        stream: &Stream,
        message: u32,
        told: &Message,
    ) -> Result<(), ConnectionError> {
        let Keys { queue, delayed, dead, dead_times, bell, .. } = &self.keys;
        let keys = [queue, &me.held, delayed, dead, dead_times, bell].map(String::as_str);
        let acts = || told.batches.iter().flat_map(|batch| &batch.acts);
        let acting = acts().filter_map(|act| Some(act.stream.as_ref()?.0));
        let ids = told.ended.iter().copied().chain(told.beginning.iter().map(|(id, _)| *id)).chain(acting);
        let (least, most) = ids.fold((None, None), |(least, most), id| {
            (
                Some(least.map_or(id, |least: StreamId| least.min(id))),
                Some(most.map_or(id, |most: StreamId| most.max(id))),
            )
        });
        let (Some(least), Some(most)) = (least, most) else { return Ok(()) };
        let reply = self.scripts.settle.run(on, &keys, |command| {
            command.arg(&me.name).arg(&stream.group).arg(message).arg(least.to_string()).arg(most.to_string());
            command.arg(told.beginning.len()).arg(told.ended.len());
            for (id, crashes) in &told.beginning {
                command.arg(id.to_string()).arg(*crashes);
            }
            for id in &told.ended {
                command.arg(id.to_string());
            }
            for act in acts() {
                let Some((id, payload)) = &act.stream else { continue };
                command.arg(id.to_string());
                act.act.write(command);
                command.arg(act.task).arg(act.attempts).arg(act.crashes).arg(act.since).arg(payload);
            }
        });
        is_settled(&reply.await?, message)
    }

    /// The ids of what is pending for a consumer.
    pub(in super::super) async fn pending(&self, on: &On<'_>, me: &Consumer) -> Result<Vec<StreamId>, ConnectionError> {
        let mut all: Vec<StreamId> = Vec::new();
        loop {
            let from = all.last().map_or_else(|| String::from("-"), |last| format!("({last}"));
            let some = self.adopt(on, me, &from, &[]).await?;
            let ids = some.iter().map(|id| match id {
                Value::BulkString(id) => StreamId::parse(id).ok_or_else(|| odd_reply("XPENDING")),
                _ => Err(odd_reply("XPENDING")),
            });
            all.extend(ids.collect::<Result<Vec<_>, _>>()?);
            if some.len() < 1_000 {
                return Ok(all);
            }
        }
    }

    /// Takes up entries that are pending for a consumer which has never heard of them, as a batch.
    pub(in super::super) async fn take_up(
        &self,
        on: &On<'_>,
        me: &Consumer,
        ids: &[StreamId],
    ) -> Result<(Vec<u8>, Vec<u8>), ConnectionError> {
        match <[Value; 2]>::try_from(self.adopt(on, me, "", ids).await?) {
            Ok([Value::BulkString(packed), Value::BulkString(states)]) => Ok((packed, states)),
            _ => Err(odd_reply("an adoption")),
        }
    }

    async fn adopt(
        &self,
        on: &On<'_>,
        me: &Consumer,
        from: &str,
        ids: &[StreamId],
    ) -> Result<Vec<Value>, ConnectionError> {
        let Some(stream) = &self.stream else { return Ok(Vec::new()) };
        let keys = [self.keys.queue.as_str()];
        let reply = stream.scripts.adopt.run(on, &keys, |command| {
            command.arg(&me.name).arg(&stream.group).arg(from);
            for id in ids {
                command.arg(id.to_string());
            }
        });
        let Value::Array(parts) = reply.await? else { return Err(odd_reply("an adoption")) };
        match &parts[..] {
            [Value::BulkString(state)] if state == b"gone" => Err(gone(state, "an adoption")),
            _ => Ok(parts),
        }
    }

    /// Adds tasks again that the server has lost together with the group. Returns how many.
    pub(in super::super) async fn put_back(
        &self,
        on: &On<'_>,
        me: &Consumer,
        entries: &[ActOn],
    ) -> Result<usize, ConnectionError> {
        let Some(stream) = &self.stream else { return Ok(0) };
        let keys = [self.keys.queue.as_str(), &me.held];
        let reply = stream.scripts.put_back.run(on, &keys, |command| {
            command.arg(&stream.group);
            for entry in entries {
                let Some((id, payload)) = &entry.stream else { continue };
                command.arg(id.to_string()).arg(entry.task).arg(entry.attempts).arg(entry.crashes);
                command.arg(entry.since).arg(payload);
            }
        });
        match reply.await? {
            Value::Int(count) => Ok(usize::try_from(count).unwrap_or(0)),
            Value::BulkString(state) => Err(gone(&state, "a restoration")),
            _ => Err(odd_reply("a restoration")),
        }
    }

    pub(in super::super) async fn stream_stats(&self, on: &On<'_>) -> Result<StreamStats, ConnectionError> {
        let odd = || odd_reply("a count");
        let keys = [self.keys.queue.as_str()];
        let reply = self.scripts.count.run(on, &keys, |command| {
            command.arg(self.group());
        });
        let Value::Array(parts) = reply.await? else { return Err(odd()) };
        let [Value::Int(waiting), Value::Int(oldest_ms), pending @ ..] = &parts[..] else { return Err(odd()) };
        let pending = pending.chunks_exact(2).map(|pair| {
            let name = String::from_redis_value_ref(&pair[0]).map_err(|_| odd())?;
            Ok((name, usize::from_redis_value_ref(&pair[1]).map_err(|_| odd())?))
        });
        Ok(StreamStats {
            waiting: usize::try_from(*waiting).unwrap_or(0),
            oldest: u64::try_from(*oldest_ms).ok().map(Duration::from_millis),
            pending: pending.collect::<Result<_, ConnectionError>>()?,
        })
    }
}
