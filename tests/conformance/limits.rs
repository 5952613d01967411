//! Limits, rates and how much is claimed.

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Future, IntoFuture},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use fourfold::{
    Clock, Config, Failure, MemorySource, Pattern, Rate, Run, RunError, Task,
    clock::{SimulatedClock, Time},
    config::ConfigError,
};

use crate::common::*;

#[test]
fn the_peak_in_flight_reaches_the_limit_and_never_passes_it() {
    for config in grid() {
        let limit = config.limit;
        let bench = Bench::new(config, limit as u64 * 6 + 1);
        let gauge = Gauge::default();
        let (ended, _) = bench.run(async |task| {
            let _in = gauge.enter();
            bench.clock.sleep(ms(1 + task.payload % 3)).await;
            Ok::<_, Infallible>(())
        });
        let counters = ended.unwrap().counters;
        assert_eq!((gauge.peak(), counters.peak_in_flight), (limit, limit as u64));
        assert_eq!((gauge.now(), counters.done), (0, limit as u64 * 6 + 1));
    }
}

#[test]
fn a_limit_of_0_ends_the_run_before_its_first_claim() {
    use ConfigError::{ZeroBatchSize, ZeroLimit, ZeroQueueCapacity, ZeroWorkers};
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, 1);
        for (config, expected) in [
            (config.limit(0), ZeroLimit),
            (config.workers(0), ZeroWorkers),
            (config.queue_capacity(0), ZeroQueueCapacity),
            (config.batch_size(0), ZeroBatchSize),
        ] {
            let source = MemorySource::new(0..3);
            let run = Run::new(&source, async |_: &Task<i32>| Ok::<_, Infallible>(())).config(config);
            let ended = futures_lite::future::block_on(run.into_future());
            let Err(RunError::Config { error, report }) = ended else { panic!("it ran with {config:?}") };
            assert_eq!((error, report.counters), (expected, Default::default()));
            assert_eq!((source.held(), source.take_rest().len()), (0, 3), "nothing was claimed");
        }
    }
}

#[test]
fn a_control_refuses_a_limit_of_0_and_the_run_goes_on_as_before() {
    for pattern in Pattern::ALL {
        let bench = Bench::new(Config::new(pattern, 4), 40);
        let gauge = Gauge::default();
        let (ended, _) = bench.run(async |_| {
            let _in = gauge.enter();
            assert_eq!(bench.control.set_limit(0), Err(ConfigError::ZeroLimit));
            let refused = bench.control.set_config(&Config::new(pattern, 9).batch_size(0));
            assert_eq!(refused, Err(ConfigError::ZeroBatchSize));
            bench.clock.sleep(ms(5)).await;
            Ok::<_, Infallible>(())
        });
        assert_eq!((ended.unwrap().counters.done, gauge.peak()), (40, 4));
    }
}

#[test]
fn fewer_tasks_than_the_limit_and_none_at_all() {
    for config in grid() {
        for tasks in [0, 1, 3] {
            let bench = Bench::new(config, tasks);
            let (ended, _) = bench.run(async |_| Ok::<_, Infallible>(()));
            assert_eq!(ended.unwrap().counters.done, tasks);
            assert_eq!(bench.source.books.borrow().closes, 1);
        }
    }
}

#[test]
fn a_raised_limit_is_reached() {
    for pattern in Pattern::ALL {
        let bench = Bench::new(Config::new(pattern, nz(2)), 300);
        let gauge = Gauge::default();
        let (ended, _) = bench.run(async |task| {
            let _in = gauge.enter();
            if task.payload == 3 {
                assert!(gauge.peak() <= 2);
                bench.control.set_limit(32).unwrap();
            }
            bench.clock.sleep(ms(5)).await;
            Ok::<_, Infallible>(())
        });
        let report = ended.unwrap();
        assert_eq!((gauge.peak(), report.limit, report.counters.done), (32, 32, 300), "{pattern}");
    }
}

