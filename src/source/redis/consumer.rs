//! The work on a connection: claims, settlements, heartbeat, reaping and waiting, side by side until the connection ends.

use core::{convert::Infallible, future::pending, time::Duration};
use std::time::Instant;

use smol::{
    Timer,
    future::{FutureExt, or},
};
use tracing::{debug, info, warn};

use super::{
    RedisSource,
    connection::{Connection, Ended, On},
    consumer_state::{Telling, until},
    error::{ConnectionError, Kind, RedisError, TARGET},
    outage::{Evidence, Outage, random_part},
    protocol::{Beat, Claimed, Consumer},
    route,
};

/// A consumer that was silent for longer cannot know whether the server still remembers that it was reaped.
const FORGOTTEN: Duration = Duration::from_secs(1_800);

impl RedisSource {
    /// Works until the server cannot be had any more.
    pub(super) async fn work(&self) -> Result<Infallible, RedisError> {
        self.consumer_state.reopen();
        let mut connection = self.connection.take();
        let mut outage: Option<Outage> = None;
        loop {
            let error = match connection.take() {
                Some(open) => self.sessions(open, &mut outage).await,
                None => match route::open(&self.options).await {
                    Ok(open) => self.sessions(open, &mut outage).await,
                    Err(error) => {
                        // A source that holds nothing does not wait for the server to say goodbye to it.
                        self.consumer_state.is_away.set(true);
                        self.consumer_state.changed.notify();
                        error
                    }
                },
            };
            let (ConnectionError::Connection(_) | ConnectionError::Passing(_)) = &error else {
                return self.give_up(error.into_error(&self.options.place()));
            };
            let (address, reason, reconnect) = (&self.options.address, error.reason(), self.options.reconnect);
            if !outage.is_some_and(|outage| outage.goes_on()) {
                warn!(target: TARGET, "lost {address}: {reason}; trying again for {reconnect:?}");
                outage = Some(Outage::new());
            }
            debug!(target: TARGET, "{address}: {reason}");
            let Some(pause) = outage.as_mut().and_then(|outage| outage.pause(reconnect)) else {
                let (kind, state) = match error {
                    ConnectionError::Passing(_) => (Kind::NotReady, "could not be used"),
                    _ => (Kind::Unreachable, "has been gone"),
                };
                let message =
                    format!("{address} {state} for {reconnect:?}: {reason} (wait longer with a longer --reconnect)");
                return self.give_up(RedisError::new(kind, message));
            };
            Timer::after(pause).await;
        }
    }

    fn give_up(&self, error: RedisError) -> Result<Infallible, RedisError> {
        self.consumer_state.fail(&error);
        Err(error)
    }

    /// Works with two connections: heartbeats never queue behind payloads. A lost lease ends a session, not the connections.
    async fn sessions(&self, mut control: Connection, outage: &mut Option<Outage>) -> ConnectionError {
        let place = self.options.place();
        let limit = self.options.silence();
        let on = control.on(place);
        let work = async {
            let mut data = route::open(&self.options).await?;
            let data_on = data.on(place);
            let work = async {
                loop {
                    match self.session(&on, &data_on, outage).boxed_local().await {
                        Err(ConnectionError::Reaped) => self.begin_again(),
                        Err(ConnectionError::Lost) if self.consumer_state.over_for() > FORGOTTEN => self.begin_again(),
                        Err(ConnectionError::Lost) => self.restore(&data_on).await?,
                        Err(ConnectionError::Gone) => {
                            self.put_back(&data_on).await?;
                            self.begin_again();
                        }
                        Err(ConnectionError::WrongType(text)) => {
                            return Err(self.protocol.check_types(&data_on, text).await);
                        }
                        ended => return ended,
                    }
                }
            };
            data.drive(limit, work).await
        };
        match control.drive(limit, work).await {
            Err(error) => error,
            Ok(never) => match never {},
        }
    }

    async fn session(&self, control: &On<'_>, data: &On<'_>, outage: &mut Option<Outage>) -> Ended {
        let consumer_state = &self.consumer_state;
        consumer_state.restart();
        let me = self.me();
        let mut evidence = Evidence::new();
        if !consumer_state.is_leaving.get() {
            // The first heartbeat, before the first claim; later, what the server holds and this side does not know.
            let joins = !self.is_joined.get();
            self.beat_once(control, &me, joins, &mut evidence).await?;
            self.is_joined.set(true);
            if !joins {
                self.adopt(data, &me).await?;
            }
        }
        consumer_state.is_away.set(false);
        if let Some(outage) = outage.as_mut() {
            let (address, gone) = (&self.options.address, outage.since.elapsed());
            // As loud as the loss: who reads the one waits for the other.
            warn!(target: TARGET, "{address} is back after {gone:.1?}");
            outage.is_back();
        }
        self.side_by_side(control, data, &me, evidence).await
    }

