//! A redis-server of a test's own, and a source on it.

use std::{collections::HashMap, convert::Infallible, future::Future, num::NonZeroUsize, time::Duration};

use fourfold::{
    Source,
    source::{
        ClaimStatus, Claims, Delivery, Json, Settlement, Verdict,
        redis::{RedisError, RedisOptions, RedisQueue, RedisReceipt, RedisSource},
    },
};
use redis::{Commands, Connection, FromRedisValue, Value};
use smol::future::or;
use test_support::RedisServer;

pub(crate) type Held = Delivery<Json, RedisReceipt>;

/// The key of every test's queue.
pub(crate) const KEY: &str = "tasks";

/// The group of every test's stream.
const GROUP: &str = "workers";

/// What a queue is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    List,
    Stream,
}

/// Makes each of these tests one for lists and one for streams.
macro_rules! in_both_modes {
    ($($test:ident)*) => {
        mod list {
            $(#[test] fn $test() { super::$test(crate::server::Mode::List); })*
        }
        mod stream {
            $(#[test] fn $test() { super::$test(crate::server::Mode::Stream); })*
        }
    };
}
pub(crate) use in_both_modes;

impl Mode {
    /// The full name of one of fourfold's own keys.
    pub(crate) fn own(self, part: &str) -> String {
        match self {
            Self::List => format!("{{tasks}}:fourfold:{part}"),
            Self::Stream => format!("{{tasks}}:fourfold:group:{}:{GROUP}:{part}", GROUP.len()),
        }
    }
}

/// A server of a test's own, and a source on it.
pub(crate) struct Server(RedisServer, pub(crate) Mode);

impl Server {
    pub(crate) fn start() -> Self {
        Self::of(Mode::List)
    }

    pub(crate) fn of(mode: Mode) -> Self {
        Self::of_with(mode, &[])
    }

    /// With more arguments of redis-server.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        Self::of_with(Mode::List, arguments)
    }

    pub(crate) fn of_with(mode: Mode, arguments: &[&str]) -> Self {
        Self(RedisServer::with(arguments), mode)
    }

    /// The name of one of fourfold's own keys.
    pub(crate) fn own(&self, part: &str) -> String {
        self.1.own(part)
    }

    pub(crate) fn socket(&self) -> String {
        self.0.socket()
    }

    pub(crate) fn url(&self) -> String {
        self.address(&self.socket())
    }

    /// The queue's address behind a socket.
    pub(crate) fn address(&self, socket: &str) -> String {
        match self.1 {
            Mode::List => format!("redis+unix://{socket}?list={KEY}"),
            Mode::Stream => format!("redis+unix://{socket}?stream={KEY}&group={GROUP}"),
        }
    }

    /// Options with a lease that a test can wait for.
    pub(crate) fn options(&self) -> RedisOptions {
        RedisOptions::from_url(&self.url()).unwrap().lease(Duration::from_secs(3))
    }

    /// A plain client, as a producer or somebody who looks on.
    pub(crate) fn client(&self) -> Connection {
        let client = redis::Client::open(format!("redis+unix://{}", self.socket())).unwrap();
        client.get_connection().unwrap()
    }

    pub(crate) fn source(&self) -> RedisSource {
        self.source_with(self.options())
    }

    pub(crate) fn source_with(&self, options: RedisOptions) -> RedisSource {
        smol::block_on(RedisSource::connect(options)).unwrap()
    }

    pub(crate) fn queue(&self) -> RedisQueue {
        smol::block_on(RedisQueue::connect(self.options())).unwrap()
    }

    /// As a producer does it: what is pushed first is claimed first.
    pub(crate) fn push<T: AsRef<str>>(&self, payloads: &[T]) {
        let payloads: Vec<&[u8]> = payloads.iter().map(|payload| payload.as_ref().as_bytes()).collect();
        self.push_bytes(&payloads);
    }

    pub(crate) fn push_bytes(&self, payloads: &[&[u8]]) {
        let mut client = self.client();
        match self.1 {
            Mode::List => client.lpush::<_, _, ()>(KEY, payloads).unwrap(),
            Mode::Stream => {
                let mut all = redis::pipe();
                for payload in payloads {
                    all.cmd("XADD").arg(KEY).arg("*").arg("task").arg(*payload).ignore();
                }
                all.exec(&mut client).unwrap();
            }
        }
    }

    /// The payloads that wait, the next one last; of a list as they are in it.
    pub(crate) fn queued(&self) -> Vec<Vec<u8>> {
        if self.1 == Mode::List {
            return self.client().lrange(KEY, 0, -1).unwrap();
        }
        let mut client = self.client();
        let mut ask = |words: &[&str]| redis::cmd(words[0]).arg(&words[1..]).query::<Value>(&mut client);
        let Ok(groups) = ask(&["XINFO", "GROUPS", KEY]) else { return Vec::new() };
        let groups = Vec::<HashMap<String, Value>>::from_redis_value(groups).unwrap();
        let Some(group) = groups.first() else {
            return self.stream_entries("-").into_iter().rev().map(|(_, payload)| payload).collect();
        };
        let last = String::from_redis_value_ref(&group["last-delivered-id"]).unwrap();
        let parked = ask(&["XPENDING", KEY, GROUP, "-", "+", "100000", "fourfold:parked"]).unwrap();
        let parked = Vec::<(String, Value, Value, Value)>::from_redis_value(parked).unwrap();
        let all: HashMap<_, _> = self.stream_entries("-").into_iter().collect();
        let mut queued: Vec<_> = parked.iter().map(|(id, ..)| all[id].clone()).collect();
        queued.extend(self.stream_entries(&format!("({last}")).into_iter().map(|(_, payload)| payload));
        queued.reverse();
        queued
    }

    /// The entries of the stream from an id on, with their payloads.
    fn stream_entries(&self, from: &str) -> Vec<(String, Vec<u8>)> {
        type Fields = Vec<(String, Vec<u8>)>;
        let entries: Vec<(String, Fields)> = self.ask(&["XRANGE", KEY, from, "+"]);
        let payload = |fields: Fields| {
            let named = fields.iter().find(|(name, _)| name == "payload").cloned();
            named.unwrap_or_else(|| fields[0].clone()).1
        };
        entries.into_iter().map(|(id, fields)| (id, payload(fields))).collect()
    }

    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.client()).unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        self.0.signal(signal);
    }

    /// As a crash.
    pub(crate) fn kill(&mut self) {
        self.0.kill();
    }

    pub(crate) fn restart(&mut self) {
        self.0.restart();
    }

    /// Makes a consumer silent for as long as the server knows: its deadline is over.
    pub(crate) fn expire(&self, name: &str) {
        assert_eq!(self.ask::<usize>(&["ZADD", &self.own("beats"), "XX", "CH", "1", name]), 1);
    }

    /// What a consumer's hash says of it.
    pub(crate) fn held(&self, name: &str) -> String {
        self.own(&format!("held:{name}"))
    }

    /// How many deliveries a consumer holds.
    pub(crate) fn holds(&self, name: &str) -> usize {
        let consumers = smol::block_on(self.queue().stats()).unwrap().consumers;
        consumers.iter().find(|consumer| consumer.name == name).map_or(0, |consumer| consumer.in_flight)
    }

    /// No task is left but in the queue, where `parts` has it, and in fourfold's own keys that `parts` names: whoever is still
    /// known holds nothing.
    #[track_caller]
    pub(crate) fn assert_tasks(&self, parts: &[&str]) {
        let book = ["beats", "holders", "sentry", "wake", "bell"].map(|part| self.own(part));
        self.assert_left(parts, |key| {
            book.contains(key) || key.contains(":held:") && self.ask::<usize>(&["HLEN", key]) <= 1
        });
    }

    /// Nothing is left but the queue, where `parts` has it, and fourfold's own keys that `parts` names.
    #[track_caller]
    pub(crate) fn assert_keys(&self, parts: &[&str]) {
        // That a consumer was reaped is remembered for a while; it holds nothing then.
        self.assert_left(parts, |key| {
            key.contains(":held:") && self.ask::<Vec<String>>(&["HGETALL", key]) == ["m", "reaped"]
        });
    }

    #[track_caller]
    fn assert_left(&self, parts: &[&str], is_nothing: impl Fn(&String) -> bool) {
        let mut found: Vec<String> = self.ask(&["KEYS", "*"]);
        // A stream and its group stay when they are empty.
        let is_empty_stream = |key: &String| key == KEY && self.1 == Mode::Stream && self.is_empty();
        found.retain(|key| !is_nothing(key) && !is_empty_stream(key));
        found.sort();
        let mut expected: Vec<String> =
            parts.iter().map(|part| if *part == KEY { KEY.into() } else { self.own(part) }).collect();
        expected.sort();
        assert_eq!(found, expected);
    }

    fn is_empty(&self) -> bool {
        self.ask::<usize>(&["XLEN", KEY]) == 0
            && self.ask::<(usize, Value, Value, Value)>(&["XPENDING", KEY, GROUP]).0 == 0
    }
}

