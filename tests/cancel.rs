//! Runs that are dropped in the middle, at every poll there is.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use fourfold::{Clock, Config, Control, Failure, MemorySource, Pattern, Retry, Run, Task, clock::SimulatedClock};

use crate::common::*;

/// Drops a run after 0, 1, 2, … polls until one ends. How many polls that took.
fn drop_everywhere(config: &Config, faults: &Faults, tasks: u64, stop: Option<fn(&Control)>) -> usize {
    for polls in 0.. {
        assert!(polls < 100_000, "it never ends");
        let clock = SimulatedClock::new();
        let source = Watched::new(&clock, 0..tasks, faults.clone());
        let (gauge, control) = (Gauge::default(), Control::new());
        let handler = async |task: &Task<u64>| {
            let _in = gauge.enter();
            if let (3, Some(stop)) = (task.payload, stop) {
                stop(&control);
            }
            for _ in 0..task.payload % 3 {
                clock.sleep(ms(1)).await;
                yield_once().await;
            }
            match (task.payload % 5, task.attempt.get()) {
                (4, 1) => Err(Failure::retry_after("once more", ms(2))),
                (1, _) if config.pattern == Pattern::TaskGroup && task.payload > 8 => Err(Failure::permanent("no")),
                (2, _) => std::future::pending().await,
                _ => Ok(()),
            }
        };
        let run = Run::new(&source, handler).config(*config).control(&control).clock(&clock);
        let ended = poll_times(&clock, run.into_future(), polls);
        assert_eq!((gauge.now(), clock.timers()), (0, 0), "handlers and timers are gone after {polls} polls");
        source.assert_conserved();
        if ended.is_some() {
            return polls;
        }
        // Whoever comes next finds every task, and every permit.
        let before = (source.books.borrow().done.len() + source.books.borrow().dead.len()) as u64;
        assert_eq!(source.rest().len() as u64 + before, tasks);
    }
    unreachable!()
}

fn config(pattern: Pattern, limit: usize) -> Config {
    let retry = Retry::new(1);
    Config::new(pattern, nz(limit)).timeout(ms(4)).retry(retry).grace(ms(3))
}

#[test]
fn a_run_that_is_dropped_after_any_number_of_polls_loses_nothing() {
    for pattern in Pattern::ALL {
        for limit in [1, 4] {
            let polls = drop_everywhere(&config(pattern, limit), &Faults::default(), 20, None);
            assert!(polls >= 5, "{polls}");
        }
    }
}

#[test]
fn also_when_the_source_takes_its_time() {
    let faults = Faults {
        claim_delay: ms(2),
        claim_lingers: ms(1),
        settle_delay: ms(3),
        close_delay: ms(1),
        claim_most: Some(3),
        ..Faults::default()
    };
    for pattern in Pattern::ALL {
        for limit in [1, 4] {
            drop_everywhere(&config(pattern, limit), &faults, 20, None);
        }
    }
}

#[test]
fn also_while_it_ends_for_another_reason() {
    let slow = Faults { claim_lingers: ms(1), settle_delay: ms(2), close_delay: ms(2), ..Faults::default() };
    let faults = [
        slow.clone(),
        Faults { settle_fails_at: Some(1), ..slow.clone() },
        Faults { claim_fails_at: Some(1), ..slow.clone() },
        Faults { drive_fails_after: Some(ms(4)), ..slow.clone() },
        Faults { settle_hangs_at: Some(1), ..slow },
    ];
    for pattern in Pattern::ALL {
        for faults in &faults {
            drop_everywhere(&config(pattern, 4), faults, 12, Some(Control::drain));
            drop_everywhere(&config(pattern, 4), faults, 12, Some(Control::abort));
        }
    }
}

/// cpython 116720: a cancel from outside while a failed group winds up is honoured, not swallowed.
#[test]
fn a_group_that_is_dropped_while_it_cancels_its_tasks_loses_nothing() {
    let slow = Faults { settle_delay: ms(5), close_delay: ms(5), ..Faults::default() };
    for limit in [2, 8] {
        drop_everywhere(&config(Pattern::TaskGroup, limit), &slow, 30, None);
    }
}

/// cpython 90155: a permit survives a cancel wherever its holder waits.
#[test]
fn what_was_dropped_can_be_run_again_with_every_permit() {
    for config in grid() {
        let limit = config.limit;
        let clock = SimulatedClock::new();
        let source = MemorySource::new(0..10 * limit as u64);
        let gauge = Gauge::default();
        let handler = async |task: &Task<u64>| {
            let _in = gauge.enter();
            clock.sleep(ms(1 + task.payload % 3)).await;
            Ok::<_, Failure>(())
        };
        let dropped = Run::new(&source, &handler).config(config).clock(&clock).into_future();
        assert!(poll_times(&clock, dropped, 3).is_none());
        assert_eq!((source.held(), gauge.now()), (0, 0));
        let report =
            clock.run(Run::new(&source, &handler).config(config).clock(&clock).into_future()).unwrap().unwrap();
        assert_eq!(report.counters.peak_in_flight, limit as u64);
        assert!(report.counters.done >= 8 * limit as u64 && source.take_rest().is_empty());
    }
}

/// A timeout at any point of a handler's life leaves its permit to the next.
#[test]
fn a_timeout_at_any_await_frees_the_permit() {
    for pattern in [Pattern::TaskSet, Pattern::SemaphoreBatch, Pattern::WorkerPool] {
        for timeout in 1..12 {
            let config = Config::new(pattern, nz(1)).timeout(ms(timeout)).retry(Retry::NEVER);
            let bench = Bench::new(config, 5);
            let lock = async_lock::Mutex::new(());
            let (ended, _) = bench.run(async |_| {
                for _ in 0..5 {
                    let _guard = lock.lock().await;
                    bench.clock.sleep(ms(1)).await;
                    drop(_guard);
                    bench.clock.sleep(ms(1)).await;
                }
                Ok::<_, Failure>(())
            });
            let counters = ended.unwrap().counters;
            let expected = if timeout >= 10 { (5, 0) } else { (0, 5) };
            assert_eq!((counters.done, counters.timed_out), expected, "{timeout} ms");
        }
    }
}
