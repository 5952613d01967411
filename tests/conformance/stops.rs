//! Drain, abort, grace.

use std::{cell::Cell, convert::Infallible, num::NonZeroUsize};

use fourfold::{Clock, Config, Control, MemorySource, Pattern, Run, Task, clock::Time, metrics::Counters};

use crate::common::*;

/// Runs `other` beside the run's first handler, so that something happens at a time of the test's choosing.
async fn beside<T>(work: impl Future<Output = T>, other: impl Future<Output = ()>) -> T {
    let other = async {
        other.await;
        std::future::pending().await
    };
    futures_lite::future::or(work, other).await
}

#[test]
fn a_drain_finishes_what_has_started_and_gives_back_the_rest_in_order() {
    for config in grid() {
        for at in [0, 1, 5, 10, 14, 23] {
            let limit = config.limit;
            let bench = Bench::new(config, 20 * limit as u64);
            let (gauge, claims) = (Gauge::default(), Cell::new(0));
            let (ended, checker) = bench.run(async |task| {
                let _in = gauge.enter();
                let work = bench.clock.sleep(ms(4 + task.payload % 4));
                let drain = async {
                    bench.clock.sleep(ms(at).saturating_sub(bench.clock.now().since(Time::ZERO))).await;
                    if !bench.control.is_draining() {
                        claims.set(bench.source.claims());
                        bench.control.drain();
                    }
                };
                beside(work, drain).await;
                Ok::<_, Infallible>(())
            });
            let counters = ended.unwrap().counters;
            let rest = bench.source.rest();
            assert!(checker.drained && !checker.aborted);
            assert_eq!((counters.done, counters.cancelled), (gauge.total() as u64, 0), "what has started is finished");
            assert_eq!(counters.done + rest.len() as u64, 20 * limit as u64);
            assert!(rest.is_sorted(), "{rest:?}");
            assert_eq!(bench.source.claims(), claims.get(), "nothing is claimed after a drain");
            assert_eq!(bench.source.books.borrow().closes, 1);
        }
    }
}

#[test]
fn an_abort_drops_what_runs_and_gives_it_back_before_what_was_only_claimed() {
    for config in grid() {
        let limit = config.limit;
        let bench = Bench::new(config, 20 * limit as u64);
        let gauge = Gauge::default();
        let (ended, checker) = bench.run(async |task| {
            let _in = gauge.enter();
            bench.clock.sleep(ms(10)).await;
            if task.payload == 2 * limit as u64 {
                bench.control.abort();
                bench.clock.sleep(ms(10)).await;
                unreachable!("it is dropped");
            }
            bench.clock.sleep(ms(1)).await;
            Ok::<_, Infallible>(())
        });
        let report = ended.unwrap();
        assert!(checker.aborted);
        assert_eq!((gauge.now(), gauge.total() as u64), (0, report.counters.attempts()));
        assert!(report.counters.cancelled > 0);
        let rest = bench.source.rest();
        assert_eq!(report.counters.done + rest.len() as u64, 20 * limit as u64);
        let (cancelled, others) = rest.split_at(report.counters.cancelled as usize);
        assert!(others.is_sorted(), "{config:?}: {rest:?}");
        assert!(cancelled.iter().all(|id| *id < others[0]), "{config:?}: {rest:?}");
    }
}

#[test]
fn a_run_that_is_drained_or_aborted_before_it_begins_does_nothing() {
    for pattern in Pattern::ALL {
        for abort in [false, true] {
            let bench = Bench::new(Config::new(pattern, nz(5)), 9);
            if abort {
                bench.control.abort()
            } else {
                bench.control.drain()
            }
            let (ended, _) = bench.run(async |_| -> Result<(), Infallible> { unreachable!() });
            assert_eq!(ended.unwrap().counters, Counters::default());
            assert_eq!((bench.source.claims(), bench.source.rest().len()), (0, 9));
        }
    }
}

