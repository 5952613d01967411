//! Tasks that succeed or fail together.

use std::{cell::RefCell, convert::Infallible};

use fourfold::{
    Attempt, Clock, Config, Failure, Pattern, Report, Retry, RunError, TaskId, event::Outcome, run::TaskFailure,
};

use crate::common::*;

fn failures(ended: Ended) -> (Vec<TaskFailure>, Report) {
    match ended {
        Err(RunError::Group { failures, report }) => (failures, *report),
        other => panic!("the group has not failed: {other:?}"),
    }
}

fn group(limit: usize) -> Config {
    Config::new(Pattern::TaskGroup, nz(limit)).retry(Retry::NEVER)
}

#[test]
fn the_first_final_failure_cancels_the_siblings_and_nothing_new_starts() {
    for limit in LIMITS {
        let bench = Bench::new(group(limit), 10 * limit as u64);
        let gauge = Gauge::default();
        let (ended, checker) = bench.run(async |task| {
            let _in = gauge.enter();
            bench.clock.sleep(ms(10 + task.payload)).await;
            if task.payload == limit as u64 { Err(Failure::transient("the first")) } else { Ok(()) }
        });
        let (failures, report) = failures(ended);
        assert!(checker.cancelled && !checker.drained);
        let expected = TaskFailure {
            task: TaskId(limit as u64),
            attempt: Attempt::FIRST,
            outcome: Outcome::Failed,
            reason: "the first".into(),
        };
        assert_eq!(failures, [expected]);
        assert_eq!((report.counters.dead, report.counters.cancelled), (1, limit as u64 - 1));
        assert_eq!((gauge.now(), gauge.total() as u64), (0, report.counters.attempts()), "no orphans");
        assert_eq!(report.counters.done + 1 + bench.source.rest().len() as u64, 10 * limit as u64);
        assert_eq!(bench.source.books.borrow().closes, 1);
    }
}

#[test]
fn every_failure_of_the_same_tick_is_kept() {
    // More than are polled in one turn, too.
    for limit in [2, 16, 64, 600, 2000] {
        let bench = Bench::new(group(limit).timeout(ms(10)), 2 * limit as u64);
        let (ended, _) = bench.run(async |task| {
            bench.clock.sleep(if task.payload.is_multiple_of(2) { ms(10) } else { ms(50) }).await;
            Err::<(), _>(Failure::transient(task.payload.to_string()))
        });
        let (failures, report) = failures(ended);
        assert_eq!((failures.len(), report.counters.dead, report.counters.cancelled), (limit, limit as u64, 0));
        let late = failures.iter().filter(|failure| failure.outcome == Outcome::TimedOut).count();
        assert_eq!((late, report.counters.failed, report.counters.timed_out), (limit / 2, late as u64, late as u64));
    }
}

#[test]
fn a_task_that_fails_at_once_starts_no_others() {
    for limit in LIMITS {
        let bench = Bench::new(group(limit), 100);
        let started = RefCell::new(Vec::new());
        let (ended, _) = bench.run(async |task| {
            started.borrow_mut().push(task.payload);
            Err::<(), _>(Failure::permanent("at once"))
        });
        assert_eq!(failures(ended).0.len(), 1);
        assert_eq!((started.into_inner(), bench.source.rest().len()), (vec![0], 99));
    }
}

#[test]
fn panics_and_timeouts_fail_a_group_like_errors_and_retries_do_not() {
    silence_panics();
    for outcome in [Outcome::Panicked, Outcome::TimedOut, Outcome::Failed] {
        let retry = Retry::new(1);
        let config = group(4).timeout(ms(5)).retry(retry);
        let bench = Bench { may_panic: true, ..Bench::new(config, 20) };
        let (ended, _) = bench.run(async |task| {
            if task.payload != 3 {
                return Ok(());
            }
            match outcome {
                Outcome::Panicked => panic!("late"),
                Outcome::TimedOut => std::future::pending().await,
                _ => Err(Failure::transient("as told")),
            }
        });
        let (failures, report) = failures(ended);
        assert_eq!((failures.len(), failures[0].outcome, failures[0].attempt.get()), (1, outcome, 2));
        assert_eq!((report.counters.done, report.counters.retried), (19, 1));
    }
}

#[test]
fn a_failure_while_draining_cancels_what_is_left() {
    let bench = Bench::new(group(4), 20);
    let (ended, checker) = bench.run(async |task| {
        bench.clock.sleep(ms(5)).await;
        bench.control.drain();
        bench.clock.sleep(ms(5 + task.payload)).await;
        if task.payload == 1 { Err(Failure::transient("as told")) } else { Ok(()) }
    });
    let (failures, report) = failures(ended);
    assert_eq!((failures.len(), checker.drained, checker.cancelled), (1, true, true));
    assert_eq!((report.counters.done, report.counters.dead, report.counters.cancelled), (1, 1, 2));
}

#[test]
fn a_group_without_a_failure_ends_well_and_may_be_drained() {
    let bench = Bench::new(group(4), 20);
    let (ended, checker) = bench.run(async |task| {
        bench.clock.sleep(ms(1)).await;
        if task.payload == 7 {
            bench.control.drain();
        }
        Ok::<_, Infallible>(())
    });
    assert_eq!((ended.unwrap().counters.done, checker.cancelled), (8, false));
}

#[test]
fn the_error_names_the_first_failure_and_counts_the_others() {
    let bench = Bench::new(group(4), 4);
    let (ended, _) = bench.run(async |task| {
        bench.clock.sleep(ms(1)).await;
        Err::<(), _>(Failure::transient(format!("number {}", task.payload)))
    });
    let error = ended.unwrap_err();
    assert_eq!(error.to_string(), "the group failed (4 failures): task 0, attempt 1: number 0");
}
