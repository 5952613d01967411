//! At most so many tasks in flight with the same key, without keeping other keys from starting.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use fourfold::{
    Clock, Config, Control, Failure, MemorySource, Pattern, Report, Run, RunError, Task,
    check::Invariants,
    clock::SimulatedClock,
    config::ConfigError,
    event::{BlockedOn, EventKind, observer_fn},
    metrics::{State, TaskPhase},
};
use futures_lite::future::block_on;

use crate::common::*;

/// How many of each key run, and the most of them at once.
#[derive(Default)]
struct Keys(RefCell<BTreeMap<u64, (usize, usize)>>);

impl Keys {
    fn enter(&self, key: u64) {
        let mut keys = self.0.borrow_mut();
        let (now, peak) = keys.entry(key).or_default();
        *now += 1;
        *peak = (*peak).max(*now);
    }

    fn leave(&self, key: u64) {
        self.0.borrow_mut().entry(key).or_default().0 -= 1;
    }

    fn peak(&self) -> usize {
        self.0.borrow().values().map(|(_, peak)| *peak).max().unwrap_or(0)
    }
}

/// Runs tasks that sleep, with keys by `key`, past a checker of the rules; gives the report and the keys of the starts in order.
fn run(
    config: Config,
    per_key: usize,
    held_back: Option<usize>,
    keys: &[u64],
) -> (Report, Vec<(u64, u64)>, usize, usize) {
    let (clock, source) = (SimulatedClock::new(), MemorySource::new(keys.iter().copied().zip(0_u64..)));
    let (running, starts) = (Keys::default(), RefCell::new(Vec::new()));
    let (mut invariants, mut state, mut most_held) = (Invariants::new(), State::new(), 0);
    let observer = observer_fn(|event| {
        invariants.check(event);
        assert_eq!(invariants.violation(), None, "{config:?}");
        state.apply(event);
        let held = state.tasks().values().filter(|task| matches!(task.phase, TaskPhase::HeldBack { .. })).count();
        most_held = most_held.max(held);
    });
    let handler = async |task: &Task<(u64, u64)>| {
        let (key, n) = task.payload;
        running.enter(key);
        starts.borrow_mut().push((key, n));
        clock.sleep(ms(1 + n * 7 % 5)).await;
        running.leave(key);
        if n % 11 == 3 && task.attempt.get() == 1 { Err(Failure::transient("again")) } else { Ok(()) }
    };
    let mut run = Run::new(&source, handler).config(config).per_key(|task| task.payload.0, per_key);
    if let Some(held_back) = held_back {
        run = run.held_back(held_back);
    }
    let report = clock.run(run.clock(&clock).observer(observer).into_future()).unwrap().unwrap();
    assert!(invariants.is_complete());
    (report, starts.into_inner(), running.peak(), most_held)
}

#[test]
fn the_limit_per_key_is_reached_and_never_passed_whatever_the_pattern_and_the_limit() {
    for config in grid() {
        for per_key in [1, 2, 3] {
            // A few keys in runs of several, one of them dear.
            let keys: Vec<u64> = (0..200).map(|n| if n % 3 == 0 { 0 } else { n / 8 % 6 }).collect();
            let (report, starts, peak, most_held) = run(config, per_key, None, &keys);
            assert_eq!((report.counters.done, report.counters.dead), (200, 0));
            assert_eq!(peak, per_key.min(config.limit), "{config:?}");
            assert!(most_held <= 16 * config.limit);
            // In the order of their claims within a key, where none is retried.
            for key in 0..6 {
                let of_key = starts.iter().filter(|(of, _)| *of == key).map(|(_, n)| *n);
                let mut seen = Vec::new();
                of_key.for_each(|n| {
                    if !seen.contains(&n) {
                        seen.push(n)
                    }
                });
                assert!(seen.is_sorted(), "{config:?}, {per_key}: {seen:?}");
            }
        }
    }
}

#[test]
fn other_keys_start_while_one_is_at_its_limit() {
    for pattern in Pattern::ALL {
        let keys: Vec<u64> = (0..40).map(|n| if n < 20 { 0 } else { n }).collect();
        let (report, starts, ..) = run(Config::new(pattern, 8), 1, None, &keys);
        assert_eq!((report.counters.done, report.counters.peak_in_flight), (40, 8), "{pattern}");
        let first: Vec<u64> = starts.iter().take(8).map(|(key, _)| *key).collect();
        assert_eq!(first, [0, 20, 21, 22, 23, 24, 25, 26], "{pattern}");
    }
}

