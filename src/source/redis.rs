//! Tasks from a Redis list or stream, at least once.
//!
//! Producers push JSON with LPUSH, RPUSH or XADD; any number of consumers on any number of machines share the queue. Every task is at every
//! moment in exactly one place on the server: the queue, what a consumer holds, the delayed ones, the dead letters. A consumer that
//! is killed loses its lease and what it held goes back; a reply that is lost on the way is found again.
//!
//! A consumer is declared dead only when it was silent for its whole lease while the server answered without a gap. What had begun on
//! it counts as an attempt and as a crash, and is then delivered alone; what only waited comes back uncounted.

mod batches;
mod connection;
mod consumer;
mod consumer_state;
mod entry;
mod error;
mod keys;
mod nodes;
mod options;
mod outage;
mod protocol;
mod queue;
mod reaping;
mod route;
mod script;
mod waiting;

use core::{
    cell::{Cell, RefCell},
    convert::Infallible,
    fmt,
    num::NonZeroUsize,
};
use std::{rc::Rc, string::String};

use self::{
    connection::Connection,
    consumer_state::{ConsumerState, Job, until},
    outage::random,
    protocol::{Act, Consumer, Protocol},
};
pub use self::{
    error::RedisError,
    options::{PopSide, RedisOptions},
    queue::{DeadSelection, RedisConsumer, RedisDeadLetter, RedisQueue, RedisStats},
};
use super::{Begin, ClaimStatus, Claims, Delivery, Settlement, Source, Verdict};
use crate::clock::Clock;
use crate::source::Json;

/// The place of a delivery in its batch, and the lease under which it was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RedisReceipt {
    batch: u64,
    index: u32,
    generation: u32,
}

/// Tasks from a Redis list or stream, at least once; see [`RedisOptions`] for where and how.
///
/// It works while its [`drive`](Source::drive) is polled, as [`run`](crate::run::run) does; one run at a time.
///
/// ```no_run
/// use core::convert::Infallible;
/// use fourfold::{NativeClock, Run, Task, source::{Json, redis::{RedisOptions, RedisSource}}};
///
/// # smol::block_on(async {
/// let options = RedisOptions::from_url("redis://localhost/0?list=tasks")?;
/// let source = RedisSource::connect(options).await?;
/// let run = Run::new(&source, async |task: &Task<Json>| {
///     println!("{}", task.payload);
///     Ok::<_, Infallible>(())
/// });
/// let report = run.clock(NativeClock::new()).await?;
/// println!("{} done", report.counters.done);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # });
/// ```
pub struct RedisSource {
    options: RedisOptions,
    protocol: Protocol,
    consumer_state: ConsumerState,
    connection: RefCell<Option<Connection>>,
    me: RefCell<Rc<Consumer>>,
    is_joined: Cell<bool>,
    consumers: Cell<u32>,
    /// Host, process and a number that no other start has.
    boot: String,
}

impl RedisSource {
    /// Connects to the server and looks whether the key can be a queue. Warns when the server may evict keys.
    ///
    /// # Errors
    /// At once when the server cannot be reached, is too old or wants another password, or when the key holds something else than
    /// the queue that the options name.
    pub async fn connect(options: RedisOptions) -> Result<Self, RedisError> {
        let protocol = Protocol::new(&options);
        let connection = Some(queue::open(&options, &protocol, true).await?);
        let boot = format!("{}:{}:{:016x}", host(), std::process::id(), random());
        let me = RefCell::new(Rc::new(protocol.consumer(format!("{boot}-0"))));
        let connection = RefCell::new(connection);
        let (is_joined, consumers) = (Cell::new(false), Cell::new(0));
        // Half of the numbers there are lie beyond it.
        let consumer_state = ConsumerState::new(1 + (random() >> 12), protocol.is_stream());
        Ok(Self { options, protocol, consumer_state, connection, me, is_joined, consumers, boot })
    }

    /// Returns the name under which this source holds deliveries just now.
    pub fn consumer(&self) -> String {
        self.me().name.clone()
    }

    fn me(&self) -> Rc<Consumer> {
        self.me.borrow().clone()
    }

    /// Makes a consumer with a name that was never used: deliveries under the old name belong to another consumer.
    fn next_consumer(&self) -> Rc<Consumer> {
        self.consumers.set(self.consumers.get() + 1);
        Rc::new(self.protocol.consumer(format!("{}-{}", self.boot, self.consumers.get())))
    }
}

