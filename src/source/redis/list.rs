//! The protocol of a list: each step is one script, so that a consumer that dies between two of them leaves every task in
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

mod reaping;
mod upkeep;

use core::time::Duration;
use std::{string::String, vec::Vec};

use redis::{FromRedisValue, Value};

pub(super) use self::reaping::GivenBack;
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
/// The most that is kept of the reason why a task is dead, in bytes.
const REASON_BYTES_MAX: usize = 8 << 10;

/// A queue as a consumer, or a program that looks after it, sees it.
#[derive(Debug)]
pub(super) struct List {
    pub(super) keys: Keys,
    scripts: Scripts,
    side: PopSide,
    lease: Duration,
    deliveries_max: u32,
}

/// A consumer's name and the key of what it holds.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    pub(super) name: String,
    held: String,
}

/// What the server tells with each heartbeat.
#[derive(Debug)]
pub(super) struct Beat {
    /// The server's time.
    pub(super) now_ms: u64,
    /// How many fields the consumer's hash has.
    pub(super) fields: usize,
    /// Whether something is queued or due.
    pub(super) has_work: bool,
    /// When the next deadline of any consumer is over, in the server's time.
    pub(super) earliest_ms: Option<u64>,
    /// Consumers whose deadline is over.
    pub(super) over: Vec<Silent>,
    pub(super) is_lost: bool,
}

/// A consumer that has given no sign of life for its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Silent {
    pub(super) name: String,
    /// Its last deadline, as the server writes it.
    pub(super) deadline: String,
    /// Its lease; `None` when it was reaped or lost its hash.
    pub(super) lease: Option<Duration>,
}

/// A claim. Sent again, because the reply was lost, it gets the same batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The id of the batch's first task.
    pub(super) first: u64,
    pub(super) max: usize,
    /// How many of them can begin at once.
    pub(super) startable: usize,
    /// This consumer holds nothing: it may have what is delivered alone.
    pub(super) is_alone: bool,
}

/// What a claim came to.
#[derive(Debug)]
pub(super) enum Claimed {
    Batch { packed: Vec<u8>, states: Vec<u8> },
    None(Nothing),
}

/// What a claim says that found nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nothing {
    /// When the next delayed task is due; `None` when there are none.
    pub(super) due: Option<Duration>,
    /// This consumer is the one that waits at the queue.
    pub(super) is_sentry: bool,
    /// The next entry is delivered alone, to a consumer that holds nothing.
    pub(super) is_suspect: bool,
}

/// What there is left in a queue, for a consumer that holds nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    /// Tasks that are queued or delayed.
    pub(super) has_tasks: bool,
    /// How many other consumers hold something.
    pub(super) others: usize,
    /// The server sees something with this consumer.
    pub(super) is_mine: bool,
}

/// How a delivery ends, other than done.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Retry {
        after: Duration,
    },
    Dead {
        reason: String,
    },
    /// Dead, and the delivery counts as no attempt.
    Malformed {
        reason: String,
    },
    Release,
}

/// What is said of one batch.
#[derive(Debug)]
pub(super) struct BatchState {
    pub(super) first: u64,
    /// A character for each delivery; empty when all of them have ended.
    pub(super) states: Vec<u8>,
    pub(super) acts: Vec<ActOn>,
}

/// An ending, and what the server needs for it.
#[derive(Debug)]
pub(super) struct ActOn {
    pub(super) index: usize,
    pub(super) act: Act,
    /// Where the payload (or, to release it, the entry) is in the packed batch.
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) task: u64,
    pub(super) attempts: u32,
    pub(super) crashes: u32,
    pub(super) since: u64,
}

impl List {
    pub(super) fn new(options: &RedisOptions) -> Self {
        Self {
            keys: Keys::new(&options.key),
            scripts: Scripts::new(),
            side: options.pop,
            lease: options.lease,
            deliveries_max: options.deliveries_max.get(),
        }
    }