    /// The lease ended: what was held under the old name is not ours any more.
    fn begin_again(&self) {
        self.is_joined.set(false);
        let lost = self.consumer_state.mark_lease_lost();
        self.me.replace(self.next_consumer());
        warn!(target: TARGET, "the lease ended, {lost} deliveries are lost to other consumers");
    }

    /// The server lost what this consumer holds, not because it was reaped: it is told again.
    async fn restore(&self, on: &On<'_>) -> Result<(), ConnectionError> {
        let me = self.me();
        if self.protocol.is_stream() {
            // What is held is in the group: the hash says only whose it is.
            return self.protocol.restore(on, &me, true, &[]).await;
        }
        let (count, chunks) = self.consumer_state.restoration();
        let last = chunks.len().saturating_sub(1);
        if chunks.is_empty() {
            self.protocol.restore(on, &me, true, &[]).await?;
        }
        for (at, chunk) in chunks.iter().enumerate() {
            self.protocol.restore(on, &me, at == last, chunk).await?;
        }
        warn!(
            target: TARGET,
            "the server lost the key with what this consumer holds (deleted, evicted, or restored from a backup): \
             {count} deliveries are written again"
        );
        Ok(())
    }

    /// The server lost the stream, or its group: what is held is added again, unless it is still there.
    async fn put_back(&self, on: &On<'_>) -> Result<(), ConnectionError> {
        let (me, held) = (self.me(), self.consumer_state.held_entries());
        let mut count = 0;
        for some in held.chunks(100) {
            match self.protocol.put_back(on, &me, some).await {
                Err(ConnectionError::Reaped) => break,
                added => count += added?,
            }
        }
        warn!(
            target: TARGET,
            "the server lost the group of \"{}\" (destroyed, or deleted or evicted with the stream): {count} deliveries \
             are added again, {} are still in the stream",
            self.options.key,
            held.len() - count
        );
        Ok(())
    }

    async fn side_by_side(&self, control: &On<'_>, data: &On<'_>, me: &Consumer, evidence: Evidence) -> Ended {
        // Settlements first: what they end makes room for what the claims behind them bring.
        // Each in a box of its own, or they would be one future of many kilobytes, moved by each step that combines two.
        let claims = || self.claim_shares(data, me).boxed_local();
        let settle = self.settle_jobs(data, me).boxed_local();
        let traffic = or(settle, or(or(claims(), claims()), or(claims(), claims())));
        let upkeep = or(self.beat(control, me, evidence).boxed_local(), self.reap_silent(control).boxed_local());
        let checks = or(self.audit(data, me).boxed_local(), self.look_at_rest(data, me).boxed_local());
        let ends = or(self.wait().boxed_local(), self.leave(data, me).boxed_local());
        or(or(traffic, upkeep), or(checks, ends)).await
    }

    async fn claim_shares(&self, on: &On<'_>, me: &Consumer) -> Ended {
        let consumer_state = &self.consumer_state;
        loop {
            let request = until(&consumer_state.work, || consumer_state.next_request()).await;
            let claimed = self.protocol.claim(on, me, request).await?;
            consumer_state.answered(request);
            match claimed {
                Claimed::Batch { packed, states } => {
                    consumer_state.accept(&self.options, request.first, packed, &states)?;
                }
                Claimed::None(nothing) => consumer_state.found_none(self.options.follow, nothing, self.period()),
            }
            if consumer_state.is_closing.get() {
                consumer_state.work.notify();
            }
        }
    }

    async fn settle_jobs(&self, on: &On<'_>, me: &Consumer) -> Ended {
        let consumer_state = &self.consumer_state;
        let mut number = 0_u32;
        loop {
            let telling = until(&consumer_state.work, || consumer_state.next_telling()).await;
            let (mut done, mut acts) = match &telling {
                Telling::Ended(job) => (&job.done[..], &job.acts[..]),
                Telling::Begun => (&[][..], &[][..]),
            };
            loop {
                let (message, begun) = consumer_state.message(&mut done, &mut acts);
                number = number.wrapping_add(1);
                if !message.batches.is_empty() {
                    self.protocol.settle(on, me, number, &message).await?;
                }
                consumer_state.told(&message, &begun);
                if done.is_empty() && acts.is_empty() {
                    break;
                }
            }
            if let Telling::Ended(job) = &telling {
                consumer_state.finish(job);
            }
        }
    }

