//! What is told of a run. (That events come without gaps, in an order that makes sense, and fold to the run's own counts is checked in every
//! run of this suite.)

use std::{convert::Infallible, time::Duration};

use fourfold::{
    Clock, Config, Failure, MemorySource, Pattern, Run, Task,
    clock::SimulatedClock,
    event::{EventKind, observer_fn},
};

use crate::common::*;

#[test]
fn idle_permits_waits_and_services_are_what_they_were() {
    for pattern in Pattern::ALL {
        let bench = Bench::new(Config::new(pattern, nz(4)), 6);
        let (ended, checker) = bench.run(async |_| {
            bench.clock.sleep(ms(10)).await;
            Ok::<_, Infallible>(())
        });
        let report = checker.state.report();
        assert_eq!(ended.unwrap().elapsed, ms(20));
        // Four at first, then two: two permits idle for as long as a task takes.
        assert_eq!(report.idle_permits, Some(ms(20)), "{pattern}");
        assert_eq!((report.service.unwrap().p50, report.service.unwrap().max), (ms(10), ms(10)));
        let waited = if matches!(pattern, Pattern::WorkerPool | Pattern::SemaphoreBatch) { ms(10) } else { ms(0) };
        assert_eq!(report.wait.unwrap().max, waited, "{pattern}");
        let total = checker.state.report().total.unwrap();
        assert_eq!(total.max, ms(10) + waited);
    }
}

#[test]
fn the_same_run_tells_the_same_events_and_the_pattern_is_the_only_difference_between_set_and_group() {
    let log = |config: &Config| {
        let bench = Bench::new(*config, 100);
        let mut checker = Checker::new(config).logging();
        let run = Run::new(&bench.source, async |task: &Task<u64>| {
            bench.clock.sleep(ms(task.payload * 13 % 7)).await;
            if task.payload.is_multiple_of(9) && task.attempt.get() < 3 {
                Err(Failure::transient("again"))
            } else {
                Ok(())
            }
        });
        let run = run.config(*config).clock(&bench.clock).observer(&mut checker);
        bench.clock.run(run.into_future()).unwrap().unwrap();
        checker.log.unwrap()
    };
    for config in grid() {
        assert_eq!(log(&config), log(&config));
    }
    let [set, group] = [Pattern::TaskSet, Pattern::TaskGroup].map(|pattern| log(&Config::new(pattern, nz(5))));
    assert_eq!(set.replace("TaskSet", "TaskGroup"), group);
}

#[test]
fn a_source_that_has_nothing_now_is_said_to_be_waited_for() {
    for pattern in Pattern::ALL {
        let clock = SimulatedClock::new();
        let (sender, source) = MemorySource::channel(4).unwrap();
        let mut waits = 0;
        let observer = observer_fn(|event| waits += usize::from(event.kind == EventKind::SourceWaiting));
        let run = Run::new(&source, async |_: &Task<u32>| Ok::<_, Infallible>(())).pattern(pattern);
        let run = run.clock(&clock).observer(observer).into_future();
        let produce = async {
            for n in 0..3 {
                clock.sleep(Duration::from_secs(1)).await;
                sender.send(n).await.unwrap();
            }
            drop(sender);
        };
        let (report, ()) = clock.run(futures_lite::future::zip(run, produce)).unwrap();
        assert_eq!(report.unwrap().counters.done, 3);
        assert!(waits >= 3, "{pattern}: {waits}");
    }
}

#[test]
fn a_run_that_nobody_watches_counts_the_same() {
    for config in grid() {
        let bench = Bench::new(config, 100);
        let handler = async |task: &Task<u64>| {
            bench.clock.sleep(ms(task.payload % 4)).await;
            if task.payload.is_multiple_of(7) && task.attempt.get() == 1 {
                Err(Failure::transient("again"))
            } else {
                Ok(())
            }
        };
        let (watched, _) = bench.run(handler);
        let clock = SimulatedClock::new();
        let source = Watched::new(&clock, 0..100, Faults::default());
        let handler = async |task: &Task<u64>| {
            clock.sleep(ms(task.payload % 4)).await;
            if task.payload.is_multiple_of(7) && task.attempt.get() == 1 {
                Err(Failure::transient("again"))
            } else {
                Ok(())
            }
        };
        let run = Run::new(&source, handler).config(config).clock(&clock);
        assert_eq!(clock.run(run.into_future()).unwrap().unwrap(), watched.unwrap());
    }
}