#[test]
fn a_lowered_limit_takes_effect_at_once_and_old_releases_do_not_refill_it() {
    for pattern in Pattern::ALL {
        for tasks_sleep in [true, false] {
            let bench = Bench::new(Config::new(pattern, nz(16)), 200);
            let (gauge, lowered) = (Gauge::default(), Cell::new(false));
            let (ended, checker) = bench.run(async |task| {
                let _in = gauge.enter();
                assert!(!lowered.get() || gauge.now() <= 3, "{pattern}: {} in flight, 3 may be", gauge.now());
                if task.payload == 40 {
                    bench.control.set_limit(3).unwrap();
                    lowered.set(true);
                }
                if tasks_sleep || task.payload.is_multiple_of(7) {
                    bench.clock.sleep(ms(5 + task.payload % 4)).await;
                }
                Ok::<_, Infallible>(())
            });
            assert_eq!(ended.unwrap().counters.done, 200);
            assert_eq!(checker.state.limit(), 3);
        }
    }
}

/// It is lowered by the very first handler, while others could still start in the same turn.
#[test]
fn a_limit_lowered_by_a_handler_holds_for_the_next_start() {
    for pattern in Pattern::ALL {
        let bench = Bench::new(Config::new(pattern, nz(16)), 50);
        let gauge = Gauge::default();
        let (ended, _) = bench.run(async |_| {
            let _in = gauge.enter();
            bench.control.set_limit(1).unwrap();
            bench.clock.sleep(ms(5)).await;
            Ok::<_, Infallible>(())
        });
        assert_eq!((ended.unwrap().counters.done, gauge.peak()), (50, 1), "{pattern}");
    }
}

#[test]
fn a_pools_workers_and_its_permits_are_two_bounds() {
    for (limit, workers, peak) in [(8, 3, 3), (3, 8, 3), (4, 4, 4), (64, 1, 1)] {
        let config = Config::new(Pattern::WorkerPool, nz(limit)).workers(nz(workers));
        let bench = Bench::new(config, 100);
        let gauge = Gauge::default();
        let (ended, _) = bench.run(async |_| {
            let _in = gauge.enter();
            bench.clock.sleep(ms(2)).await;
            Ok::<_, Infallible>(())
        });
        assert_eq!((ended.unwrap().counters.done, gauge.peak()), (100, peak));
    }
}

#[test]
fn claimed_and_not_started_is_what_the_table_says() {
    for config in grid() {
        let limit = config.limit;
        for (capacity, batch) in [(None, None), (Some(3), Some(7))] {
            let mut config = config;
            (config.queue_capacity, config.batch_size) = (capacity, batch);
            let bench = Bench::new(config, 40 * limit as u64);
            let most_open = Cell::new(0);
            let (ended, _) = bench.run(async |_| {
                // While a handler runs, all that was claimed is in flight, waits in the queue, or waits to be settled.
                most_open.set(bench.source.open().max(most_open.get()));
                bench.clock.sleep(ms(3)).await;
                Ok::<_, Infallible>(())
            });
            let bound = match config.pattern {
                Pattern::TaskSet | Pattern::TaskGroup => limit,
                Pattern::WorkerPool => limit + capacity.unwrap_or(limit),
                Pattern::SemaphoreBatch => batch.unwrap_or(4 * limit),
            };
            assert_eq!(ended.unwrap().counters.done, 40 * limit as u64);
            assert!(most_open.get() <= bound, "{} of {bound}: {config:?}", most_open.get());
            // It is not only kept but used: what is collected while the handlers run is claimed before they end.
            assert_eq!(bench.source.books.borrow().most_open, bound, "{config:?}");
        }
    }
}