impl Source for RedisSource {
    type Payload = Json;
    type Receipt = RedisReceipt;
    type Error = RedisError;

    async fn claim(
        &self,
        max: NonZeroUsize,
        claims: &mut Claims<Json, RedisReceipt>,
        _: &impl Clock,
    ) -> Result<ClaimStatus, RedisError> {
        /// A claim that is dropped wants nothing more; one that got something may get the rest with the next.
        struct Waiting<'a>(&'a ConsumerState);

        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.want(0, 0);
            }
        }

        let consumer_state = &self.consumer_state;
        // Even when something is there already: what there is room for beyond it should be on its way meanwhile.
        consumer_state.want(max.get(), claims.startable());
        let waiting = Waiting(consumer_state);
        let supply = until(&consumer_state.changed, || {
            if consumer_state.hand_out(max.get(), claims) {
                return Some(Ok(ClaimStatus::Open));
            }
            if consumer_state.is_exhausted() {
                return Some(Ok(ClaimStatus::Exhausted));
            }
            consumer_state.failure().map(Err)
        })
        .await;
        core::mem::forget(waiting);
        supply
    }

    async fn settle(
        &self,
        settlements: &mut [Settlement<Json, RedisReceipt>],
        _: &impl Clock,
    ) -> Result<(), RedisError> {
        let consumer_state = &self.consumer_state;
        let mut job = Job { generation: consumer_state.generation(), ..Job::default() };
        for settlement in settlements.iter_mut() {
            let Some(receipt) = settlement.delivery().map(|it| it.receipt) else { continue };
            if receipt.generation != job.generation {
                settlement.mark_lease_lost();
                settlement.take();
                continue;
            }
            match settlement.verdict() {
                Verdict::Done => job.done.push(receipt),
                Verdict::Retry { after, .. } => job.acts.push((receipt, Act::Retry { after: *after })),
                Verdict::Dead { reason } => job.acts.push((receipt, Act::Dead { reason: reason.clone() })),
                Verdict::Release => job.acts.push((receipt, Act::Release)),
            }
        }
        // Released from the last to the first, so that they stand at the front of the queue in their old order.
        job.acts.sort_unstable_by_key(|(receipt, _)| core::cmp::Reverse((receipt.batch, receipt.index)));
        if job.done.is_empty() && job.acts.is_empty() {
            return Ok(());
        }
        let job = consumer_state.tell(job);
        until(&consumer_state.changed, || {
            if job.is_finished.get() { Some(Ok(())) } else { consumer_state.failure().map(Err) }
        })
        .await?;
        for settlement in settlements.iter_mut() {
            if settlement.take().is_some() && job.is_lost.get() {
                settlement.mark_lease_lost();
            }
        }
        Ok(())
    }

    async fn drive(&self, _: &impl Clock) -> Result<Infallible, RedisError> {
        self.work().await
    }

    fn begin(&self, receipt: &RedisReceipt) -> Begin {
        self.consumer_state.begin(*receipt)
    }

    fn losses(&self) -> usize {
        self.consumer_state.generation() as usize
    }

    fn is_lost(&self, receipt: &RedisReceipt) -> bool {
        receipt.generation != self.consumer_state.generation()
    }

    fn abandon(&self, delivery: Delivery<Json, RedisReceipt>) {
        self.consumer_state.take_back(delivery);
    }

    async fn close(&self) -> Result<(), RedisError> {
        let consumer_state = &self.consumer_state;
        consumer_state.is_closing.set(true);
        consumer_state.work.notify();
        until(&consumer_state.changed, || {
            let has_nothing_to_say = consumer_state.is_away.get() && consumer_state.holds_nothing();
            if consumer_state.is_closed.get() || has_nothing_to_say {
                return Some(Ok(()));
            }
            consumer_state.failure().map(Err)
        })
        .await
    }
}

impl fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSource")
            .field("options", &self.options)
            .field("consumer", &self.me.borrow().name)
            .finish_non_exhaustive()
    }
}

/// The machine's name, for people who look at the queue's keys.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| c.is_ascii_graphic() && !"{}:".contains(*c)).take(64).collect();
    if name.is_empty() { String::from("host") } else { name }
}
