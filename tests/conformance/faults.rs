//! Sources that fail. A run then ends with the error and the report so far, and nothing is lost.

use std::convert::Infallible;

use fourfold::{Attempt, Clock, Config, Failure, Pattern, Report, RunError};

use crate::common::*;

fn run_with(faults: Faults, config: &Config) -> (Fell, Report, Checker, u64) {
    let bench = Bench::with_faults(*config, 20 * config.limit as u64, faults);
    let gauge = Gauge::default();
    let (ended, checker) = bench.run(async |task| {
        let _in = gauge.enter();
        bench.clock.sleep(ms(2 + task.payload % 3)).await;
        if task.payload.is_multiple_of(5) && task.attempt == Attempt::FIRST {
            return Err(Failure::retry_after("once more", ms(5)));
        }
        Ok(())
    });
    assert_eq!(gauge.now(), 0);
    let closes = bench.source.books.borrow().closes;
    match ended {
        Err(RunError::Source { error, report }) => (error, *report, checker, closes),
        other => panic!("the source has not failed: {other:?}"),
    }
}

#[test]
fn when_a_claim_fails_what_has_started_is_finished_and_settled() {
    for config in grid() {
        for at in [0, 1, 2] {
            let faults = Faults { claim_fails_at: Some(at), ..Faults::default() };
            let (error, report, checker, closes) = run_with(faults, &config);
            assert_eq!((error, closes), (Fell::Claim, 1));
            assert!(checker.drained && !checker.aborted);
            assert_eq!((report.counters.abandoned, report.counters.cancelled), (0, 0));
            assert_eq!(at == 0, report.counters.attempts() == 0);
        }
    }
}

#[test]
fn when_settling_fails_what_was_not_taken_is_left_to_the_source() {
    for config in grid() {
        for at in [0, 1, 3] {
            let faults = Faults { settle_fails_at: Some(at), ..Faults::default() };
            let (error, report, checker, _) = run_with(faults, &config);
            assert_eq!(error, Fell::Settle);
            assert!(checker.drained);
            assert!(report.counters.abandoned > 0);
            assert_eq!(at == 0, report.counters.done + report.counters.retried == 0);
        }
    }
}

#[test]
fn when_the_background_work_fails_the_run_ends_at_once() {
    for config in grid() {
        for after in [0, 1, 7, 13] {
            let faults = Faults { drive_fails_after: Some(ms(after)), ..Faults::default() };
            let (error, report, checker, closes) = run_with(faults, &config);
            assert_eq!((error, closes, report.elapsed), (Fell::Drive, 0, ms(after)));
            // Nothing more is waited for: what ran is dropped, and none of it given back as if that could be told.
            assert_eq!((report.counters.released, checker.drained), (0, false));
            assert!(after != 1 || report.counters.cancelled == config.limit as u64);
        }
    }
}

#[test]
fn when_the_goodbye_fails_all_that_was_done_is_done() {
    for config in grid() {
        let faults = Faults { close_fails: true, ..Faults::default() };
        let (error, report, ..) = run_with(faults, &config);
        assert_eq!((error, report.counters.done), (Fell::Close, 20 * config.limit as u64));
    }
}

#[test]
fn the_first_failure_is_the_one_that_is_told() {
    for config in grid() {
        let faults =
            Faults { claim_fails_at: Some(1), settle_fails_at: Some(0), close_fails: true, ..Faults::default() };
        let (error, ..) = run_with(faults, &config);
        assert!(matches!(error, Fell::Claim | Fell::Settle));
    }
    let bench = Bench::with_faults(
        Config::new(Pattern::TaskSet, nz(1)),
        1,
        Faults { claim_fails_at: Some(1), close_fails: true, ..Faults::default() },
    );
    let (ended, _) = bench.run(async |_| Ok::<_, Infallible>(()));
    let error = ended.unwrap_err();
    assert_eq!(error.to_string(), "the source failed: Claim failed as told");
    assert!(std::error::Error::source(&error).is_some());
}
