//! Who runs the tasks. To add one: implement [`Peer`] and name it in [`PEERS`].

mod bound;
mod combinators;
mod fourfold;
mod smol;
mod tokio;

use std::cell::Cell;
use std::future::Future;
use std::num::NonZeroUsize;

use crate::Result;
use crate::work::{CrossWake, Work, Workload, Yields, watch};

/// Runs tasks on this thread, at most `limit` in flight.
pub trait Peer {
    fn run<W: Work>(work: W, limit: NonZeroUsize, tasks: u64) -> Total;
}

/// What came back: how many results, and their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Total {
    tasks: Cell<u64>,
    sum: Cell<u64>,
}

impl Total {
    #[inline]
    pub fn add(&self, result: u64) {
        self.tasks.set(self.tasks.get() + 1);
        self.sum.set(self.sum.get().wrapping_add(result));
    }

    /// Every task's number, once.
    pub fn check(&self, tasks: u64) -> Result<()> {
        let all = Self { tasks: Cell::new(tasks), sum: Cell::new((0..tasks).sum()) };
        if *self == all { Ok(()) } else { Err(format!("expected {all:?}, got {self:?}").into()) }
    }
}

/// A peer by name.
#[derive(Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    /// So many tasks it starts, where it may, before it polls those that run.
    fills_to: usize,
    run: fn(Workload, NonZeroUsize, u64) -> Total,
    watched: fn(Workload, NonZeroUsize, u64) -> (Total, usize),
}

impl Entry {
    const fn of<P: Peer>(name: &'static str) -> Self {
        Self { name, fills_to: usize::MAX, run: run::<P>, watched: watched::<P> }
    }

    /// One that polls what runs while it could start more (futures-concurrency after each start, tokio when its budget
    /// for cooperation is used up), so that short tasks end before the limit is reached.
    const fn eager<P: Peer>(name: &'static str) -> Self {
        Self { fills_to: 0, ..Self::of::<P>(name) }
    }

    /// A scope and a run start at most this many tasks before they poll those that run: a turn is bounded, and beyond that
    /// tasks that end at their second poll end before more are started.
    const fn bounded<P: Peer>(name: &'static str) -> Self {
        Self { fills_to: ::fourfold::executor::POLLS_PER_TURN, ..Self::of::<P>(name) }
    }

    /// Runs the tasks and checks that all came back.
    pub fn run(&self, workload: Workload, limit: NonZeroUsize, tasks: u64) -> Result<()> {
        (self.run)(workload, limit, tasks).check(tasks).map_err(|error| self.blame(workload, limit, &error.to_string()))
    }

    /// The same with the bound checked: reached where tasks wait, and never passed.
    pub fn verify(&self, workload: Workload, limit: NonZeroUsize, tasks: u64) -> Result<()> {
        let (total, peak) = (self.watched)(workload, limit, tasks);
        total.check(tasks).map_err(|error| self.blame(workload, limit, &error.to_string()))?;
        let reachable = usize::try_from(tasks).unwrap_or(usize::MAX).min(limit.get()).min(self.fills_to);
        if peak > limit.get() || (workload.waits() && peak < reachable) {
            return Err(self.blame(workload, limit, &format!("the peak in flight was {peak}")));
        }
        Ok(())
    }

    fn blame(&self, workload: Workload, limit: NonZeroUsize, what: &str) -> Box<dyn std::error::Error> {
        format!("{} at {} C={limit}: {what}", self.name, workload.name()).into()
    }
}

fn run<P: Peer>(workload: Workload, limit: NonZeroUsize, tasks: u64) -> Total {
    match workload {
        Workload::Y0 => P::run(Yields::<0>, limit, tasks),
        Workload::Y1 => P::run(Yields::<1>, limit, tasks),
        Workload::Y10 => P::run(Yields::<10>, limit, tasks),
        Workload::Xwake => P::run(CrossWake::new(limit.get()), limit, tasks),
    }
}