/// Runs a test's body beside the source's own work.
pub(crate) fn beside<T>(source: &RedisSource, body: impl Future<Output = T>) -> T {
    let body = async { Ok(body.await) };
    let limit = async {
        smol::Timer::after(Duration::from_secs(60)).await;
        panic!("the test hangs");
    };
    let drive = async { source.drive(&()).await.map(|never: Infallible| match never {}) };
    smol::block_on(or(body, or(drive, limit))).unwrap_or_else(|error: RedisError| panic!("{error}"))
}

/// The deliveries of one claim; `None` when the source is exhausted.
pub(crate) async fn claim(source: &RedisSource, max: usize) -> Option<Vec<Held>> {
    let mut claims = Claims::new();
    let supply = source.claim(NonZeroUsize::new(max).unwrap(), &mut claims, &()).await.unwrap();
    (supply == ClaimStatus::Open).then(|| claims.drain().collect())
}

/// Claims until there are so many, all of which can begin at once.
pub(crate) async fn claim_all(source: &RedisSource, count: usize) -> Vec<Held> {
    claim_startable(source, count, usize::MAX).await
}

/// Claims until there are so many, of which the first `startable` can begin at once.
pub(crate) async fn claim_startable(source: &RedisSource, count: usize, startable: usize) -> Vec<Held> {
    let mut all = Vec::new();
    let mut claims = Claims::new();
    while all.len() < count {
        claims.set_startable(startable.saturating_sub(all.len()));
        let max = NonZeroUsize::new(count - all.len()).unwrap();
        assert_eq!(source.claim(max, &mut claims, &()).await.unwrap(), ClaimStatus::Open, "there is more");
        all.extend(claims.drain());
    }
    all
}

/// Settles all with one verdict; says how many were lost.
pub(crate) async fn settle(source: &RedisSource, held: impl IntoIterator<Item = Held>, verdict: Verdict) -> usize {
    let mut settlements: Vec<_> = held.into_iter().map(|held| Settlement::new(held, verdict.clone())).collect();
    source.settle(&mut settlements, &()).await.unwrap();
    assert!(settlements.iter_mut().all(|settlement| settlement.take().is_none()), "all were taken out");
    settlements.iter().filter(|settlement| settlement.is_lease_lost()).count()
}

/// A verdict that ends a task.
pub(crate) fn dead(reason: &str) -> Verdict {
    Verdict::Dead { reason: reason.into() }
}

pub(crate) fn payloads(held: &[Held]) -> Vec<&str> {
    held.iter().map(|held| held.task.payload.as_str()).collect()
}
