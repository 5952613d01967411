//! The four patterns as scopes, and the permits they share.

mod bounds;
mod cancel;
mod close;
mod failure;
// Without `std` no thread knows itself, and scopes in scopes keep the bounds less closely.
#[cfg(feature = "std")]
mod fairness;
mod idle;
#[cfg(feature = "std")]
mod memory;
mod more_tasks;
#[cfg(feature = "std")]
mod panic;
mod permits;
mod snooze;
mod waiting;
mod zero;

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use fourfold::{Clock, clock::SimulatedClock};

fn nz(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("a number above 0")
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Counts those inside. Passing the limit fails the test at once.
struct Gauge {
    limit: Cell<usize>,
    now: Cell<usize>,
    peak: Cell<usize>,
    total: Cell<usize>,
}

impl Gauge {
    fn new(limit: usize) -> Self {
        Self { limit: Cell::new(limit), now: Cell::new(0), peak: Cell::new(0), total: Cell::new(0) }
    }

    fn enter(&self) -> Inside<'_> {
        self.now.set(self.now.get() + 1);
        assert!(self.now.get() <= self.limit.get(), "{} of {} are inside", self.now.get(), self.limit.get());
        self.peak.set(self.peak.get().max(self.now.get()));
        self.total.set(self.total.get() + 1);
        Inside(self)
    }

    /// How many are inside, were at the peak, and have ever been.
    fn read(&self) -> (usize, usize, usize) {
        (self.now.get(), self.peak.get(), self.total.get())
    }
}

struct Inside<'a>(&'a Gauge);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.now.set(self.0.now.get() - 1);
    }
}

/// What happened, in order.
#[derive(Default)]
struct Log(RefCell<Vec<String>>);

impl Log {
    fn say(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Runs a future that waits for nothing but itself; `futures_lite` has no such thing without `std`.
fn block_on<F: Future>(future: F) -> F::Output {
    SimulatedClock::new().run(future).expect("nothing else would wake it")
}

/// A future's output, unless the time is up first: then it is dropped.
async fn within<T>(clock: &SimulatedClock, time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let timer = async {
        clock.sleep(time).await;
        None
    };
    futures_lite::future::or(async { Some(future.await) }, timer).await
}

/// Polls once with a waker that nobody listens to.
fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets everybody else go on once.
async fn turn() {
    futures_lite::future::yield_now().await;
}

/// Waits for ever, and counts how often it is asked.
async fn never<T>(polls: &Cell<usize>) -> T {
    poll_fn(|_| {
        polls.set(polls.get() + 1);
        Poll::Pending
    })
    .await
}