#[test]
fn no_more_are_held_back_than_may_be_and_events_say_that_keys_hold_the_run_up() {
    for pattern in Pattern::ALL {
        let (clock, source) = (SimulatedClock::new(), MemorySource::new(0..60_u64));
        let (mut blocked, mut held) = (0, 0);
        let mut invariants = Invariants::new();
        let observer = observer_fn(|event| {
            invariants.check(event);
            match event.kind {
                EventKind::SourceBlocked { by: BlockedOn::Keys } => blocked += 1,
                EventKind::HeldBack { per_key, held_back, .. } => {
                    assert_eq!((per_key, held_back), (1, 5));
                    held += 1;
                }
                _ => {}
            }
        });
        let run = Run::new(&source, async |_: &Task<u64>| {
            assert!(source.held() <= 6 + 4, "one in flight, those that wait, and what waits to be settled");
            clock.sleep(ms(1)).await;
            Ok::<_, Infallible>(())
        });
        let run = run.pattern(pattern).limit(4).per_key(|_| (), 1).held_back(5).clock(&clock).observer(observer);
        let report = clock.run(run.into_future()).unwrap().unwrap();
        assert_eq!((report.counters.done, report.counters.peak_in_flight), (60, 1));
        assert!(report.counters.peak_queued <= 5, "{pattern}: {} waited", report.counters.peak_queued);
        assert!(held > 30 && (blocked > 0 || pattern == Pattern::SemaphoreBatch), "{pattern}: {held}, {blocked}");
        assert_eq!(invariants.violation(), None);
    }
}

#[test]
fn what_is_held_back_is_given_back_uncounted_and_in_order_when_a_run_stops() {
    for pattern in Pattern::ALL {
        for aborts in [false, true] {
            let (clock, source, control) = (SimulatedClock::new(), MemorySource::new(0..40_u64), Control::new());
            let mut invariants = Invariants::new();
            let run = Run::new(&source, async |task: &Task<u64>| {
                clock.sleep(ms(5)).await;
                if task.payload == 5 {
                    if aborts { control.abort() } else { control.drain() }
                }
                Ok::<_, Infallible>(())
            });
            let run = run.pattern(pattern).limit(4).per_key(|task| task.payload % 2, 1).control(&control);
            let ended = clock.run(run.clock(&clock).observer(&mut invariants).into_future()).unwrap();
            let report = ended.unwrap();
            assert_eq!(invariants.violation(), None, "{pattern}");
            let rest = source.take_rest();
            assert_eq!(rest.len() as u64 + report.counters.done, 40);
            assert!(rest.iter().map(|task| task.id.0).is_sorted(), "{pattern}, {aborts}: {rest:?}");
            assert!(rest.iter().all(|task| task.attempt.get() == 1));
        }
    }
}

#[test]
fn a_run_that_is_dropped_gives_back_what_it_held_for_its_key() {
    for pattern in Pattern::ALL {
        let (clock, source) = (SimulatedClock::new(), MemorySource::new(0..30_u64));
        let run = Run::new(&source, async |_: &Task<u64>| {
            clock.sleep(ms(5)).await;
            Ok::<_, Infallible>(())
        });
        let run = run.pattern(pattern).limit(4).per_key(|_| 0, 1).clock(&clock).into_future();
        let end = async {
            clock.sleep(ms(12)).await;
        };
        clock.run(futures_lite::future::or(async { drop(run.await) }, end)).unwrap();
        assert_eq!(source.held(), 0);
        let rest: Vec<u64> = source.take_rest().iter().map(|task| task.id.0).collect();
        assert_eq!(rest, (2..30).collect::<Vec<_>>(), "{pattern}");
    }
}

#[test]
fn a_limit_per_key_of_0_ends_the_run_before_its_first_claim() {
    let source = MemorySource::new(0..3_u64);
    let run = || Run::new(&source, async |_: &Task<u64>| Ok::<_, Infallible>(()));
    let zero = block_on(run().per_key(|_| 0, 0).into_future());
    assert!(matches!(zero, Err(RunError::Config { error: ConfigError::ZeroPerKey, .. })));
    let zero = block_on(run().per_key(|_| 0, 1).held_back(0).into_future());
    assert!(matches!(zero, Err(RunError::Config { error: ConfigError::ZeroHeldBack, .. })));
    assert_eq!(source.take_rest().len(), 3);
}
