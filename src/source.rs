//! Where tasks come from, and where they go back to.
//!
//! ```text
//! claim ──▶ Delivery ──▶ attempt ──▶ Settlement (delivery + verdict) ──▶ settle
//! ```

mod claims;
#[cfg(any(feature = "jsonl", feature = "redis"))]
mod json;
#[cfg(feature = "jsonl")]
mod jsonl;
mod memory;
mod redeliveries;
#[cfg(feature = "redis")]
pub mod redis;
mod settlement;

use core::num::NonZeroUsize;

#[cfg(any(feature = "jsonl", feature = "redis"))]
pub use self::json::{Json, JsonError};
#[cfg(feature = "jsonl")]
pub use self::jsonl::{JsonLines, JsonLinesError};
pub use self::{
    claims::{ClaimStatus, Claims},
    memory::{DeadLetter, MemorySource},
    settlement::{Settlement, Verdict},
};
use crate::task::Task;

/// One attempt at a task, handed out by a source, and what that source needs to recognise it again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery<P, R> {
    /// The task, as the handler gets to see it.
    pub task: Task<P>,
    /// The source's own mark on it (a delivery id, a line number, nothing).
    pub receipt: R,
}

impl<P, R> Delivery<P, R> {
    /// Makes a delivery of a task, with what the source needs to recognise it again.
    pub const fn new(task: Task<P>, receipt: R) -> Self {
        Self { task, receipt }
    }
}

/// Whether a delivery that waits in a run may begin; see [`Source::begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// It begins.
    Now,
    /// The source has something to do first; the run asks again when its background work has gone on.
    Later,
    /// The delivery is, or may be, no longer this run's: it is given back without having begun.
    Lost,
}

/// Gives tasks out and takes verdicts back: the one thing a run needs to know about where work lives.
///
/// All methods take `&self`: a claim waits while settlements of earlier deliveries go through.
///
/// # A source of one's own
///
/// ```
/// use core::{cell::Cell, convert::Infallible, num::NonZeroUsize};
/// use fourfold::{Run, Source, Task, source::{ClaimStatus, Claims, Delivery, Settlement, Verdict}};
///
/// /// Counts down; what fails is gone.
/// struct Countdown(Cell<u64>);
///
/// impl Source for Countdown {
///     type Payload = u64;
///     type Receipt = ();
///     type Error = Infallible;
///
///     async fn claim(&self, max: NonZeroUsize, claims: &mut Claims<u64, ()>) -> Result<ClaimStatus, Infallible> {
///         for _ in 0..max.get() {
///             match self.0.get().checked_sub(1) {
///                 Some(n) => {
///                     self.0.set(n);
///                     claims.push(Delivery::new(Task::new(n, n), ()));
///                 }
///                 None => return Ok(ClaimStatus::Exhausted),
///             }
///         }
///         Ok(ClaimStatus::Open)
///     }
///
///     async fn settle(&self, _: &mut [Settlement<u64, ()>]) -> Result<(), Infallible> {
///         Ok(())
///     }
///
///     fn abandon(&self, _: Delivery<u64, ()>) {}
/// }
///
/// let source = Countdown(Cell::new(100));
/// let sum = Cell::new(0);
/// let run = Run::new(&source, async |task: &Task<u64>| {
///     sum.set(sum.get() + task.payload);
///     Ok::<_, Infallible>(())
/// });
/// let report = futures_lite::future::block_on(run.into_future()).unwrap();
/// assert_eq!((report.counters.done, sum.get()), (100, 4950));
/// ```
#[expect(async_fn_in_trait, reason = "a run is polled on one thread; its futures need no Send")]
pub trait Source {
    /// What there is to do.
    type Payload;
    /// The source's own mark on a delivery.
    type Receipt;
    /// Why the source cannot go on. Ends the run, with the report so far.
    type Error: core::error::Error + 'static;

    /// Hands out at most `max` deliveries, waiting while there are none.
    ///
    /// Deliveries are pushed to `claims` as they are got, so that dropping this future while it waits loses nothing:
    /// what was pushed stays, what was not is still the source's. [`ClaimStatus::Exhausted`] says that there is nothing more to
    /// come, retries of what is still unsettled included; a run that later settles a task with [`Verdict::Retry`] or
    /// [`Verdict::Release`] asks again.
    ///
    /// # Errors
    /// When the source cannot hand out tasks any more. A source that can mend itself waits instead.
    async fn claim(
        &self,
        max: NonZeroUsize,
        claims: &mut Claims<Self::Payload, Self::Receipt>,
    ) -> Result<ClaimStatus, Self::Error>;

    /// Ends deliveries, each exactly once, with their verdicts; a batch at a time.
    ///
    /// A settlement that the source refuses because the delivery is no longer this run's is marked with
    /// [`Settlement::mark_lease_lost`]. Sources that keep a payload [take](Settlement::take) the delivery out.
    ///
    /// # Errors
    /// When the source cannot be told. Deliveries that were not taken out by then are [abandoned](Source::abandon).
    async fn settle(&self, settlements: &mut [Settlement<Self::Payload, Self::Receipt>]) -> Result<(), Self::Error>;

    /// The source's background work (heartbeats, the driver of a connection), polled by the run beside everything else
    /// until the source is closed.
    ///
    /// # Errors
    /// When the source cannot go on. It returns for no other reason.
    async fn drive(&self) -> Result<core::convert::Infallible, Self::Error> {
        core::future::pending().await
    }

    /// Says whether a delivery may begin. A run asks right before it starts the handler; a source with leases answers
    /// [`Begin::Lost`] once the lease is over, and what is known to be lost is not begun.
    ///
    /// A source that answers [`Begin::Later`] goes on in [`drive`](Self::drive).
    fn begin(&self, _receipt: &Self::Receipt) -> Begin {
        Begin::Now
    }

    /// Takes a delivery back without waiting: the last resort when a run is dropped or its source fails.
    fn abandon(&self, delivery: Delivery<Self::Payload, Self::Receipt>);

    /// Ends the source in good order: gives back what arrived and was never claimed, says goodbye.
    ///
    /// # Errors
    /// When that could not be done; leases then bring back what is held.
    async fn close(&self) -> Result<(), Self::Error> {
        Ok(())
    }
}