/// While the source is told how tasks ended, about a limit of others may end; then nothing is claimed or started until it answers.
#[test]
fn a_source_that_settles_slowly_holds_up_claims_and_starts() {
    for config in grid() {
        let limit = config.limit;
        let batch = matches!(config.pattern, Pattern::SemaphoreBatch);
        let faults = Faults { settle_delay: ms(50), ..Faults::default() };
        let bench = Bench::with_faults(config, 12 * limit as u64, faults);
        let waiting = if batch { 4 * limit } else { limit };
        let (ended, _) = bench.run(async |task| {
            let settled = bench.source.books.borrow().done.len();
            let ahead = task.payload as usize - settled;
            assert!(ahead < 4 * limit, "{ahead} ended or in flight and not settled: {config:?}");
            let out = bench.source.open();
            assert!(out <= 4 * limit + waiting, "{out} claimed and not settled: {config:?}");
            if task.payload.is_multiple_of(2) {
                bench.clock.sleep(ms(1)).await;
            }
            Ok::<_, Infallible>(())
        });
        let most = bench.source.books.borrow().most_settled;
        assert!(most <= 2 * limit, "{most} settled at once");
        let report = ended.unwrap();
        assert_eq!(report.counters.done, 12 * limit as u64);
        // And it is not one at a time either.
        assert!(report.elapsed <= ms(50 * 13), "{:?}: {config:?}", report.elapsed);
    }
}

#[test]
fn tasks_in_flight_go_on_while_a_claim_and_a_settlement_wait() {
    for pattern in Pattern::ALL {
        let faults = Faults { claim_delay: ms(1000), settle_delay: ms(1000), claim_most: Some(4), ..Faults::default() };
        let bench = Bench::with_faults(Config::new(pattern, nz(8)), 4, faults);
        let (ended, checker) = bench.run(async |_| {
            for _ in 0..10 {
                bench.clock.sleep(ms(1)).await;
            }
            Ok::<_, Infallible>(())
        });
        assert_eq!(ended.unwrap().counters.done, 4);
        assert_eq!(checker.state.report().service.unwrap().max, ms(10), "nobody waited for the source");
    }
}

#[test]
fn exactly_max_tasks_end() {
    for config in grid() {
        for max in [0, 1, 7, 64, 65] {
            for faults in [Faults::default(), Faults { settle_delay: ms(9), claim_delay: ms(3), ..Faults::default() }] {
                let config = config.max_tasks(max);
                let bench = Bench::with_faults(config, 200, faults);
                let (ended, _) = bench.run(async |task| {
                    bench.clock.sleep(ms(task.payload % 3)).await;
                    match (task.payload % 5, task.attempt.get()) {
                        (0, 1) => Err(Failure::retry_after("once more", ms(2))),
                        _ => Ok(()),
                    }
                });
                let counters = ended.unwrap().counters;
                assert_eq!((counters.done, counters.dead, counters.released), (max, 0, 0), "{config:?}");
            }
        }
    }
}

#[test]
fn the_rate_is_kept_and_reached() {
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, nz(16)).rate(Rate::per_second(50.0).unwrap());
        let bench = Bench::new(config, 101);
        let starts = std::cell::RefCell::new(Vec::new());
        let (ended, _) = bench.run(async |_| {
            starts.borrow_mut().push(bench.clock.now());
            bench.clock.sleep(ms(30)).await;
            Ok::<_, Infallible>(())
        });
        let report = ended.unwrap();
        assert_eq!(report.counters.done, 101);
        let gaps = |pair: &[Time]| pair[1].since(pair[0]);
        // What a batch waits for its last task is caught up.
        let least = if pattern == Pattern::SemaphoreBatch { ms(10) } else { ms(20) };
        assert!(starts.borrow().windows(2).map(gaps).all(|gap| gap >= least), "{pattern}: {starts:?}");
        assert!(report.elapsed >= ms(2030) && report.elapsed <= ms(2040), "{pattern} took {:?}", report.elapsed);
    }
}

#[test]
fn what_a_rate_holds_up_is_not_claimed_where_it_cannot_wait() {
    for pattern in [Pattern::TaskSet, Pattern::TaskGroup] {
        let config = Config::new(pattern, nz(8)).rate(Rate::per_second(10.0).unwrap());
        let bench = Bench::new(config, 20);
        let gauge = Gauge::default();
        let (_, checker) = bench.run(async |_| {
            let _in = gauge.enter();
            assert_eq!(bench.source.open(), gauge.now());
            bench.clock.sleep(ms(250)).await;
            Ok::<_, Infallible>(())
        });
        assert_eq!(checker.state.report().wait.unwrap().max, ms(0));
    }
}

