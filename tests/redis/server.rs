//! A redis-server of a test's own, and a source on it.

use std::{
    convert::Infallible,
    future::Future,
    num::NonZeroUsize,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use fourfold::{
    Source,
    source::{
        ClaimStatus, Claims, Delivery, Json, Settlement, Verdict,
        redis::{RedisError, RedisOptions, RedisQueue, RedisReceipt, RedisSource},
    },
};
use redis::{Commands, Connection, FromRedisValue};
use smol::future::or;

pub(crate) type Held = Delivery<Json, RedisReceipt>;

/// The key of every test's queue.
pub(crate) const KEY: &str = "tasks";

/// A server on a socket in a directory of its own; both are gone when it is dropped.
pub(crate) struct Server {
    dir: PathBuf,
    arguments: Vec<String>,
    child: Child,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With more arguments of redis-server.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("fourfold-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).unwrap();
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let child = Self::spawn(&dir, &arguments);
        let server = Self { dir, arguments, child };
        server.wait_until_up();
        server
    }

    fn spawn(dir: &PathBuf, arguments: &[String]) -> Child {
        Command::new("redis-server")
            .args(["--port", "0", "--unixsocket", "socket", "--save", "", "--loglevel", "warning", "--dir"])
            .arg(dir)
            .args(arguments)
            .current_dir(dir)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed (cargo xtask setup)")
    }

    fn wait_until_up(&self) {
        let start = Instant::now();
        while let Err(error) = self.try_connect() {
            // A server that wants a password is up.
            if error.to_string().contains("NOAUTH") || error.kind() == redis::ErrorKind::AuthenticationFailed {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "redis-server does not come up: {error}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn try_connect(&self) -> redis::RedisResult<Connection> {
        let client = redis::Client::open(format!("redis+unix://{}", self.socket()))?;
        let mut connection = client.get_connection()?;
        redis::cmd("PING").query::<String>(&mut connection)?;
        Ok(connection)
    }

    pub(crate) fn socket(&self) -> String {
        self.dir.join("socket").display().to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}?list={KEY}", self.socket())
    }

    /// Options with a lease that a test can wait for.
    pub(crate) fn options(&self) -> RedisOptions {
        RedisOptions::from_url(&self.url()).unwrap().lease(Duration::from_secs(3))
    }

    /// A plain client, as a producer or somebody who looks on.
    pub(crate) fn client(&self) -> Connection {
        self.try_connect().unwrap()
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
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// As a crash.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.child = Self::spawn(&self.dir, &self.arguments);
        self.wait_until_up();
    }

    /// Nothing is left but what `keys` says.
    #[track_caller]
    pub(crate) fn assert_keys(&self, keys: &[&str]) {
        let mut found: Vec<String> = self.ask(&["KEYS", "*"]);
        found.retain(|key| key != "{tasks}:fourfold:deliveries");
        found.sort();
        assert_eq!(found, keys);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Runs a test's body beside the source's own work.
pub(crate) fn beside<T>(source: &RedisSource, body: impl Future<Output = T>) -> T {
    let body = async { Ok(body.await) };
    let limit = async {
        smol::Timer::after(Duration::from_secs(60)).await;
        panic!("the test hangs");
    };
    let drive = async { source.drive().await.map(|never: Infallible| match never {}) };
    smol::block_on(or(body, or(drive, limit))).unwrap_or_else(|error: RedisError| panic!("{error}"))
}

/// The deliveries of one claim; `None` when the source is exhausted.
pub(crate) async fn claim(source: &RedisSource, max: usize) -> Option<Vec<Held>> {
    let mut claims = Claims::new();
    let supply = source.claim(NonZeroUsize::new(max).unwrap(), &mut claims).await.unwrap();
    (supply == ClaimStatus::Open).then(|| claims.drain().collect())
}

/// Claims until there are so many.
pub(crate) async fn claim_all(source: &RedisSource, count: usize) -> Vec<Held> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(claim(source, count - all.len()).await.expect("there is more"));
    }
    all
}

/// Settles all with one verdict; says how many were lost.
pub(crate) async fn settle(source: &RedisSource, held: impl IntoIterator<Item = Held>, verdict: Verdict) -> usize {
    let mut settlements: Vec<_> = held.into_iter().map(|held| Settlement::new(held, verdict.clone())).collect();
    source.settle(&mut settlements).await.unwrap();
    assert!(settlements.iter_mut().all(|settlement| settlement.take().is_none()), "all were taken out");
    settlements.iter().filter(|settlement| settlement.is_lease_lost()).count()
}

pub(crate) fn payloads(held: &[Held]) -> Vec<&str> {
    held.iter().map(|held| held.task.payload.as_str()).collect()
}
