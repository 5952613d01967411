//! The work on a connection: claims, settlements, heartbeat, reaping and waiting, side by side until the connection ends.

use core::{convert::Infallible, future::pending, time::Duration};
use std::{
    hash::{BuildHasher, Hasher, RandomState},
    string::String,
    time::Instant,
};

use smol::{
    Timer,
    future::{or, try_zip},
};
use tracing::{debug, info, warn};

use super::{
    RedisSource,
    connection::{Connection, Ended, Pulse, ended},
    consumer_state::until,
    error::{ConnectionError, Kind, RedisError},
    list::{BATCH_MAX, Claimed, Consumer},
    script::On,
};

const TARGET: &str = "fourfold::redis";
/// The most settlements other than done that one script ends.
const ACTS_MAX: usize = 250;
/// The shortest silence that means that the server is gone.
const SILENCE_MIN: Duration = Duration::from_secs(1);
/// A connection that ends sooner than this is part of the same outage.
const CALM: Duration = Duration::from_secs(2);
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The time during which the server is gone.
#[derive(Clone, Copy, Debug)]
struct Outage {
    since: Instant,
    tries: u32,
}

impl Outage {
    /// How long to wait before the next try: longer each time, and not the same for everybody.
    fn pause(&mut self, reconnect: Duration) -> Option<Duration> {
        let left = reconnect.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero())?;
        let ceiling = PAUSE_MIN.saturating_mul(1 << self.tries.min(10)).min(PAUSE_MAX);
        self.tries += 1;
        Some((ceiling / 2 + ceiling.mul_f64(random_part() / 2.0)).min(left))
    }
}

/// A random number from 0 up to 1.
fn random_part() -> f64 {
    (random() >> 11) as f64 / (1_u64 << 53) as f64
}

pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl RedisSource {
    /// Works until the server cannot be had any more.
    pub(super) async fn work(&self) -> Result<Infallible, RedisError> {
        self.consumer_state.reopen();
        let mut connection = self.connection.take();
        let mut outage = None;
        let mut over: Option<(Outage, Instant)> = None;
        loop {
            let error = match connection.take() {
                Some(open) => self.sessions(open, &mut outage, &mut over).await,
                None => match Connection::open(&self.options).await {
                    Ok(open) => {
                        connection = Some(open);
                        continue;
                    }
                    Err(error) => error,
                },
            };
            let ConnectionError::Connection(reason) = error else {
                return self.give_up(error.into_error(&self.options.place()));
            };
            let address = &self.options.address;
            let current = outage.get_or_insert_with(|| match over.take().filter(|(_, back)| back.elapsed() < CALM) {
                Some((outage, _)) => outage,
                None => {
                    let reconnect = self.options.reconnect;
                    warn!(target: TARGET, "lost {address}: {reason}; trying again for {reconnect:?}");
                    Outage { since: Instant::now(), tries: 0 }
                }
            });
            debug!(target: TARGET, "{address}: {reason}");
            let Some(pause) = current.pause(self.options.reconnect) else {
                let gone = self.options.reconnect;
                let message =
                    format!("{address} has been gone for {gone:?}: {reason} (wait longer with a longer --reconnect)");
                return self.give_up(RedisError::new(Kind::Unreachable, message));
            };
            Timer::after(pause).await;
        }
    }

    fn give_up(&self, error: RedisError) -> Result<Infallible, RedisError> {
        self.consumer_state.fail(&error);
        Err(error)
    }

    /// Works on one connection. A lost lease ends a session, not the connection.
    async fn sessions(
        &self,
        mut connection: Connection,
        outage: &mut Option<Outage>,
        over: &mut Option<(Outage, Instant)>,
    ) -> ConnectionError {
        let on = On { client: connection.client.clone(), place: self.options.place() };
        let pulse = connection.pulse.clone();
        let work = async {
            loop {
                match self.session(&on, &pulse, outage, over).await {
                    Err(ConnectionError::Reaped) => self.begin_again(),
                    ended => return ended,
                }
            }
        };
        match or(work, async { Err(ended(&mut connection.driver).await) }).await {
            Err(error) => error,
            Ok(never) => match never {},
        }
    }

    async fn session(
        &self,
        on: &On<'_>,
        pulse: &Pulse,
        outage: &mut Option<Outage>,
        over: &mut Option<(Outage, Instant)>,
    ) -> Ended {
        self.consumer_state.restart();
        if !self.consumer_state.is_leaving.get() {
            self.join(on).await?;
        }
        // Before the first claim: what the vanished held must not be missed by one who finds the queue empty.
        self.sweep(on).await?;
        if let Some(outage) = outage.take() {
            *over = Some((outage, Instant::now()));
            let (address, gone) = (&self.options.address, outage.since.elapsed());
            // As loud as the loss: who reads the one waits for the other.
            warn!(target: TARGET, "{address} is back after {gone:.1?}");
        }
        self.side_by_side(on, pulse).await
    }

    /// The lease ended: what was held under the old name is not ours any more.
    fn begin_again(&self) {
        self.is_joined.set(false);
        let lost = self.consumer_state.mark_lease_lost();
        self.me.replace(self.next_consumer());
        warn!(target: TARGET, "the lease ended, {lost} deliveries are lost to other consumers");
    }

    /// Writes the first heartbeat, before the first claim; later, takes up what the server holds and this side does not know.
    async fn join(&self, on: &On<'_>) -> Result<(), ConnectionError> {
        let me = self.me();
        let is_new = !self.is_joined.get();
        self.list.beat(on, &me, is_new).await?;
        self.is_joined.set(true);
        if is_new { Ok(()) } else { self.adopt(on, &me).await }
    }

    async fn side_by_side(&self, on: &On<'_>, pulse: &Pulse) -> Ended {
        let me = self.me();
        let (on, me) = (on, &*me);
        // Settlements first: what they end makes room for what the claims behind them bring.
        let traffic = or(
            self.settle_jobs(on, me),
            or(
                or(self.claim_shares(on, me), self.claim_shares(on, me)),
                or(self.claim_shares(on, me), self.claim_shares(on, me)),
            ),
        );
        let upkeep = or(or(self.beat(on, me, pulse), self.keep_sweeping(on)), or(self.audit(on, me), self.wait()));
        or(traffic, or(upkeep, self.leave(on, me))).await
    }

    async fn claim_shares(&self, on: &On<'_>, me: &Consumer) -> Ended {
        let consumer_state = &self.consumer_state;
        loop {
            let share = until(&consumer_state.work, || consumer_state.share()).await;
            let claimed = self.list.claim(on, me, share).await?;
            consumer_state.answered(share);
            match claimed {
                Claimed::Some { first, packed } => consumer_state.accept(&self.options.key, first, &packed)?,
                Claimed::None { held, due } => {
                    consumer_state.found_none(self.options.follow, held, due, self.recheck())
                }
            }
            if consumer_state.is_closing.get() {
                consumer_state.work.notify();
            }
        }
    }

    async fn settle_jobs(&self, on: &On<'_>, me: &Consumer) -> Ended {
        let consumer_state = &self.consumer_state;
        loop {
            let job = until(&consumer_state.work, || consumer_state.next_job()).await;
            let done = async {
                for batch in job.done.chunks(BATCH_MAX) {
                    self.list.done(on, me, batch).await?;
                }
                Ok(())
            };
            let acts = async {
                for batch in job.acts.chunks(ACTS_MAX) {
                    self.list.settle(on, me, batch).await?;
                }
                Ok(())
            };
            try_zip(done, acts).await?;
            consumer_state.finish(&job);
        }
    }

    async fn beat(&self, on: &On<'_>, me: &Consumer, pulse: &Pulse) -> Ended {
        let period = self.recheck();
        loop {
            Timer::after(period).await;
            if self.consumer_state.is_leaving.get() {
                return pending().await;
            }
            pulse.take();
            let silence = async {
                let wait = period.max(SILENCE_MIN);
                loop {
                    Timer::after(wait).await;
                    if !pulse.take() {
                        return Err(ConnectionError::Connection(format!("no answer for {wait:?}")));
                    }
                }
            };
            let held = or(self.list.beat(on, me, false), silence).await?;
            self.consumer_state.compare(held);
        }
    }

    async fn keep_sweeping(&self, on: &On<'_>) -> Ended {
        loop {
            // Not all at the same time.
            Timer::after(self.options.lease.mul_f64(0.5 + random_part() / 2.0)).await;
            self.sweep(on).await?;
        }
    }

    /// Gives back what consumers without a heartbeat held.
    async fn sweep(&self, on: &On<'_>) -> Result<(), ConnectionError> {
        let me = self.me();
        for (name, is_alive) in self.list.consumers(on).await? {
            if !is_alive && name != me.name {
                self.reap(on, name).await?;
            }
        }
        Ok(())
    }

    async fn reap(&self, on: &On<'_>, name: String) -> Result<(), ConnectionError> {
        loop {
            let left = self.list.reap(on, name.clone()).await?;
            if left.back + left.buried > 0 {
                warn!(
                    target: TARGET,
                    "consumer {name} is gone: {} deliveries back in the queue, {} to the dead letters", left.back, left.buried
                );
                self.consumer_state.look_again();
            }
            if left.is_all {
                return Ok(());
            }
        }
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
        let unknown = self.consumer_state.unknown(self.list.held(on, me).await?);
        for numbers in unknown.chunks(BATCH_MAX) {
            let entries = self.list.entries(on, me, numbers).await?;
            let adopted = self.consumer_state.adopt(&self.options.key, numbers, &entries);
            info!(target: TARGET, "took up {adopted} deliveries whose claim was never answered");
        }
        Ok(())
    }

    /// Waits for the queue on a connection of its own, when it was found empty.
    async fn wait(&self) -> Ended {
        until(&self.consumer_state.work, || self.consumer_state.waits_until()).await;
        let mut connection = Connection::open(&self.options).await?;
        let on = On { client: connection.client.clone(), place: self.options.place() };
        or(self.wait_on(&on), async { Err(ended(&mut connection.driver).await) }).await
    }

    async fn wait_on(&self, on: &On<'_>) -> Ended {
        let consumer_state = &self.consumer_state;
        let wait = async || {
            let limit = self.recheck();
            let late = async {
                Timer::after(limit + SILENCE_MIN * 4).await;
                Err(ConnectionError::Connection(String::from("no answer to a wait")))
            };
            or(self.list.wait(on, limit), late).await
        };
        // A wait goes on when its claim does not need it any more: the server answers the next one behind it only.
        let mut under_way = None;
        loop {
            let time = until(&consumer_state.work, || consumer_state.waits_until()).await;
            let arrival = under_way.get_or_insert_with(|| std::boxed::Box::pin(wait()));
            let arrived = or(async { Some(arrival.await) }, async {
                let no_longer = until(&consumer_state.work, || consumer_state.waits_until().is_none().then_some(()));
                or(
                    async {
                        Timer::at(time).await;
                    },
                    no_longer,
                )
                .await;
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

    /// Gives back what is held, when the source is to be closed and nothing is under way any more.
    async fn leave(&self, on: &On<'_>, me: &Consumer) -> Ended {
        let consumer_state = &self.consumer_state;
        until(&consumer_state.work, || consumer_state.can_leave()).await;
        consumer_state.is_leaving.set(true);
        while !self.list.leave(on, me).await?.is_all {}
        self.is_joined.set(false);
        consumer_state.is_closed.set(true);
        consumer_state.changed.notify();
        pending().await
    }

    /// Heartbeats come, and empty queues are looked at again, this often.
    fn recheck(&self) -> Duration {
        self.options.lease / 3
    }
}
