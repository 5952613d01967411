//! The protocol of a queue: each step is one script, so that a consumer that dies between two of them leaves every task in
//! exactly one place. A script puts what it moves where it goes before it takes it from where it was, so that one that is
//! refused in its middle loses nothing either.
//!
//! | step | how | dies before it | dies after it |
//! |---|---|---|---|
//! | join | registered, heartbeat written | nothing is held yet | reaped, holds nothing |
//! | claim | queue → batch, those that can begin are marked | still queued | in the consumer's hash, reaped |
//! | begin | marked, before the handler runs | given back, uncounted | reaped and counted |
//! | done | a character in the state of the batch; all of it ended: the batch is deleted | delivered again | gone |
//! | retry, dead, release | batch → delayed, dead letters, queue | reaped and counted | settled |
//! | promote | part of the claim: delayed → queue | still delayed | queued |
//! | reap | silent for a lease? batches → queue or dead letters | the next reaper does it | rivals find nothing |
//! | leave | batches → queue, uncounted | reaped | gone |
//!
//! Waiting moves nothing: BLMOVE from one end of the queue to that same end returns when there is something and leaves it
//! there. One idle consumer waits like that, the others for a token, so that a push wakes one or two of them.
//!
//! That is a list. A stream goes the same steps with scripts of its own; what is held is what its group says to be pending
//! (`stream.rs`).

mod messages;
mod reaping;
mod stream;
mod upkeep;

use core::time::Duration;
use std::{string::String, vec::Vec};

use redis::{FromRedisValue, Value};

use self::stream::Stream;
pub(super) use self::{
    messages::{Act, ActOn, BatchState, Beat, Claimed, Message, Nothing, Request, Rest, Silent},
    reaping::GivenBack,
};
use super::{
    connection::On,
    error::{ConnectionError, odd_reply, wrong_type},
    keys::Keys,
    options::{PopSide, RedisOptions},
    script::Scripts,
};

/// The most entries that one script moves: it holds up the server for as long as it runs.
pub(super) const BATCH_MAX: usize = 1_000;
/// The most bytes that one script moves, unless a single entry has more.
pub(super) const BATCH_BYTES_MAX: usize = 1 << 20;
/// A queue as a consumer, or a program that looks after it, sees it.
#[derive(Debug)]
pub(super) struct Protocol {
    pub(super) keys: Keys,
    scripts: Scripts,
    side: PopSide,
    /// Where the queue is a stream: what only a stream has.
    stream: Option<Stream>,
    lease: Duration,
    deliveries_max: u32,
}

/// A consumer's name and the key of what it holds.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    pub(super) name: String,
    held: String,
}

impl Protocol {
    pub(super) fn new(options: &RedisOptions) -> Self {
        Self {
            keys: Keys::new(&options.key, options.group.as_deref()),
            scripts: if options.group.is_some() { Scripts::of_stream() } else { Scripts::of_list() },
            side: options.pop,
            stream: options.group.as_deref().map(Stream::new),
            lease: options.lease,
            deliveries_max: options.deliveries_max.get(),
        }
    }

    pub(super) fn consumer(&self, name: String) -> Consumer {
        Consumer { held: self.keys.held(&name), name }
    }

