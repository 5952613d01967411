//! When a failed task is tried again.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible, num::NonZeroUsize, time::Duration};

use fourfold::{
    Attempt, Clock, Config, Failure, MemorySource, Pattern, Retry, Run, Source, Task, TaskId,
    clock::{SimulatedClock, Time},
    event::{EventKind, observer_fn},
    source::{ClaimStatus, Claims, Delivery, Settlement},
};

use crate::common::*;

/// Every wait that was scheduled, by task and attempt, and whether the next attempt came no earlier.
fn waits(config: Config, tasks: u64) -> BTreeMap<(TaskId, u32), Duration> {
    let clock = SimulatedClock::new();
    let source = MemorySource::new(0..tasks);
    let waits = RefCell::new(BTreeMap::new());
    let mut due = BTreeMap::new();
    let observer = observer_fn(|event| match event.kind {
        EventKind::RetryScheduled { task, attempt, after } => {
            waits.borrow_mut().insert((task, attempt.get()), after);
            due.insert(task, event.at + after);
        }
        EventKind::Claimed { task, attempt } if attempt > Attempt::FIRST => assert!(event.at >= due[&task]),
        _ => {}
    });
    let run = Run::new(&source, async |task: &Task<u64>| {
        clock.sleep(ms(1 + task.payload % 5)).await;
        if task.attempt.get() <= 6 { Err(Failure::transient("not yet")) } else { Ok(()) }
    });
    let report = clock.run(run.config(config).clock(&clock).observer(observer).into_future()).unwrap().unwrap();
    assert_eq!((report.counters.done, report.counters.retried), (tasks, 6 * tasks));
    waits.into_inner()
}

#[test]
fn backoff_doubles_up_to_its_ceiling_with_half_of_it_jitter() {
    let retry = Retry::new(6).base(ms(100)).max(ms(1000));
    for pattern in Pattern::ALL {
        let waits = waits(Config::new(pattern, nz(5)).retry(retry), 200);
        for (attempt, ceiling) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (6, 1000)] {
            let of_attempt: Vec<_> = waits.iter().filter(|((_, n), _)| *n == attempt).map(|(_, wait)| *wait).collect();
            assert_eq!(of_attempt.len(), 200);
            let (least, most) = (of_attempt.iter().min().unwrap(), of_attempt.iter().max().unwrap());
            assert!(*least >= ms(ceiling / 2) && *most <= ms(ceiling), "{least:?} to {most:?}");
            assert!(*least < ms(ceiling * 11 / 20) && *most > ms(ceiling * 19 / 20), "all of the range is used");
        }
    }
}

#[test]
fn jitter_depends_on_seed_task_and_attempt_and_not_on_scheduling() {
    let of = |pattern, limit, seed| {
        let retry = Retry::new(6);
        waits(Config::new(pattern, nz(limit)).retry(retry).seed(seed), 50)
    };
    let reference = of(Pattern::TaskSet, 1, 42);
    for pattern in Pattern::ALL {
        for limit in [1, 5, 64] {
            assert_eq!(of(pattern, limit, 42), reference);
        }
    }
    assert_ne!(of(Pattern::TaskSet, 1, 43), reference);
}

#[test]
fn a_handler_that_says_when_is_heard_and_still_bounded() {
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, nz(3)).retry(Retry::new(2));
        let bench = Bench::new(config, 1);
        let starts = RefCell::new(Vec::new());
        let (ended, _) = bench.run(async |_| {
            starts.borrow_mut().push(bench.clock.now());
            Err::<(), _>(Failure::retry_after("busy", ms(70)))
        });
        assert_eq!(*starts.borrow(), [0, 70, 140].map(|at| Time::ZERO + ms(at)));
        let counters = match &ended {
            Ok(report) => report.counters,
            Err(error) => error.report().counters,
        };
        assert_eq!((counters.failed, counters.retried, counters.dead), (3, 2, 1));
        assert_eq!(bench.source.books.borrow().dead[&TaskId(0)], "busy");
    }
}

#[test]
fn a_permanent_failure_gets_no_second_attempt_and_others_none_beyond_the_policy() {
    for pattern in Pattern::ALL {
        for (retries, permanent, attempts) in [(5, true, 1), (0, false, 1), (1, false, 2), (4, false, 5)] {
            let config = Config::new(pattern, nz(3)).retry(Retry::new(retries));
            let bench = Bench::new(config, 1);
            let (ended, _) = bench.run(async |_| {
                Err::<(), _>(if permanent { Failure::permanent("no") } else { Failure::transient("no") })
            });
            let counters = match &ended {
                Ok(report) => report.counters,
                Err(error) => error.report().counters,
            };
            assert_eq!((counters.failed, counters.dead), (attempts, 1));
        }
    }
}

/// A task that waits for its next attempt holds no permit.
#[test]
fn others_run_while_a_task_waits_for_its_next_attempt() {
    for pattern in Pattern::ALL {
        let bench = Bench::new(Config::new(pattern, nz(1)), 10);
        let (ended, checker) = bench.run(async |task| {
            bench.clock.sleep(ms(1)).await;
            match (task.payload, task.attempt.get()) {
                (0, 1) => Err(Failure::retry_after("later", ms(100))),
                _ => Ok(()),
            }
        });
        assert_eq!(ended.unwrap().elapsed, ms(102), "{pattern}");
        assert_eq!(checker.order.last(), Some(&TaskId(0)));
    }
}

/// A source that says it has nothing more did not know that a task would come back.
#[test]
fn a_source_that_was_exhausted_is_asked_again_after_a_retry() {
    struct Hasty<'a>(MemorySource<'a, u64>);

    impl Source for Hasty<'_> {
        type Payload = u64;
        type Receipt = ();
        type Error = Infallible;

        async fn claim(
            &self,
            max: NonZeroUsize,
            claims: &mut Claims<u64, ()>,
            clock: &impl Clock,
        ) -> Result<ClaimStatus, Infallible> {
            self.0.claim(max, claims, clock).await?;
            Ok(ClaimStatus::Exhausted)
        }

        async fn settle(&self, settlements: &mut [Settlement<u64, ()>], clock: &impl Clock) -> Result<(), Infallible> {
            self.0.settle(settlements, clock).await
        }

        fn abandon(&self, delivery: Delivery<u64, ()>) {
            self.0.abandon(delivery);
        }
    }

    for pattern in Pattern::ALL {
        let clock = SimulatedClock::new();
        let source = Hasty(MemorySource::new(0..5));
        let run = Run::new(&source, async |task: &Task<u64>| match task.attempt.get() {
            1 | 2 if task.payload == 3 => Err(Failure::transient("again")),
            _ => Ok(()),
        });
        let run = run.pattern(pattern).clock(&clock);
        let report = clock.run(run.into_future()).unwrap().unwrap();
        assert_eq!((report.counters.done, report.counters.retried), (5, 2), "{pattern}");
    }
}
