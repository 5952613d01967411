//! Panics of handlers: wherever they happen, the attempt is counted as panicked, its permit is free and the run goes on.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use std::{cell::Cell, convert::Infallible, fmt, panic, pin::pin, task::Context};

use fourfold::{Attempt, Clock, Config, Pattern, Retry, Run, Task, clock::SimulatedClock};

use crate::common::*;

/// Panics when dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

/// Cannot even be shown.
#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a conversion");
    }
}

impl std::error::Error for Unspeakable {}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Where {
    FirstPoll,
    LaterPoll,
    DropWhenReady,
    DropOfTheResult,
    DropAfterPanic,
    DropAtTimeout,
    Conversion,
    Text,
    NoMessage,
    BombAsPayload,
}

const PLACES: [Where; 10] = [
    Where::FirstPoll,
    Where::LaterPoll,
    Where::DropWhenReady,
    Where::DropOfTheResult,
    Where::DropAfterPanic,
    Where::DropAtTimeout,
    Where::Conversion,
    Where::Text,
    Where::NoMessage,
    Where::BombAsPayload,
];

/// Ready at once with a bomb inside that goes off when the future is dropped.
struct Armed(Bomb);

impl Future for Armed {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> std::task::Poll<()> {
        std::task::Poll::Ready(())
    }
}

async fn panic_at(place: Where, clock: &SimulatedClock) -> Result<Option<Bomb>, Unspeakable> {
    match place {
        Where::FirstPoll => panic!("at once"),
        Where::LaterPoll => {
            clock.sleep(ms(1)).await;
            panic!("late");
        }
        Where::DropWhenReady => Armed(Bomb).await,
        Where::DropOfTheResult => return Ok(Some(Bomb)),
        Where::DropAfterPanic => {
            let _guard = Gone("late");
            clock.sleep(ms(1)).await;
            panic!("late");
        }
        Where::DropAtTimeout => {
            let _bomb = Bomb;
            std::future::pending::<()>().await;
        }
        Where::Conversion => return Err(Unspeakable),
        Where::Text => panic!("{} {}", "at", "once"),
        Where::NoMessage => panic::panic_any(7_u8),
        Where::BombAsPayload => panic::panic_any(Bomb),
    }
    Ok(None)
}

/// Something to be dropped while a panic unwinds.
struct Gone(&'static str);

impl Drop for Gone {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "{}", self.0);
    }
}

fn reason(place: Where) -> &'static str {
    match place {
        Where::FirstPoll | Where::Text => "at once",
        Where::LaterPoll | Where::DropAfterPanic => "late",
        Where::DropWhenReady | Where::DropOfTheResult | Where::DropAtTimeout => "in a drop",
        Where::Conversion => "in a conversion",
        Where::NoMessage | Where::BombAsPayload => "a panic without a message",
    }
}

#[test]
fn a_panic_anywhere_is_the_outcome_of_its_attempt_and_nobody_elses() {
    silence_panics();
    for config in grid() {
        for place in PLACES {
            let limit = config.limit;
            let config = config.timeout(ms(20));
            let bench = Bench { may_panic: true, ..Bench::new(config, 6 * limit as u64) };
            let gauge = Gauge::default();
            let (ended, checker) = bench.run(async |task| {
                if task.attempt == Attempt::FIRST && task.payload < 2 * limit as u64 {
                    return panic_at(place, &bench.clock).await.map(|bomb| bomb.map(|bomb| (bomb, ())));
                }
                let _in = gauge.enter();
                bench.clock.sleep(ms(5)).await;
                Ok(None)
            });
            let counters = ended.unwrap().counters;
            assert_eq!(
                (counters.panicked, counters.done),
                (2 * limit as u64, 6 * limit as u64),
                "{place:?} {config:?}"
            );
            assert_eq!((counters.failed, counters.timed_out, counters.retried), (0, 0, 2 * limit as u64));
            assert_eq!((gauge.peak(), gauge.now()), (limit, 0), "every worker is still there");
            assert!(checker.state.failures().iter().all(|failure| failure.reason == reason(place)), "{place:?}");
        }
    }
}

#[test]
fn handlers_that_panic_when_they_are_aborted_are_dropped_and_given_back_all_the_same() {
    silence_panics();
    for config in grid() {
        let limit = config.limit;
        let bench = Bench::new(config, 20 * limit as u64);
        let gauge = Gauge::default();
        let (ended, _) = bench.run(async |task| {
            let _in = gauge.enter();
            if task.payload.is_multiple_of(3) {
                let _bomb = Bomb;
                bench.clock.sleep(ms(5)).await;
                bench.control.abort();
                bench.clock.sleep(ms(5)).await;
                std::mem::forget(_bomb);
            }
            bench.clock.sleep(ms(20)).await;
            Ok::<_, Infallible>(())
        });
        let counters = ended.unwrap().counters;
        assert_eq!((counters.cancelled, counters.released >= counters.cancelled, gauge.now()), (limit as u64, true, 0));
    }
}

#[test]
fn a_run_dropped_with_handlers_that_panic_drops_the_others_and_loses_nothing() {
    silence_panics();
    for config in grid() {
        let clock = SimulatedClock::new();
        let source = Watched::new(&clock, 0..400, Faults::default());
        let gauge = Gauge::default();
        let run = Run::new(&source, async |task: &Task<u64>| {
            let _in = gauge.enter();
            let _bomb = (task.payload.is_multiple_of(2)).then_some(Bomb);
            std::future::pending::<Result<(), Infallible>>().await
        });
        let run = run.config(config).clock(&clock).into_future();
        assert!(poll_times(&clock, run, 1).is_none());
        assert_eq!(gauge.now(), 0);
        source.assert_conserved();
        assert_eq!(source.rest().len(), 400);
    }
}

/// conc, issue 106: a worker that panics is still a worker.
#[test]
fn a_pool_in_which_every_task_panics_ends() {
    silence_panics();
    for (limit, workers) in [(1, 1), (4, 2), (2, 4), (16, 16)] {
        let config = Config::new(Pattern::WorkerPool, nz(limit)).workers(nz(workers)).retry(Retry::NEVER);
        let bench = Bench { may_panic: true, ..Bench::new(config, 100) };
        let running = Cell::new(0);
        let (ended, _) = bench.run(async |_| -> Result<(), Infallible> {
            running.set(running.get() + 1);
            bench.clock.sleep(ms(1)).await;
            panic!("late");
        });
        let report = ended.unwrap();
        let at_once = limit.min(workers) as u32;
        assert_eq!((report.counters.panicked, report.counters.dead, running.get()), (100, 100, 100));
        assert_eq!(report.elapsed, ms(1) * 100_u32.div_ceil(at_once), "as many at once as ever");
    }
}

/// A panic that is not a handler's goes to whoever polls the run; what was claimed goes back.
#[test]
fn a_panic_of_the_source_reaches_the_caller_and_loses_nothing() {
    silence_panics();
    for pattern in Pattern::ALL {
        let clock = SimulatedClock::new();
        let source =
            Watched::new(&clock, 0..50, Faults { panics_at_claim: Some(2), claim_most: Some(3), ..Faults::default() });
        let run = Run::new(&source, async |_: &Task<u64>| {
            clock.sleep(ms(5)).await;
            Ok::<_, Infallible>(())
        });
        let mut run = pin!(run.pattern(pattern).clock(&clock).into_future());
        let polled = panic::catch_unwind(panic::AssertUnwindSafe(|| clock.run(run.as_mut())));
        assert!(polled.is_err());
        run.set(Box::pin(std::future::pending()));
        source.assert_conserved();
    }
}
