//! How attempts end, and what is left of them: nothing.

use std::convert::Infallible;

use fourfold::{Attempt, Clock, Config, Failure, Pattern, Retry, clock::SimulatedClock, metrics::Counters};

use crate::common::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Error,
    Later,
    PanicAtOnce,
    PanicLate,
    Timeout,
}

const KINDS: [Kind; 5] = [Kind::Error, Kind::Later, Kind::PanicAtOnce, Kind::PanicLate, Kind::Timeout];

/// Without `std` a panic ends the program.
fn can_be_contained(kind: &Kind) -> bool {
    cfg!(feature = "std") || !matches!(kind, Kind::PanicAtOnce | Kind::PanicLate)
}

async fn perform(kind: Kind, clock: &SimulatedClock) -> Result<(), Failure> {
    if kind == Kind::PanicAtOnce {
        panic!("at once");
    }
    clock.sleep(ms(2)).await;
    match kind {
        Kind::Error => Err("x".parse::<u8>().unwrap_err().into()),
        Kind::Later => Err(Failure::retry_after("busy", ms(3))),
        Kind::PanicLate => panic!("late"),
        Kind::Timeout => std::future::pending().await,
        Kind::PanicAtOnce => unreachable!(),
    }
}

fn counted(kind: Kind, counters: &Counters) -> u64 {
    match kind {
        Kind::Error | Kind::Later => counters.failed,
        Kind::PanicAtOnce | Kind::PanicLate => counters.panicked,
        Kind::Timeout => counters.timed_out,
    }
}

#[test]
fn permits_are_whole_again_whatever_an_attempt_came_to() {
    silence_panics();
    for config in grid() {
        for kind in KINDS.into_iter().filter(can_be_contained) {
            let limit = config.limit;
            let config = config.timeout(ms(20));
            let bench = Bench { may_panic: true, ..Bench::new(config, 8 * limit as u64) };
            let (all, good) = (Gauge::default(), Gauge::default());
            let bad = 3 * limit as u64;
            let (ended, _) = bench.run(async |task| {
                let _in = all.enter();
                if task.payload < bad && task.attempt == Attempt::FIRST {
                    return perform(kind, &bench.clock).await;
                }
                let _good = good.enter();
                bench.clock.sleep(ms(10)).await;
                Ok(())
            });
            let counters = ended.unwrap().counters;
            assert_eq!((all.now(), all.peak(), good.peak()), (0, limit, limit), "{kind:?} {config:?}");
            assert_eq!((counters.done, counters.dead, counters.retried), (8 * limit as u64, 0, bad));
            assert_eq!((counted(kind, &counters), counters.succeeded), (bad, 8 * limit as u64));
            assert_eq!(counters.attempts(), 11 * limit as u64, "each attempt is counted once");
        }
    }
}

#[test]
#[cfg(feature = "std")]
fn the_last_failure_is_the_reason_of_the_dead_letter() {
    silence_panics();
    for pattern in [Pattern::TaskSet, Pattern::SemaphoreBatch, Pattern::WorkerPool] {
        let config = Config::new(pattern, nz(2)).timeout(ms(20)).retry(Retry::new(2));
        let bench = Bench { may_panic: true, ..Bench::new(config, KINDS.len() as u64 + 1) };
        let (ended, _) = bench.run(async |task| match KINDS.get(task.payload as usize) {
            Some(kind) => perform(*kind, &bench.clock).await,
            None => Err(Failure::permanent("no such user")),
        });
        let counters = ended.unwrap().counters;
        assert_eq!((counters.done, counters.dead, counters.retried), (0, 6, 10));
        assert_eq!((counters.failed, counters.panicked, counters.timed_out), (7, 6, 3));
        let books = bench.source.books.borrow();
        let reasons: Vec<_> = books.dead.values().map(String::as_str).collect();
        let expected =
            ["invalid digit found in string", "busy", "at once", "late", "timed out after 20ms", "no such user"];
        assert_eq!(reasons, expected);
    }
}

#[test]
fn a_timeout_ends_an_attempt_at_its_time_and_spares_what_is_ready() {
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, nz(1)).timeout(ms(10)).retry(Retry::NEVER);
        let bench = Bench::new(config, 2);
        let (ended, checker) = bench.run(async |task| {
            // The first is ready at the very moment of its timeout.
            bench.clock.sleep(ms(10 + task.payload)).await;
            Ok::<_, Infallible>(())
        });
        let report = match &ended {
            Ok(report) => report,
            Err(error) => error.report(),
        };
        assert_eq!((report.counters.succeeded, report.counters.timed_out, report.elapsed), (1, 1, ms(20)));
        assert_eq!(checker.state.report().service.unwrap().max, ms(10));
    }
}

#[test]
fn a_lost_lease_counts_as_such_and_as_nothing_else() {
    for config in grid() {
        let faults = Faults { loses_one_in: Some(3), seed: Some(7), ..Faults::default() };
        let bench = Bench::with_faults(config, 200, faults);
        let (ended, _) = bench.run(async |task| {
            if task.attempt == Attempt::FIRST && task.payload.is_multiple_of(4) {
                return Err(Failure::transient("once more"));
            }
            Ok(())
        });
        let counters = ended.unwrap().counters;
        let lost = bench.source.books.borrow().lost.len() as u64;
        assert!(lost > 20);
        assert_eq!((counters.lease_lost, counters.done + lost), (lost, 200));
        assert_eq!(counters.succeeded, counters.done);
        assert_eq!(counters.failed, counters.retried);
    }
}

#[test]
fn what_is_no_task_is_counted_and_holds_nothing_up() {
    for config in grid() {
        let faults = Faults { malformed_one_in: Some(1), claim_most: Some(2), ..Faults::default() };
        let bench = Bench::with_faults(config, 20, faults);
        let (ended, _) = bench.run(async |_| Ok::<_, Infallible>(()));
        let counters = ended.unwrap().counters;
        assert!(counters.malformed >= 11);
        assert_eq!((counters.done, counters.tasks()), (20, 20 + counters.malformed));
    }
}