    async fn beat(&self, on: &On<'_>, me: &Consumer, mut evidence: Evidence) -> Ended {
        let mut next = Instant::now() + self.period();
        loop {
            Timer::at(next).await;
            if self.consumer_state.is_leaving.get() {
                return pending().await;
            }
            next = self.beat_once(on, me, false, &mut evidence).await?;
        }
    }

    /// Says that this consumer lives, and learns how the queue and the others are. Returns when to do it again.
    async fn beat_once(
        &self,
        on: &On<'_>,
        me: &Consumer,
        joins: bool,
        evidence: &mut Evidence,
    ) -> Result<Instant, ConnectionError> {
        let consumer_state = &self.consumer_state;
        let is_idle = consumer_state.waits_until().is_some() && !consumer_state.is_sentry.get();
        let sent = Instant::now();
        let beat = self.protocol.beat(on, me, joins, is_idle, consumer_state.known()).await?;
        consumer_state.heard(sent, self.options.lease);
        evidence.heard(sent, beat.now_ms, self.period());
        if beat.is_lost {
            return Err(ConnectionError::Lost);
        }
        consumer_state.compare(beat.held);
        if beat.has_work && !joins {
            consumer_state.look_again();
        }
        Ok(self.look_for_silent(beat, sent, evidence))
    }

    /// Says when to look again: for the next heartbeat, or when the next consumer would be overdue.
    fn look_for_silent(&self, beat: Beat, sent: Instant, evidence: &Evidence) -> Instant {
        let now = Instant::now();
        let mut next = sent + self.period();
        let jitter = self.period().min(Duration::from_millis(250)).mul_f64(random_part());
        let is_full = beat.over.len() >= 16;
        if let Some(earliest) = beat.earliest_ms.filter(|_| beat.over.is_empty()) {
            next = next.min(now + Duration::from_millis(earliest.saturating_sub(beat.now_ms)) + jitter);
        }
        let mut found = beat.over;
        found.retain(|silent| {
            // One that was reaped before, or lost its hash, gets the time that this consumer would.
            let enough = evidence.enough_at(silent.lease.unwrap_or(self.options.lease));
            if enough > now {
                next = next.min(enough + jitter);
            }
            enough <= now
        });
        if !found.is_empty() {
            self.consumer_state.add_silent(found);
            if is_full {
                next = next.min(now + Duration::from_millis(100));
            }
        }
        next.max(now + Duration::from_millis(5))
    }

    async fn audit(&self, on: &On<'_>, me: &Consumer) -> Ended {
        loop {
            until(&self.consumer_state.work, || self.consumer_state.audit()).await;
            self.adopt(on, me).await?;
            self.consumer_state.audited();
        }
    }

    /// Takes up what the server holds for this consumer though it never heard of it: the reply to a claim was lost.
    async fn adopt(&self, on: &On<'_>, me: &Consumer) -> Result<(), ConnectionError> {
        if self.protocol.is_stream() {
            return self.adopt_pending(on, me).await;
        }
        let mut batches = self.protocol.batches(on, me).await?;
        batches.retain(|first| self.consumer_state.is_unknown(*first));
        for first in batches.into_iter().rev() {
            let Some((packed, states)) = self.protocol.batch(on, me, first).await? else { continue };
            if self.consumer_state.is_unknown(first) {
                let count = self.consumer_state.accept(&self.options, first, packed, &states)?;
                info!(target: TARGET, "took up {count} deliveries whose claim was never answered");
            }
        }
        Ok(())
    }

    async fn adopt_pending(&self, on: &On<'_>, me: &Consumer) -> Result<(), ConnectionError> {
        let mut ids = self.protocol.pending(on, me).await?;
        let mut first = self.consumer_state.unknown(&mut ids);
        for ids in ids.chunks(100) {
            let (packed, states) = self.protocol.take_up(on, me, ids).await?;
            let count = self.consumer_state.accept(&self.options, first, packed, &states)?;
            info!(target: TARGET, "took up {count} deliveries whose claim was never answered");
            first += ids.len() as u64;
        }
        Ok(())
    }

    /// Heartbeats come, and empty queues are looked at again, this often.
    pub(super) fn period(&self) -> Duration {
        self.options.lease / 3
    }
}
