//! The protocol of a list: each step is one command or one script, so that a consumer that dies between two of them leaves
//! every task in exactly one place.
//!
//! | step | how | dies before it | dies after it |
//! |---|---|---|---|
//! | join | script: registered, heartbeat written | nothing is held yet | reaped, holds nothing |
//! | claim | script: queue → held | still queued | in the consumer's hash, reaped |
//! | done | HDEL from the hash | delivered again | gone |
//! | retry, dead, release | script: held → delayed, dead letters, queue | reaped and counted | settled |
//! | promote | part of the claim: delayed → queue | still delayed | queued |
//! | reap | script: heartbeat gone? held → queue or dead letters | the next reaper does it | rivals find nothing |
//! | leave | the same script: held → queue, uncounted | reaped | gone |
//!
//! Waiting moves nothing: BLMOVE from one end of the queue to that same end returns when there is something and leaves it there.

use core::time::Duration;
use std::{string::String, vec::Vec};

use redis::{FromRedisValue, Value};

use super::{
    error::{ConnectionError, odd_reply},
    keys::Keys,
    options::{PopSide, RedisOptions},
    script::{On, Scripts},
};

/// The most entries that one script moves: it holds up the server for as long as it runs.
pub(super) const BATCH_MAX: usize = 1_000;
/// The most that is kept of the reason why a task is dead, in bytes.
const REASON_BYTES_MAX: usize = 8 << 10;

/// A queue as a consumer, or somebody who looks after it, sees it.
#[derive(Debug)]
pub(super) struct List {
    pub(super) keys: Keys,
    scripts: Scripts,
    side: PopSide,
    lease: Duration,
    deliveries_max: u32,
}

/// A consumer's name and its own keys.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    pub(super) name: String,
    held: String,
    alive: String,
}