fn watched<P: Peer>(workload: Workload, limit: NonZeroUsize, tasks: u64) -> (Total, usize) {
    match workload {
        Workload::Y0 => watch(Yields::<0>, |work| P::run(work, limit, tasks)),
        Workload::Y1 => watch(Yields::<1>, |work| P::run(work, limit, tasks)),
        Workload::Y10 => watch(Yields::<10>, |work| P::run(work, limit, tasks)),
        Workload::Xwake => watch(CrossWake::new(limit.get()), |work| P::run(work, limit, tasks)),
    }
}

/// What ratios are to.
pub const REFERENCE: &str = "futures-buffered";

/// In the order of the tables.
pub const PEERS: &[Entry] = &[
    Entry::of::<bound::Ring>("bound: a ring without wakers"),
    Entry::of::<fourfold::Bare>("fourfold executor"),
    Entry::bounded::<fourfold::Set>("fourfold TaskSet"),
    Entry::bounded::<fourfold::Batch>("fourfold batch"),
    Entry::bounded::<fourfold::Pool>("fourfold worker_pool"),
    Entry::bounded::<fourfold::Group>("fourfold task_group"),
    Entry::bounded::<fourfold::RunSet>("fourfold Run, set"),
    Entry::bounded::<fourfold::RunBatch>("fourfold Run, batch"),
    Entry::bounded::<fourfold::RunPool>("fourfold Run, pool"),
    Entry::bounded::<fourfold::RunGroup>("fourfold Run, group"),
    Entry::of::<combinators::Buffered>(REFERENCE),
    Entry::of::<combinators::Unordered>("FuturesUnordered"),
    Entry::of::<combinators::BufferUnordered>("buffer_unordered"),
    Entry::eager::<combinators::Concurrency>("futures-concurrency, limit"),
    Entry::of::<smol::Permits>("LocalExecutor + Semaphore"),
    Entry::of::<smol::Workers>("LocalExecutor, channel, workers"),
    Entry::eager::<tokio::Permits>("tokio JoinSet + Semaphore"),
    Entry::of::<tokio::Workers>("tokio LocalSet, channel, workers"),
];

/// Polls the sibling, where there is one, beside what drives the tasks.
async fn beside<W: Work, T>(work: W, drive: impl Future<Output = T>) -> T {
    if W::SERVED {
        let serve = async {
            work.serve().await;
            unreachable!("the sibling never ends")
        };
        futures_lite::future::or(serve, drive).await
    } else {
        drive.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_does_every_workload_and_reaches_the_limit() {
        for entry in PEERS {
            for workload in Workload::ALL {
                for limit in [1, 16, 100] {
                    let limit = NonZeroUsize::new(limit).unwrap();
                    entry.run(workload, limit, 1000).unwrap();
                    entry.verify(workload, limit, 1000).unwrap();
                    entry.verify(workload, limit, 7).unwrap();
                    entry.verify(workload, limit, 0).unwrap();
                }
            }
        }
    }

    struct Hollow;

    impl Peer for Hollow {
        fn run<W: Work>(_: W, _: NonZeroUsize, tasks: u64) -> Total {
            Total { tasks: Cell::new(tasks), sum: Cell::new(0) }
        }
    }

    /// Runs all of them, one at a time, whatever the limit.
    struct Serial;

    impl Peer for Serial {
        fn run<W: Work>(work: W, _: NonZeroUsize, tasks: u64) -> Total {
            let total = Total::default();
            let drive = async {
                for id in 0..tasks {
                    total.add(work.task(id).await)
                }
            };
            futures_lite::future::block_on(beside(work, drive));
            total
        }
    }

    #[test]
    fn a_peer_that_does_nothing_is_found_out() {
        let error = Entry::of::<Hollow>("hollow").run(Workload::Y0, NonZeroUsize::MIN, 3).unwrap_err();
        assert!(error.to_string().starts_with("hollow at y0 C=1: expected"), "{error}");
    }

    #[test]
    fn a_peer_that_misses_the_limit_is_found_out() {
        let limit = NonZeroUsize::new(4).unwrap();
        let error = Entry::of::<Serial>("serial").verify(Workload::Y1, limit, 100).unwrap_err();
        assert_eq!(error.to_string(), "serial at y1 C=4: the peak in flight was 1");
    }
}
