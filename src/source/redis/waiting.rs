//! Waiting for tasks: at the queue, for a token, or for what others hold.

use core::time::Duration;
use std::{boxed::Box, time::Instant};

use smol::{Timer, future::or};
use tracing::debug;

use super::{
    RedisSource,
    connection::{Ended, On},
    consumer_state::until,
    error::{ConnectionError, TARGET},
    protocol::Consumer,
    route,
};

/// How long an idle consumer waits before it asks again.
const WAIT: Duration = Duration::from_secs(30);
impl RedisSource {
    pub(super) async fn look_at_rest(&self, on: &On<'_>, me: &Consumer) -> Ended {
        loop {
            until(&self.consumer_state.work, || self.consumer_state.wants_rest()).await;
            let rest = self.protocol.rest(on, me).await?;
            self.consumer_state.learn_rest(rest, self.options.no_wait);
        }
    }

    /// Waits on a connection of its own when the queue was found empty: at the queue itself, or for a token.
    pub(super) async fn wait(&self) -> Ended {
        let consumer_state = &self.consumer_state;
        loop {
            until(&consumer_state.work, || consumer_state.waits_until()).await;
            let mut connection = route::open(&self.options).await?;
            let on = connection.on(self.options.place());
            let at_queue = consumer_state.is_sentry.get();
            match connection.drive(WAIT + self.options.silence(), self.wait_on(&on, at_queue)).await {
                // Whatever keeps the server from waiting need not keep it from the rest; a full one refuses BLMOVE.
                Err(ConnectionError::Passing(reason)) => {
                    debug!(target: TARGET, "{}: the server does not wait: {reason}", self.options.address);
                    Timer::after(self.period()).await;
                    consumer_state.look_again();
                }
                ended => ended?,
            }
        }
    }

    /// Ends when it is to wait for something else: then this connection is of no use, the server answers it too late.
    async fn wait_on(&self, on: &On<'_>, at_queue: bool) -> Result<(), ConnectionError> {
        let consumer_state = &self.consumer_state;
        // A wait goes on when its claim does not need it any more: the server answers the next one behind it only.
        let mut under_way = None;
        loop {
            let time = until(&consumer_state.work, || consumer_state.waits_until()).await;
            if consumer_state.is_sentry.get() != at_queue {
                return Ok(());
            }
            let arrival = under_way.get_or_insert_with(|| Box::pin(self.protocol.wait(on, at_queue, WAIT)));
            let no_longer = until(&consumer_state.work, || {
                let waits = consumer_state.waits_until();
                (waits.is_none() || consumer_state.is_sentry.get() != at_queue).then_some(())
            });
            let arrived = or(async { Some(arrival.await) }, async {
                or(at(time), no_longer).await;
                None
            });
            if let Some(arrived) = arrived.await {
                under_way = None;
                arrived?;
            }
            if consumer_state.waits_until().is_some() {
                consumer_state.look_again();
            }
        }
    }
}

async fn at(time: Instant) {
    Timer::at(time).await;
}