    pub(super) fn consumer(&self, name: String) -> Consumer {
        Consumer { held: self.keys.held(&name), name }
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
    ) -> Result<Beat, ConnectionError> {
        let Keys { queue, delayed, beats, holders, sentry, wake, .. } = &self.keys;
        let keys = [queue, &me.held, delayed, beats, holders, sentry, wake].map(String::as_str);
        let reply = self.scripts.beat.run(on, &keys, |command| {
            command.arg(&me.name).arg(self.lease_ms()).arg(u8::from(joins)).arg(u8::from(is_idle));
            command.arg(self.keys.held_prefix());
        });
        let odd = || odd_reply("a heartbeat");
        let Value::Array(parts) = reply.await? else { return Err(odd()) };
        let [Value::BulkString(state), rest @ ..] = &parts[..] else { return Err(odd()) };
        if state == b"reaped" {
            return Err(ConnectionError::Reaped);
        }
        let [Value::Int(now), Value::Int(fields), Value::Int(work), Value::Int(_), earliest, over @ ..] = rest else {
            return Err(odd());
        };
        let text = |value: &Value| String::from_redis_value_ref(value).map_err(|_| odd());
        let over = over.chunks_exact(3).map(|it| {
            let lease = text(&it[2])?.parse().ok().map(Duration::from_millis);
            Ok(Silent { name: text(&it[0])?, deadline: text(&it[1])?, lease })
        });
        Ok(Beat {
            now_ms: now.unsigned_abs(),
            fields: usize::try_from(*fields).unwrap_or(0),
            has_work: *work == 1,
            earliest_ms: text(earliest)?.parse::<f64>().ok().filter(|at| *at >= 0.0).map(|at| at as u64),
            over: over.collect::<Result<_, ConnectionError>>()?,
            is_lost: state == b"lost",
        })
    }

    pub(super) async fn claim(&self, on: &On<'_>, me: &Consumer, request: Request) -> Result<Claimed, ConnectionError> {
        let Keys { queue, delayed, sentry, wake, .. } = &self.keys;
        let keys = [queue, &me.held, delayed, sentry, wake].map(String::as_str);
        let Request { first, max, startable, is_alone } = request;
        let reply = self.scripts.claim.run(on, &keys, |command| {
            command.arg(&me.name).arg(first).arg(max.min(BATCH_MAX)).arg(BATCH_BYTES_MAX);
            command.arg(startable.min(BATCH_MAX)).arg(self.side.letter()).arg(u8::from(is_alone)).arg(self.lease_ms());
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
                [Value::Int(0), Value::Int(due_ms), Value::Int(sentry), Value::Int(suspect)] => {
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
        batches: &[BatchState],
    ) -> Result<(), ConnectionError> {
        let Keys { queue, delayed, dead, dead_times, .. } = &self.keys;
        let keys = [queue, &me.held, delayed, dead, dead_times].map(String::as_str);
        let reply = self.scripts.settle.run(on, &keys, |command| {
            command.arg(self.side.letter()).arg(message);
            for batch in batches {
                command.arg(batch.first).arg(&batch.states).arg(batch.acts.len());
                for on in &batch.acts {
                    command.arg(on.index + 1);
                    match &on.act {
                        Act::Retry { after } => command.arg("retry").arg(milliseconds_up(*after)).arg(""),
                        Act::Dead { reason } => command.arg("dead").arg(0).arg(shortened(reason)),
                        Act::Malformed { reason } => command.arg("malformed").arg(0).arg(shortened(reason)),
                        Act::Release => command.arg("release").arg(0).arg(""),
                    };
                    command.arg(on.start + 1).arg(on.length).arg(on.task);
                    command.arg(on.attempts).arg(on.crashes).arg(on.since);
                }
            }
        });
        match reply.await? {
            Value::Int(number) if number == i64::from(message) => Ok(()),
            Value::BulkString(state) => Err(gone(&state, "a settlement")),
            _ => Err(odd_reply("a settlement")),
        }
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
            command.arg(&me.name).arg(self.keys.held_prefix());
        });
        let (queued, delayed, others, mine): (usize, usize, usize, u8) =
            FromRedisValue::from_redis_value(reply.await?).map_err(|_| odd_reply("a count"))?;
        Ok(Rest { has_tasks: queued + delayed > 0, others, is_mine: mine == 1 })
    }

    /// Returns when there is something in the queue, or a token for another idle consumer, or the time is over.
    pub(super) async fn wait(&self, on: &On<'_>, at_queue: bool, time: Duration) -> Result<(), ConnectionError> {
        let mut command;
        if at_queue {
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
        for (key, wanted) in self.keys.types() {
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
        b"reaped" => ConnectionError::Reaped,
        b"lost" => ConnectionError::Lost,
        _ => odd_reply(what),
    }
}

/// Never earlier than asked for.
fn milliseconds_up(duration: Duration) -> u64 {
    // Beyond a few thousand years the server's numbers lose their exactness.
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).min(1 << 47)
}

fn shortened(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)]
}