#[test]
fn a_drain_that_takes_longer_than_its_grace_becomes_an_abort() {
    for pattern in Pattern::ALL {
        let bench = Bench::new(Config::new(pattern, nz(4)).grace(ms(100)), 40);
        let (ended, checker) = bench.run(async |task| {
            if task.payload == 0 {
                bench.clock.sleep(ms(10)).await;
                bench.control.drain();
            }
            // One in four makes it in time.
            bench.clock.sleep(if task.payload == 3 { ms(60) } else { ms(100_000) }).await;
            Ok::<_, Infallible>(())
        });
        let report = ended.unwrap();
        assert!(checker.drained && checker.aborted);
        assert_eq!((report.counters.done, report.counters.cancelled, report.elapsed), (1, 3, ms(110)), "{pattern}");
    }
}

/// The second grace is the source's: what it has not been told by then is left to it.
#[test]
fn a_source_that_never_answers_is_given_up_after_the_grace() {
    for pattern in Pattern::ALL {
        let faults = Faults { settle_hangs_at: Some(1), ..Faults::default() };
        let config = Config::new(pattern, nz(2)).grace(ms(100));
        let bench = Bench::with_faults(config, 20, faults);
        let (ended, _) = bench.run(async |task| {
            bench.clock.sleep(ms(10)).await;
            if task.payload == 2 {
                bench.control.drain();
            }
            Ok::<_, Infallible>(())
        });
        let report = ended.unwrap();
        assert!(report.counters.abandoned > 0, "{:?}", report.counters);
        assert_eq!(report.elapsed, ms(220));
    }
}

/// Also when nobody asked it to end before.
#[test]
fn a_source_that_never_says_goodbye_can_be_aborted() {
    for pattern in Pattern::ALL {
        let faults = Faults { close_delay: ms(1_000_000), ..Faults::default() };
        let config = Config::new(pattern, nz(2)).grace(ms(100));
        let bench = Bench::with_faults(config, 3, faults);
        let (clock, control) = (bench.clock.clone(), bench.control.clone());
        let mut checker = Checker::new(&bench.config);
        let run = Run::new(&bench.source, async |_: &Task<u64>| Ok::<_, Infallible>(()))
            .config(bench.config)
            .control(&bench.control)
            .clock(&bench.clock)
            .observer(&mut checker);
        let signal = async {
            clock.sleep(ms(50)).await;
            control.abort();
        };
        let report = clock.run(beside(run.into_future(), signal)).unwrap().unwrap();
        assert_eq!((report.counters.done, report.elapsed), (3, ms(150)));
    }
}

/// What the claim under way had got when it was cut short is given back like the rest.
#[test]
fn a_claim_that_is_dropped_while_it_waits_loses_nothing() {
    for config in grid() {
        for abort in [false, true] {
            let limit = config.limit;
            let faults = Faults {
                claim_most: Some(limit.div_ceil(2)),
                claim_delay: ms(3),
                claim_lingers: ms(3),
                ..Faults::default()
            };
            let bench = Bench::with_faults(config, 20 * limit as u64, faults);
            let (ended, _) = bench.run(async |task| {
                bench.clock.sleep(ms(4)).await;
                if task.payload == 0 {
                    if abort { bench.control.abort() } else { bench.control.drain() }
                }
                Ok::<_, Infallible>(())
            });
            let counters = ended.unwrap().counters;
            assert_eq!(counters.done + bench.source.rest().len() as u64, 20 * limit as u64);
            assert!(bench.source.rest().is_sorted());
        }
    }
}

#[test]
fn another_thread_can_abort_a_run_that_sleeps() {
    for pattern in Pattern::ALL {
        let source = MemorySource::new(0..3_u8);
        let control = Control::new();
        let (asleep, wait) = std::sync::mpsc::channel();
        let thread = std::thread::spawn({
            let control = control.clone();
            move || {
                wait.recv().unwrap();
                control.abort();
            }
        });
        let run = Run::new(&source, async |_: &Task<u8>| {
            asleep.send(()).unwrap();
            std::future::pending::<Result<(), Infallible>>().await
        });
        let run = run.pattern(pattern).limit(NonZeroUsize::MIN).control(&control);
        let report = futures_lite::future::block_on(run.into_future()).unwrap();
        thread.join().unwrap();
        assert_eq!((report.counters.cancelled, source.take_rest().len()), (1, 3));
    }
}
