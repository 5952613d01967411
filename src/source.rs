//! Sources: where tasks come from, and where verdicts on them go.
//!
//! ```text
//! claim ──▶ Delivery ──▶ attempt ──▶ Settlement (delivery + verdict) ──▶ settle
//! ```

mod claims;
#[cfg(any(feature = "jsonl", feature = "redis"))]
mod json;
#[cfg(feature = "jsonl")]
mod jsonl;
#[cfg(feature = "jsonl")]
mod ledger;
mod memory;
mod overflow;
mod redeliveries;
#[cfg(feature = "redis")]
pub mod redis;
mod settlement;
#[cfg(feature = "jsonl")]
mod window;

use core::num::NonZeroUsize;

#[cfg(any(feature = "jsonl", feature = "redis"))]
pub use self::json::{Json, JsonError};
pub use self::{
    claims::{ClaimStatus, Claims},
    memory::{DeadLetter, MemorySource},
    overflow::Overflow,
    redeliveries::Redeliveries,
    settlement::{Settlement, Verdict},
};
#[cfg(feature = "jsonl")]
pub use self::{
    jsonl::{JsonLines, JsonLinesError},
    ledger::LineLedger,
    window::Window,
};
use crate::{clock::Clock, task::Task};

/// A task as its source hands it out, for one attempt, with the mark by which the source recognises
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery<P, R> {
    /// The task, as its handler sees it.
    pub task: Task<P>,
    /// The mark of the source on the delivery: a delivery id, a line number, or nothing.
    pub receipt: R,
}

impl<P, R> Delivery<P, R> {
    /// Makes a delivery of a task, with the mark by which the source recognises it.
    pub const fn new(task: Task<P>, receipt: R) -> Self {
        Self { task, receipt }
    }
}

/// The answer of a source to [`Source::begin`]: whether a delivery that waits in a run may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The delivery may start at once.
    Now,
    /// The source has work to do first. The run asks again when the background work of the source
    /// has gone on.
    Later,
    /// The lease of the delivery is lost, or may be. The run gives the delivery back without starting
    /// it.
    Lost,
}

/// A source of tasks: it hands out tasks and accepts verdicts on them.
///
/// All methods take `&self`: a claim may wait while earlier deliveries are settled. A run calls
/// [`claim`](Self::claim) once at a time, and [`settle`](Self::settle) once at a time. It hands its
/// clock to the methods that may have to wait or to note a time; without a clock that is `()`, on which
/// every sleep is over at once.
///
/// [`Redeliveries`] keeps what most sources have to keep: the tasks that are handed out, and those
/// that are to be delivered again, each at its time and as its next attempt.
///
/// # A source of your own
///
/// ```
/// use core::{cell::Cell, convert::Infallible, num::NonZeroUsize};
/// use fourfold::{Clock, Run, Source, Task, source::{ClaimStatus, Claims, Delivery, Settlement}};
///
/// /// A source that counts down, and keeps no task that fails.
/// struct Countdown(Cell<u64>);
///
/// impl Source for Countdown {
///     type Payload = u64;
///     type Receipt = ();
///     type Error = Infallible;
///
///     async fn claim(
///         &self,
///         max: NonZeroUsize,
///         claims: &mut Claims<u64, ()>,
///         _: &impl Clock,
///     ) -> Result<ClaimStatus, Infallible> {
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
///     async fn settle(&self, _: &mut [Settlement<u64, ()>], _: &impl Clock) -> Result<(), Infallible> {
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
    /// The work to do in a task.
    type Payload;
    /// The mark of the source on a delivery.
    type Receipt;
    /// The error of a source that cannot go on. It ends the run, with the report so far.
    type Error: core::error::Error + 'static;

    /// Hands out at most `max` deliveries, and waits while there are none.
    ///
    /// [`ClaimStatus::Exhausted`] says that no delivery will follow, not even a retry of a task
    /// that is unsettled now. A run that later settles a task with [`Verdict::Retry`] or
    /// [`Verdict::Release`] claims again.
    ///
    /// # Cancel safety
    /// A run may drop the future while it waits. Deliveries that were pushed to `claims` belong to
    /// the run by then; all others must stay with the source.
    ///
    /// # Errors
    /// Returns an error when the source cannot hand out tasks any more. A source that can recover
    /// waits instead.
    async fn claim(
        &self,
        max: NonZeroUsize,
        claims: &mut Claims<Self::Payload, Self::Receipt>,
        clock: &impl Clock,
    ) -> Result<ClaimStatus, Self::Error>;

    /// Ends deliveries with their verdicts, each delivery exactly once, a batch at a time.
    ///
    /// The source marks a settlement with [`Settlement::mark_lease_lost`] when the delivery no
    /// longer belongs to this run. A source that keeps payloads [takes](Settlement::take) the
    /// delivery out.
    ///
    /// # Errors
    /// Returns an error when the verdicts cannot be recorded. The run [abandons](Source::abandon)
    /// deliveries that were not taken out by then.
    async fn settle(
        &self,
        settlements: &mut [Settlement<Self::Payload, Self::Receipt>],
        clock: &impl Clock,
    ) -> Result<(), Self::Error>;

    /// Does the background work of the source, such as heartbeats. The run polls it beside
    /// everything else until it closes the source. Default: waits for ever.
    ///
    /// # Errors
    /// Returns an error when the source cannot go on. It returns for no other reason.
    async fn drive(&self, _clock: &impl Clock) -> Result<core::convert::Infallible, Self::Error> {
        core::future::pending().await
    }

    /// Decides whether a delivery may start. A run asks right before it calls the handler; a source
    /// with leases answers [`Begin::Lost`] once the lease is over, so that no handler starts on a task
    /// that is known to be lost.
    ///
    /// A source that answers [`Begin::Later`] does its work in [`drive`](Self::drive); it is then also asked for the deliveries
    /// behind that one for which there are permits, and can do for all of them at once what it has to do.
    fn begin(&self, _receipt: &Self::Receipt) -> Begin {
        Begin::Now
    }

    /// Returns how often the source has lost deliveries: leases that ended, a server that forgot. When
    /// the number changes, the run asks [`is_lost`](Self::is_lost) of every delivery that waits, and polls
    /// every handler. Default: 0.
    fn losses(&self) -> usize {
        0
    }

    /// Returns whether a delivery is known to be lost. What waits for its start is then given back
    /// without starting; [`Config::on_lost`](crate::config::Config#structfield.on_lost) says what
    /// becomes of a handler that runs. A run asks before each poll of a handler, so the answer has to be
    /// a matter of a comparison. Default: false.
    fn is_lost(&self, _receipt: &Self::Receipt) -> bool {
        false
    }

    /// Takes a delivery back without waiting. A run calls it when it is dropped, or when its source
    /// has failed.
    fn abandon(&self, delivery: Delivery<Self::Payload, Self::Receipt>);

    /// Closes the source: gives back tasks that arrived and were never claimed, and ends
    /// connections. Default: does nothing.
    ///
    /// # Errors
    /// Returns an error when the source could not be closed in order. Leases then bring back the
    /// tasks that it holds.
    async fn close(&self) -> Result<(), Self::Error> {
        Ok(())
    }
}
