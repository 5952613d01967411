//! What those who look after a queue do with it.

use std::vec::Vec;

use redis::FromRedisValue;

use super::{Keys, PopSide, Protocol};
use crate::source::redis::{
    connection::On,
    error::{ConnectionError, odd_reply},
};

impl Protocol {
    /// Puts payloads at the end that is claimed last, in their order.
    pub(in super::super) async fn push(&self, on: &On<'_>, payloads: &[&[u8]]) -> Result<(), ConnectionError> {
        if self.is_stream() {
            let mut all = redis::pipe();
            for payload in payloads {
                all.cmd("XADD").arg(&self.keys.queue).arg("*").arg("payload").arg(*payload).ignore();
            }
            return on.send_all(&all).await;
        }
        let mut command = redis::cmd(match self.side.other() {
            PopSide::Left => "LPUSH",
            PopSide::Right => "RPUSH",
        });
        command.arg(&self.keys.queue).arg(payloads);
        on.send(&command).await.map(drop)
    }

    /// Puts dead letters back into the queue. Returns how many there were.
    pub(in super::super) async fn requeue(&self, on: &On<'_>, tasks: &[Vec<u8>]) -> Result<usize, ConnectionError> {
        let Keys { queue, dead, dead_times, .. } = &self.keys;
        let keys = [queue, dead, dead_times].map(String::as_str);
        let reply = self.scripts.requeue.run(on, &keys, |command| {
            if !self.is_stream() {
                command.arg(self.side.other().letter());
            }
            command.arg(tasks);
        });
        usize::from_redis_value(reply.await?).map_err(|_| odd_reply("a requeue"))
    }

    /// Forgets dead letters. Returns how many there were.
    pub(in super::super) async fn purge(&self, on: &On<'_>, tasks: &[Vec<u8>]) -> Result<usize, ConnectionError> {
        let mut both = redis::pipe();
        both.atomic();
        both.cmd("HDEL").arg(&self.keys.dead).arg(tasks);
        both.cmd("ZREM").arg(&self.keys.dead_times).arg(tasks).ignore();
        let (gone,): (usize,) = on.send_all(&both).await?;
        Ok(gone)
    }

    /// A command that counts what is in a key.
    pub(in super::super) async fn count(
        &self,
        on: &On<'_>,
        command: &str,
        key: &str,
    ) -> Result<usize, ConnectionError> {
        let mut command = redis::cmd(command);
        command.arg(key);
        usize::from_redis_value(on.send(&command).await?).map_err(|_| odd_reply("a count"))
    }
}
