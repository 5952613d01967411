//! A redis-server of a test's own, and a source on it.

use std::{convert::Infallible, future::Future, num::NonZeroUsize, time::Duration};

use fourfold::{
    Source,
    source::{
        ClaimStatus, Claims, Delivery, Json, Settlement, Verdict,
        redis::{RedisError, RedisOptions, RedisQueue, RedisReceipt, RedisSource},
    },
};
use redis::{Commands, Connection, FromRedisValue};
use smol::future::or;
use test_support::RedisServer;

pub(crate) type Held = Delivery<Json, RedisReceipt>;

/// The key of every test's queue.
pub(crate) const KEY: &str = "tasks";

/// A server of a test's own, and a source on it.
pub(crate) struct Server(RedisServer);

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With more arguments of redis-server.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        Self(RedisServer::with(arguments))
    }

    pub(crate) fn socket(&self) -> String {
        self.0.socket()
    }

    pub(crate) fn url(&self) -> String {
        self.0.url(KEY)
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

    /// As LPUSH does it: what is pushed first is claimed first.
    pub(crate) fn push<T: AsRef<str>>(&self, payloads: &[T]) {
        let payloads: Vec<&str> = payloads.iter().map(AsRef::as_ref).collect();
        let _: usize = self.client().lpush(KEY, payloads).unwrap();
    }

    /// The queue's entries, the next one last.
    pub(crate) fn queued(&self) -> Vec<Vec<u8>> {
        self.client().lrange(KEY, 0, -1).unwrap()
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
        assert_eq!(self.ask::<usize>(&["ZADD", "{tasks}:fourfold:beats", "XX", "CH", "1", name]), 1);
    }

    /// What a consumer's hash says of it.
    pub(crate) fn held(name: &str) -> String {
        format!("{{tasks}}:fourfold:held:{name}")
    }

    /// How many deliveries a consumer holds.
    pub(crate) fn holds(&self, name: &str) -> usize {
        let consumers = smol::block_on(self.queue().stats()).unwrap().consumers;
        consumers.iter().find(|consumer| consumer.name == name).map_or(0, |consumer| consumer.in_flight)
    }

    /// No task is left but in what `keys` says: whoever is still known holds nothing.
    #[track_caller]
    pub(crate) fn assert_tasks(&self, keys: &[&str]) {
        let mut found: Vec<String> = self.ask(&["KEYS", "*"]);
        let book = ["beats", "holders", "sentry", "wake"].map(|part| format!("{{tasks}}:fourfold:{part}"));
        found.retain(|key| !book.contains(key) && (!key.contains(":held:") || self.ask::<usize>(&["HLEN", key]) > 1));
        found.sort();
        assert_eq!(found, keys);
    }

    /// Nothing is left but what `keys` says.
    #[track_caller]
    pub(crate) fn assert_keys(&self, keys: &[&str]) {
        let mut found: Vec<String> = self.ask(&["KEYS", "*"]);
        // That a consumer was reaped is remembered for a while; it holds nothing then.
        found.retain(|key| !key.contains(":held:") || self.ask::<Vec<String>>(&["HGETALL", key]) != ["m", "reaped"]);
        found.sort();
        assert_eq!(found, keys);
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

pub(crate) fn payloads(held: &[Held]) -> Vec<&str> {
    held.iter().map(|held| held.task.payload.as_str()).collect()
}
