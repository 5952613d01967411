//! What the test suites of several packages share: servers of a test's own, and waiting for what they do.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod redis_fleet;
mod redis_server;

use std::{
    thread,
    time::{Duration, Instant},
};

pub use redis_fleet::{Node, RedisCluster, RedisSentinel};
pub use redis_server::RedisServer;

/// Waits until a condition holds that another process brings about; fails the test after a minute.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited a minute in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
