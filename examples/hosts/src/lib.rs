//! The run that every program of this package hosts, and what must come of it.

use std::{cell::Cell, convert::Infallible, rc::Rc, time::Duration};

use fourfold::{Failure, MemorySource, Retry, Run, RunError, Task, clock::RunningClock};

/// What is asserted of the run, the same in every host.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Tasks that were done.
    pub done: u64,
    /// Tasks that failed at every attempt.
    pub dead: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Attempts that took longer than the timeout.
    pub timed_out: u64,
    /// The largest number of tasks in flight.
    pub peak: u64,
}

/// What must come of [`drain`].
pub const EXPECTED: Outcome = Outcome { done: 39, dead: 1, failed: 1, timed_out: 2, peak: 4 };

/// Drains forty tasks on the host's clock, four at a time. Most sleep for some milliseconds, one fails at its first
/// attempt, and one takes longer than the timeout each time.
///
/// # Errors
/// As a run; this one has none.
pub async fn drain(clock: impl RunningClock) -> Result<Outcome, RunError<Infallible>> {
    // Neither this nor the run is `Send`; it stays on its thread.
    let done = Rc::new(Cell::new(0));
    let source = MemorySource::new(0..40_u64);
    let handler = async |task: &Task<u64>| {
        match (task.payload, task.attempt.get()) {
            (7, 1) => return Err(Failure::transient("not at the first attempt")),
            (23, _) => clock.sleep(Duration::from_secs(3600)).await,
            (n, _) => clock.sleep(Duration::from_millis(n % 5)).await,
        }
        done.set(done.get() + 1);
        Ok(())
    };
    let run = Run::new(&source, handler).limit(4).clock(&clock);
    let run = run.retry(Retry::new(1)).timeout(Duration::from_millis(100));
    let report = run.into_future().await?;
    assert_eq!(done.get(), report.counters.done);
    let counters = report.counters;
    Ok(Outcome {
        done: counters.done,
        dead: counters.dead,
        failed: counters.failed,
        timed_out: counters.timed_out,
        peak: counters.peak_in_flight,
    })
}

/// Asserts that the run came to what it must, and says so.
///
/// # Panics
/// When it came to anything else.
pub fn check(host: &str, outcome: &Result<Outcome, RunError<Infallible>>) {
    match outcome {
        Ok(outcome) => assert_eq!(*outcome, EXPECTED, "in {host}"),
        Err(error) => panic!("in {host}: {error}"),
    }
    println!("{host}: {} done, {} dead", EXPECTED.done, EXPECTED.dead);
}