/// What a claim came to.
#[derive(Debug)]
pub(super) enum Claimed {
    /// A batch, packed; the numbers of its deliveries run from `first`.
    Some { first: u64, packed: Vec<u8> },
    None {
        /// How many deliveries the server sees with this consumer.
        held: usize,
        /// When the next delayed task is due; `None` when there are none.
        due: Option<Duration>,
    },
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

/// What taking a consumer out gave back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) back: usize,
    pub(super) buried: usize,
    pub(super) is_all: bool,
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
        Consumer { held: self.keys.held(&name), alive: self.keys.alive(&name), name }
    }

    /// Writes the heartbeat, with `join` also of a consumer that is not registered. Returns how many deliveries it holds.
    pub(super) async fn beat(&self, on: &On<'_>, me: &Consumer, join: bool) -> Result<usize, ConnectionError> {
        let keys = [me.alive.as_str(), &self.keys.consumers, &me.held];
        let lease_ms = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX >> 1);
        let reply = self.scripts.beat.run(on, &keys, |command| {
            command.arg(&me.name).arg(lease_ms).arg(u8::from(join));
        });
        match reply.await? {
            Value::Int(-1) => Err(ConnectionError::Reaped),
            reply => usize::from_redis_value(reply).map_err(|_| odd_reply("a heartbeat")),
        }
    }

    pub(super) async fn claim(&self, on: &On<'_>, me: &Consumer, max: usize) -> Result<Claimed, ConnectionError> {
        let Keys { queue, delayed, deliveries, consumers, .. } = &self.keys;
        let keys = [queue, &me.held, delayed, deliveries, consumers].map(String::as_str);
        let reply = self.scripts.claim.run(on, &keys, |command| {
            command.arg(&me.name).arg(max.min(BATCH_MAX)).arg(self.side.letter());
        });
        let Value::Array(parts) = reply.await? else { return Err(odd_reply("a claim")) };
        match <[Value; 2]>::try_from(parts) {
            Ok([Value::Int(first @ 1..), Value::BulkString(packed)]) => {
                Ok(Claimed::Some { first: first.unsigned_abs(), packed })
            }
            Err(parts) => match parts[..] {
                [Value::Int(-1)] => Err(ConnectionError::Reaped),
                [Value::Int(0), Value::Int(held), Value::Int(due_ms)] => Ok(Claimed::None {
                    held: usize::try_from(held).unwrap_or(0),
                    due: u64::try_from(due_ms).ok().map(Duration::from_millis),
                }),
                _ => Err(odd_reply("a claim")),
            },
            Ok(_) => Err(odd_reply("a claim")),
        }
    }

    /// Ends deliveries that are done. Those that are no longer there were ended by an earlier try, or the consumer was reaped.
    pub(super) async fn done(&self, on: &On<'_>, me: &Consumer, deliveries: &[u64]) -> Result<(), ConnectionError> {
        let mut command = redis::cmd("HDEL");
        command.arg(&me.held).arg(deliveries);
        let gone = usize::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("HDEL"))?;
        if gone == deliveries.len() { Ok(()) } else { self.check(on, me).await }
    }

    /// Whether this consumer still is one.
    async fn check(&self, on: &On<'_>, me: &Consumer) -> Result<(), ConnectionError> {
        let mut command = redis::cmd("SISMEMBER");
        command.arg(&self.keys.consumers).arg(&me.name);
        if on.send(&command).await? == Value::Int(1) { Ok(()) } else { Err(ConnectionError::Reaped) }
    }

    /// Ends deliveries with other verdicts.
    pub(super) async fn settle(&self, on: &On<'_>, me: &Consumer, acts: &[(u64, Act)]) -> Result<(), ConnectionError> {
        let Keys { queue, delayed, dead, dead_times, consumers, .. } = &self.keys;
        let keys = [queue, &me.held, delayed, dead, dead_times, consumers].map(String::as_str);
        let reply = self.scripts.settle.run(on, &keys, |command| {
            command.arg(&me.name).arg(self.side.letter());
            for (delivery, act) in acts {
                command.arg(delivery);
                match act {
                    Act::Retry { after } => command.arg("retry").arg(milliseconds_up(*after)).arg(""),
                    Act::Dead { reason } => command.arg("dead").arg(0).arg(shortened(reason)),
                    Act::Malformed { reason } => command.arg("malformed").arg(0).arg(shortened(reason)),
                    Act::Release => command.arg("release").arg(0).arg(""),
                };
            }
        });
        match reply.await? {
            Value::Int(1) => Ok(()),
            Value::Int(0) => Err(ConnectionError::Reaped),
            _ => Err(odd_reply("a settlement")),
        }
    }

    /// What the server says that a consumer holds, in the order it was delivered.
    pub(super) async fn held(&self, on: &On<'_>, me: &Consumer) -> Result<Vec<u64>, ConnectionError> {
        let mut command = redis::cmd("HKEYS");
        command.arg(&me.held);
        let mut held = Vec::<u64>::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("HKEYS"))?;
        held.sort_unstable();
        Ok(held)
    }

    /// The entries of deliveries that this consumer holds; `None` for one that it does not.
    pub(super) async fn entries(
        &self,
        on: &On<'_>,
        me: &Consumer,
        deliveries: &[u64],
    ) -> Result<Vec<Option<Vec<u8>>>, ConnectionError> {
        let mut command = redis::cmd("HMGET");
        command.arg(&me.held).arg(deliveries);
        Vec::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("HMGET"))
    }

    /// Gives back what this consumer holds, a batch at a time, and takes it out.
    pub(super) async fn leave(&self, on: &On<'_>, me: &Consumer) -> Result<Left, ConnectionError> {
        self.take_out(on, me, "release").await
    }

    /// Gives back what a consumer without a heartbeat held.
    pub(super) async fn reap(&self, on: &On<'_>, name: String) -> Result<Left, ConnectionError> {
        self.take_out(on, &self.consumer(name), "crash").await
    }

    async fn take_out(&self, on: &On<'_>, who: &Consumer, manner: &str) -> Result<Left, ConnectionError> {
        let Keys { queue, dead, dead_times, consumers, leaving, .. } = &self.keys;
        let keys = [queue, &who.held, dead, dead_times, consumers, leaving, &who.alive].map(String::as_str);
        let reply = self.scripts.leave.run(on, &keys, |command| {
            command.arg(&who.name).arg(self.side.letter()).arg(manner).arg(BATCH_MAX).arg(self.deliveries_max);
        });
        let (back, buried, left): (usize, usize, i64) =
            FromRedisValue::from_redis_value(reply.await?).map_err(|_| odd_reply("a farewell"))?;
        Ok(Left { back, buried, is_all: left <= 0 })
    }

    /// Everybody who may hold deliveries, and whether they give a sign of life.
    pub(super) async fn consumers(&self, on: &On<'_>) -> Result<Vec<(String, bool)>, ConnectionError> {
        let mut command = redis::cmd("SUNION");
        command.arg(&self.keys.consumers).arg(&self.keys.leaving);
        let mut names = Vec::<String>::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("SUNION"))?;
        names.sort_unstable();
        let mut consumers = Vec::with_capacity(names.len());
        for batch in names.chunks(BATCH_MAX) {
            let mut command = redis::cmd("MGET");
            command.arg(batch.iter().map(|name| self.keys.alive(name)).collect::<Vec<_>>());
            let beats = Vec::<Value>::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("MGET"))?;
            consumers.extend(batch.iter().cloned().zip(beats.iter().map(|beat| *beat != Value::Nil)));
        }
        Ok(consumers)
    }

    /// How many deliveries a consumer holds.
    pub(super) async fn holds(&self, on: &On<'_>, name: &str) -> Result<usize, ConnectionError> {
        self.count(on, "HLEN", &self.keys.held(name)).await
    }

    /// A command that counts what is in a key.
    pub(super) async fn count(&self, on: &On<'_>, command: &str, key: &str) -> Result<usize, ConnectionError> {
        let mut command = redis::cmd(command);
        command.arg(key);
        usize::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("a count"))
    }

    /// Returns when there is something in the queue or the time is over; `true` for something.
    pub(super) async fn wait(&self, on: &On<'_>, time: Duration) -> Result<bool, ConnectionError> {
        let side = self.side.word();
        let mut command = redis::cmd("BLMOVE");
        command.arg(&self.keys.queue).arg(&self.keys.queue).arg(side).arg(side).arg(time.as_secs_f64());
        Ok(on.send(&command).await? != Value::Nil)
    }

    /// Puts payloads at the end that is claimed last, in their order.
    pub(super) async fn push(&self, on: &On<'_>, payloads: &[&[u8]]) -> Result<(), ConnectionError> {
        let mut command = redis::cmd(match self.side.other() {
            PopSide::Left => "LPUSH",
            PopSide::Right => "RPUSH",
        });
        command.arg(&self.keys.queue).arg(payloads);
        on.send(&command).await.map(drop)
    }

    /// Puts dead letters back into the queue. Returns how many there were.
    pub(super) async fn requeue(&self, on: &On<'_>, tasks: &[u64]) -> Result<usize, ConnectionError> {
        let Keys { queue, dead, dead_times, .. } = &self.keys;
        let keys = [queue, dead, dead_times].map(String::as_str);
        let reply = self.scripts.requeue.run(on, &keys, |command| {
            command.arg(self.side.other().letter()).arg(tasks);
        });
        usize::from_redis_value(reply.await?).map_err(|_| odd_reply("a requeue"))
    }

    /// Forgets dead letters. Returns how many there were.
    pub(super) async fn purge(&self, on: &On<'_>, tasks: &[u64]) -> Result<usize, ConnectionError> {
        let mut both = redis::pipe();
        both.atomic();
        both.cmd("HDEL").arg(&self.keys.dead).arg(tasks);
        both.cmd("ZREM").arg(&self.keys.dead_times).arg(tasks).ignore();
        let (gone,): (usize,) = both.query_async(&mut on.client.clone()).await.map_err(|error| on.error(&error))?;
        Ok(gone)
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
