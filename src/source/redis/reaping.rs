//! Bringing back what silent consumers held, and leaving.

use core::future::pending;

use tracing::warn;

use super::{
    RedisSource,
    connection::{Ended, On},
    consumer_state::until,
    error::{ConnectionError, TARGET},
    protocol::{Consumer, GivenBack, Silent},
};

impl RedisSource {
    /// Reaps consumers that the heartbeat has found silent for long enough.
    pub(super) async fn reap_silent(&self, on: &On<'_>) -> Ended {
        let consumer_state = &self.consumer_state;
        loop {
            let silent = until(&consumer_state.work, || consumer_state.next_silent()).await;
            self.reap(on, &silent).await?;
            consumer_state.reaped();
        }
    }

    async fn reap(&self, on: &On<'_>, silent: &Silent) -> Result<(), ConnectionError> {
        let Some(seized) = self.protocol.seize(on, silent).await? else { return Ok(()) };
        let name = &silent.name;
        let who = self.protocol.consumer(name.clone());
        let total = self.give_back(on, &who, true, &seized.batches, seized.is_lost).await?;
        self.protocol.finish(on, &who).await?;
        if total.deleted > 0 {
            warn!(target: TARGET, "{} deliveries of consumer {name} had been deleted from the stream", total.deleted);
        }
        if seized.is_lost && !self.protocol.is_stream() {
            warn!(target: TARGET, "consumer {name} is gone, and the server has lost what it held: the key was deleted or evicted");
        } else if total.back + total.buried > 0 {
            warn!(
                target: TARGET,
                "consumer {name} is gone: {} deliveries back in the queue, {} to the dead letters", total.back, total.buried
            );
        }
        self.consumer_state.look_again();
        Ok(())
    }

    async fn give_back(
        &self,
        on: &On<'_>,
        who: &Consumer,
        is_crash: bool,
        batches: &[u64],
        is_silent_only: bool,
    ) -> Result<GivenBack, ConnectionError> {
        let mut total = GivenBack::default();
        while self.protocol.is_stream() || total.batches < batches.len() {
            let rest = batches.get(total.batches..).unwrap_or_default();
            let some = self.protocol.give_back(on, who, is_crash, rest, is_silent_only).await?;
            if some.batches == 0 {
                break;
            }
            total.add(some);
        }
        Ok(total)
    }

    /// Gives back what is held, when the source is to be closed and nothing is under way any more.
    pub(super) async fn leave(&self, on: &On<'_>, me: &Consumer) -> Ended {
        let consumer_state = &self.consumer_state;
        until(&consumer_state.work, || consumer_state.can_leave()).await;
        consumer_state.is_leaving.set(true);
        loop {
            let batches = self.protocol.batches(on, me).await?;
            self.give_back(on, me, false, &batches, false).await?;
            if self.protocol.finish(on, me).await? {
                break;
            }
        }
        self.is_joined.set(false);
        consumer_state.is_closed.set(true);
        consumer_state.changed.notify();
        pending().await
    }
}
