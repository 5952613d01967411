//! Tasks from Redis lists and streams, against real servers: each test starts its own.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

mod connect;
mod cut;
mod firm;
mod fleet;
mod foreign;
mod lease;
mod look_after;
mod outage;
mod processes;
mod proxy;
mod server;
mod settle;
mod stream;
mod wait;