/// A clock on which time passes with every look at it, as it does in the middle of a turn.
struct Creeping {
    now: Cell<u64>,
    step: u64,
}

/// Looks at the clock until the time has come.
struct Look<'a>(&'a Creeping, Time);

impl<'a> Clock for &'a Creeping {
    type Sleep = Look<'a>;

    fn now(&self) -> Time {
        self.now.set(self.now.get() + self.step);
        Time::from_nanos(self.now.get())
    }

    fn sleep(&self, duration: Duration) -> Look<'a> {
        // Late, as timers are, and never by the same.
        let late = Duration::from_nanos(self.now.get() * 7 % 125_000);
        Look(self, self.now() + duration + late)
    }
}

impl Future for Look<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.now() >= self.1 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn a_start_that_comes_due_in_the_middle_of_a_turn_is_not_slept_through() {
    for pattern in Pattern::ALL {
        for step in [777, 10_007, 40_009, 130_003] {
            let clock = Creeping { now: Cell::new(0), step };
            let source = MemorySource::new(0..200_u64);
            let config = Config::new(pattern, nz(4)).rate(Rate::per_second(8000.0).unwrap());
            let run = Run::new(&source, async |_: &Task<u64>| Ok::<_, Infallible>(())).config(config).clock(&clock);
            let mut run = pin!(run.into_future());
            let flag = Arc::new(Flag(AtomicBool::new(true)));
            let waker = Waker::from(flag.clone());
            let report = loop {
                assert!(flag.0.swap(false, Ordering::AcqRel), "{pattern}, {step}: it sleeps, and nothing will wake it");
                if let Poll::Ready(ended) = run.as_mut().poll(&mut Context::from_waker(&waker)) {
                    break ended.unwrap();
                }
            };
            assert_eq!(report.counters.done, 200);
        }
    }
}

/// A stream may be ready now and pending then; each pulled item is run once, in order, and none is
/// pulled for which there is no room.
#[test]
fn a_stream_is_asked_for_what_the_run_has_room_for() {
    for config in grid() {
        let clock = SimulatedClock::new();
        let (given, ended) = (Cell::new(0_u64), Cell::new(0_u64));
        let (most_ahead, clock_of_stream) = (Cell::new(0), &clock);
        let (given_of_stream, ended_of_stream, ahead_of_stream) = (&given, &ended, &most_ahead);
        let items = futures_lite::stream::unfold(0, move |item| async move {
            if item == 100 {
                return None;
            }
            if item % 3 == 0 {
                clock_of_stream.sleep(ms(item % 5)).await;
            }
            given_of_stream.set(item + 1);
            ahead_of_stream.set(ahead_of_stream.get().max(item + 1 - ended_of_stream.get()));
            Some((item, item + 1))
        });
        let source = MemorySource::stream(items);
        let run = Run::new(&source, async |task: &Task<u64>| {
            assert_eq!(task.id.0, task.payload, "items are numbered as they come");
            clock.sleep(ms(2)).await;
            ended.set(ended.get() + 1);
            Ok::<_, Infallible>(())
        });
        let report = clock.run(run.config(config).clock(&clock).into_future()).unwrap().unwrap();
        assert_eq!((report.counters.done, given.get()), (100, 100));
        let room = config.limit
            + config.queue_capacity.unwrap_or(config.limit).max(config.batch_size.unwrap_or(4 * config.limit));
        assert!(most_ahead.get() <= room as u64 + 1, "{config:?}: {} were pulled ahead", most_ahead.get());

        // A run that ends early has not pulled the rest.
        let pulled = Cell::new(0);
        let pulled_of_stream = &pulled;
        let endless = futures_lite::stream::repeat_with(move || pulled_of_stream.set(pulled_of_stream.get() + 1));
        let source = MemorySource::stream(endless);
        let run = Run::new(&source, async |_: &Task<()>| Ok::<_, Infallible>(()));
        let report = clock.run(run.config(config).max_tasks(5).clock(&clock).into_future()).unwrap().unwrap();
        assert_eq!(report.counters.done, 5);
        assert!(pulled.get() <= 5, "{config:?}: {} were pulled", pulled.get());
    }
}