    pub(super) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// The type that the queue's key has to have.
    pub(super) fn queue_type(&self) -> &'static str {
        if self.is_stream() { "stream" } else { "list" }
    }

    fn group(&self) -> &str {
        self.stream.as_ref().map_or("", |stream| &stream.group)
    }

    fn lease_ms(&self) -> u64 {
        // Added to the server's time, it has to stay exact.
        u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX).min(1 << 47)
    }

    /// Writes the heartbeat, with `joins` also of a consumer that is not registered.
    pub(super) async fn beat(
        &self,
        on: &On<'_>,
        me: &Consumer,
        joins: bool,
        is_idle: bool,
        known: usize,
    ) -> Result<Beat, ConnectionError> {
        let Keys { queue, delayed, beats, holders, sentry, wake, .. } = &self.keys;
        let keys = [queue, &me.held, delayed, beats, holders, sentry, wake].map(String::as_str);
        let reply = self.scripts.beat.run(on, &keys, |command| {
            command.arg(&me.name).arg(self.lease_ms()).arg(u8::from(joins)).arg(u8::from(is_idle));
            command.arg(self.keys.held_prefix()).arg(self.group()).arg(known);
        });
        let odd = || odd_reply("a heartbeat");
        let Value::Array(parts) = reply.await? else { return Err(odd()) };
        let [Value::BulkString(state), rest @ ..] = &parts[..] else { return Err(odd()) };
        if state != b"held" && state != b"lost" {
            return Err(gone(state, "a heartbeat"));
        }
        let [Value::Int(now), Value::Int(held), Value::Int(work), Value::Int(_), earliest, over @ ..] = rest else {
            return Err(odd());
        };
        let text = |value: &Value| String::from_redis_value_ref(value).map_err(|_| odd());
        let over = over.chunks_exact(3).map(|it| {
            let lease = text(&it[2])?.parse().ok().map(Duration::from_millis);
            Ok(Silent { name: text(&it[0])?, deadline: text(&it[1])?, lease })
        });
        Ok(Beat {
            now_ms: now.unsigned_abs(),
            held: usize::try_from(*held).unwrap_or(0),
            has_work: *work == 1,
            earliest_ms: text(earliest)?.parse::<f64>().ok().filter(|at| *at >= 0.0).map(|at| at as u64),
            over: over.collect::<Result<_, ConnectionError>>()?,
            is_lost: state == b"lost",
        })
    }

    pub(super) async fn claim(&self, on: &On<'_>, me: &Consumer, request: Request) -> Result<Claimed, ConnectionError> {
        let Keys { queue, delayed, sentry, wake, bell, .. } = &self.keys;
        let keys = [queue, &me.held, delayed, sentry, wake, bell].map(String::as_str);
        let Request { first, max, startable, is_alone } = request;
        let reply = self.scripts.claim.run(on, &keys, |command| {
            command.arg(&me.name).arg(first).arg(max.min(BATCH_MAX)).arg(BATCH_BYTES_MAX);
            let side = self.stream.as_ref().map_or(self.side.letter(), |stream| &stream.group);
            command.arg(startable.min(BATCH_MAX)).arg(side).arg(u8::from(is_alone)).arg(self.lease_ms());
        });
        let Value::Array(parts) = reply.await? else { return Err(odd_reply("a claim")) };
        match <[Value; 3]>::try_from(parts) {
            // The number is that of the request, or else the reply belongs to another one.
            Ok([Value::BulkString(number), Value::BulkString(packed), Value::BulkString(states)])
                if number == first.to_string().as_bytes() =>
            {
                Ok(Claimed::Batch { packed, states })
            }
            Err(parts) => match &parts[..] {
                [Value::BulkString(state)] => Err(gone(state, "a claim")),
                [Value::Int(0), Value::Int(due_ms), Value::Int(sentry), Value::Int(suspect), seen @ ..] => {
                    if let Some(stream) = &self.stream {
                        stream.saw(seen)?;
                    }
                    Ok(Claimed::None(Nothing {
                        due: u64::try_from(*due_ms).ok().map(Duration::from_millis),
                        is_sentry: *sentry == 1,
                        is_suspect: *suspect == 1,
                    }))
                }
                _ => Err(odd_reply("a claim")),
            },
            Ok(_) => Err(odd_reply("a claim")),
        }
    }

    /// Says how deliveries ended and which begin. `message` has a number of its own, so that no other reply is taken for its.
    pub(super) async fn settle(
        &self,
        on: &On<'_>,
        me: &Consumer,
        message: u32,
        told: &Message,
    ) -> Result<(), ConnectionError> {
        let batches = &told.batches;
        if let Some(stream) = &self.stream {
            return self.settle_stream(on, me, stream, message, told).await;
        }
        let Keys { queue, delayed, dead, dead_times, .. } = &self.keys;
        let keys = [queue, &me.held, delayed, dead, dead_times].map(String::as_str);
        let reply = self.scripts.settle.run(on, &keys, |command| {
            command.arg(self.side.letter()).arg(message);
            for batch in batches {
                command.arg(batch.first).arg(&batch.states).arg(batch.acts.len());
                for on in &batch.acts {
                    command.arg(on.index + 1);
                    on.act.write(command);
                    command.arg(on.start + 1).arg(on.length).arg(on.task);
                    command.arg(on.attempts).arg(on.crashes).arg(on.since);
                }
            }
        });
        is_settled(&reply.await?, message)
    }

    /// Writes batches again after the consumer's hash was lost; with `is_last`, that it is whole again.
    pub(super) async fn restore(
        &self,
        on: &On<'_>,
        me: &Consumer,
        is_last: bool,
        batches: &[(u64, Vec<u8>, Vec<u8>)],
    ) -> Result<(), ConnectionError> {
        let keys = [me.held.as_str()];
        let reply = self.scripts.restore.run(on, &keys, |command| {
            command.arg(u8::from(is_last)).arg(self.lease_ms());
            for (first, packed, states) in batches {
                command.arg(first).arg(packed).arg(states);
            }
        });
        match reply.await? {
            Value::Int(1) => Ok(()),
            Value::BulkString(state) => Err(gone(&state, "a restoration")),
            _ => Err(odd_reply("a restoration")),
        }
    }

    /// The batches that the server says a consumer holds.
    pub(super) async fn batches(&self, on: &On<'_>, me: &Consumer) -> Result<Vec<u64>, ConnectionError> {
        let mut command = redis::cmd("HKEYS");
        command.arg(&me.held);
        let fields = Vec::<Vec<u8>>::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("HKEYS"))?;
        Ok(reaping::batches(fields))
    }

    /// A batch that this consumer holds, and its state.
    pub(super) async fn batch(
        &self,
        on: &On<'_>,
        me: &Consumer,
        first: u64,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>, ConnectionError> {
        let mut command = redis::cmd("HMGET");
        command.arg(&me.held).arg(first).arg(format!("e{first}"));
        let (packed, states): (Option<Vec<u8>>, Option<Vec<u8>>) =
            FromRedisValue::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("HMGET"))?;
        Ok(packed.map(|packed| (packed, states.unwrap_or_default())))
    }

    /// What is left for a run that ends when there is nothing more.
    pub(super) async fn rest(&self, on: &On<'_>, me: &Consumer) -> Result<Rest, ConnectionError> {
        let Keys { queue, delayed, holders, .. } = &self.keys;
        let keys = [queue, delayed, holders].map(String::as_str);
        let reply = self.scripts.rest.run(on, &keys, |command| {
            command.arg(&me.name);
            match &self.stream {
                Some(stream) => command.arg(&stream.group),
                None => command.arg(self.keys.held_prefix()),
            };
        });
        let (queued, delayed, others, mine): (usize, usize, usize, u8) =
            FromRedisValue::from_redis_value(reply.await?).map_err(|_| odd_reply("a count"))?;
        Ok(Rest { has_tasks: queued + delayed > 0, others, is_mine: mine == 1 })
    }

    /// Returns when there is something in the queue, or a token for another idle consumer, or the time is over.
    pub(super) async fn wait(&self, on: &On<'_>, at_queue: bool, time: Duration) -> Result<(), ConnectionError> {
        let mut command;
        if let Some(stream) = self.stream.as_ref().filter(|_| at_queue) {
            command = stream.wait(&self.keys, time);
            return on.send(&command).await.map(drop);
        } else if at_queue {
            let side = self.side.word();
            command = redis::cmd("BLMOVE");
            command.arg(&self.keys.queue).arg(&self.keys.queue).arg(side).arg(side);
        } else {
            command = redis::cmd("BLPOP");
            command.arg(&self.keys.wake);
        }
        command.arg(time.as_secs_f64());
        on.send(&command).await.map(drop)
    }

    /// The error that names the key whose type is not the one that it has to have; `text` is what the server said.
    pub(super) async fn check_types(&self, on: &On<'_>, text: String) -> ConnectionError {
        for (key, wanted) in self.keys.types(self.is_stream()) {
            let mut command = redis::cmd("TYPE");
            command.arg(key);
            match on.send(&command).await {
                Ok(Value::SimpleString(found)) if found == wanted || found == "none" => {}
                Ok(Value::SimpleString(found)) => {
                    return ConnectionError::Fatal(wrong_type(&self.keys.queue, key, &found, wanted));
                }
                Ok(_) => return odd_reply("TYPE"),
                Err(error) => return error,
            }
        }
        // It was mended meanwhile, or it is a consumer's own hash.
        ConnectionError::Passing(text)
    }
}

/// What a script says instead of doing anything.
fn gone(state: &[u8], what: &str) -> ConnectionError {
    match state {
        b"gone" => ConnectionError::Gone,
        b"reaped" => ConnectionError::Reaped,
        b"lost" => ConnectionError::Lost,
        _ => odd_reply(what),
    }
}

/// Reads the reply to a settlement, which has the number of its message.
fn is_settled(reply: &Value, message: u32) -> Result<(), ConnectionError> {
    match reply {
        Value::Int(number) if *number == i64::from(message) => Ok(()),
        Value::BulkString(state) => Err(gone(state, "a settlement")),
        _ => Err(odd_reply("a settlement")),
    }
}
