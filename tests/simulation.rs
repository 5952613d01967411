//! Hundreds of random runs, each from a seed, checked at every event. `FOURFOLD_SEED=… cargo test --test main simulation`
//! repeats the run that failed, with its events; `FOURFOLD_RUNS=…` says how many there are.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use std::{
    cell::RefCell,
    env,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use fourfold::{
    Clock, Config, Control, Failure, Observer, Pattern, Rate, Retry, Run, RunError, Task,
    clock::{SimulatedClock, Time},
    event::observer_fn,
    metrics::Counters,
};

use crate::common::*;

/// Without `FOURFOLD_RUNS`; `cargo xtask test --full` takes 3000.
const RUNS: u64 = 600;

fn from_env(name: &str) -> Option<u64> {
    env::var(name).ok().map(|number| number.parse().unwrap_or_else(|_| panic!("{name} is not a number: {number}")))
}

/// A run, drawn.
#[derive(Debug)]
struct Plan {
    config: Config,
    faults: Faults,
    tasks: u64,
    /// At these times, in milliseconds.
    orders: Vec<(u64, Order)>,
    /// After so many polls it is dropped.
    dropped_after: Option<usize>,
    seed: u64,
    handler: Handler,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Drain,
    Abort,
    Limit(usize),
}

/// One in so many.
#[derive(Clone, Copy, Debug)]
struct Handler {
    ms_max: u64,
    fails: u64,
    fails_for_good: u64,
    panics: u64,
    hangs: u64,
    orders: u64,
}

impl Plan {
    fn draw(seed: u64) -> Self {
        let mut random = Random(seed);
        let r = &mut random;
        let size = |r: &mut Random| [1, 1, 2, 3, 5, 8, 16, 40_usize][r.below(8) as usize];
        let maybe_size = |r: &mut Random| r.one_in(3).then(|| size(r));
        let mut config = Config::default().seed(seed);
        config.workers = maybe_size(r);
        config.queue_capacity = maybe_size(r);
        config.batch_size = maybe_size(r);
        config.timeout = r.one_in(2).then(|| ms(1 + r.below(30)));
        config.retry = Retry::new(r.below(4) as u32).base(ms(r.below(20))).max(ms(40));
        config.rate = if r.one_in(5) { Rate::per_second(50.0 + r.below(2000) as f64) } else { None };
        config.max_tasks = r.one_in(6).then(|| r.below(80));
        config.grace = r.one_in(2).then(|| ms(r.below(60)));
        let config = config.pattern(Pattern::ALL[r.below(4) as usize]).limit(size(r));
        let delay = |r: &mut Random| if r.one_in(2) { ms(r.below(12)) } else { ms(0) };
        let fault = |r: &mut Random| r.one_in(12).then(|| r.below(8));
        let mut faults = Faults {
            claim_delay: delay(r),
            claim_lingers: delay(r),
            claim_most: r.one_in(3).then(|| 1 + r.below(8) as usize),
            settle_delay: delay(r),
            seed: Some(r.next()),
            claim_fails_at: fault(r),
            settle_fails_at: fault(r),
            // Without a grace that would be for ever.
            settle_hangs_at: fault(r).filter(|_| config.grace.is_some()),
            drive_fails_after: fault(r).map(|after| ms(after * 9)),
            close_fails: r.one_in(12),
            close_delay: delay(r),
            loses_one_in: None,
            malformed_one_in: r.one_in(8).then_some(3),
            panics_at_claim: None,
        };
        if faults.settle_fails_at.is_none() && r.one_in(8) {
            faults.loses_one_in = Some(1 + r.below(9));
        }
        let mut orders: Vec<_> = (0..r.below(4))
            .map(|_| {
                let order = match r.below(6) {
                    0 => Order::Drain,
                    1 => Order::Abort,
                    _ => Order::Limit(size(r)),
                };
                (r.below(80), order)
            })
            .collect();
        if faults.settle_hangs_at.is_some() {
            orders.push((500, Order::Drain));
        }
        orders.sort_by_key(|(at, _)| *at);
        let mut rarely = || if r.one_in(2) { 3 + r.below(20) } else { u64::MAX };
        let (fails, fails_for_good, panics, hangs, by_handler) = (rarely(), rarely(), rarely(), rarely(), rarely());
        Self {
            handler: Handler {
                ms_max: r.below(25),
                fails,
                fails_for_good,
                panics,
                // Without a timeout that would be for ever.
                hangs: if config.timeout.is_some() { hangs } else { u64::MAX },
                orders: by_handler.saturating_mul(4),
            },
            tasks: r.below(120),
            dropped_after: r.one_in(6).then(|| r.below(80) as usize),
            config,
            faults,
            orders,
            seed,
        }
    }
}

fn obey(control: &Control, order: Order) {
    match order {
        Order::Drain => control.drain(),
        Order::Abort => control.abort(),
        Order::Limit(limit) => control.set_limit(limit).expect("no plan draws a limit of 0"),
    }
}

/// What an attempt does follows from the seed, the task and the attempt.
async fn perform(plan: &Plan, clock: &SimulatedClock, control: &Control, task: &Task<u64>) -> Result<(), Failure> {
    let handler = &plan.handler;
    let mut random =
        Random(plan.seed ^ task.payload.wrapping_mul(0x5851_F42D_4C95_7F2D) ^ u64::from(task.attempt.get()));
    if random.one_in(handler.orders) {
        let order = match random.below(8) {
            0 => Order::Drain,
            1 => Order::Abort,
            n => Order::Limit(n as usize),
        };
        obey(control, order);
    }
    for _ in 0..random.below(4) {
        match random.below(3) {
            0 => yield_once().await,
            _ => clock.sleep(ms(random.below(handler.ms_max + 1))).await,
        }
    }
    if random.one_in(handler.hangs) {
        return pending().await;
    }
    assert!(!random.one_in(handler.panics), "late");
    if random.one_in(handler.fails_for_good) {
        return Err(Failure::permanent("for good"));
    }
    if random.one_in(handler.fails) {
        return Err(if random.one_in(3) {
            Failure::retry_after("later", ms(random.below(30)))
        } else {
            Failure::transient("for now")
        });
    }
    Ok(())
}

/// How the runs ended: what was never drawn was not tested.
#[derive(Debug, Default)]
struct Seen {
    well: u64,
    group: u64,
    source: u64,
    dropped: u64,
    drained: u64,
    aborted: u64,
    counters: Counters,
    events: u64,
}

fn simulate(seed: u64, logs: bool, seen: &mut Seen) -> String {
    let plan = Plan::draw(seed);
    let clock = SimulatedClock::new();
    let source = Watched::new(&clock, 0..plan.tasks, plan.faults.clone());
    let (control, gauge) = (Control::new(), Gauge::default());
    let checker = Checker::new(&plan.config);
    let checker = RefCell::new(if logs { checker.logging() } else { checker });
    let run = Run::new(&source, async |task: &Task<u64>| {
        let _in = gauge.enter();
        perform(&plan, &clock, &control, task).await
    });
    let observer = observer_fn(|event| checker.borrow_mut().event(event));
    let run = run.config(plan.config).control(&control).clock(&clock).observer(observer);
    let orders = async {
        for (at, order) in &plan.orders {
            clock.sleep(ms(*at).saturating_sub(clock.now().since(Time::ZERO))).await;
            obey(&control, *order);
        }
        pending().await
    };
    let both = futures_lite::future::or(run.into_future(), orders);
    let ended = poll_times(&clock, both, plan.dropped_after.unwrap_or(1_000_000));
    assert!(ended.is_some() || plan.dropped_after.is_some(), "it never ends");
    assert_eq!((gauge.now(), clock.timers()), (0, 0), "nothing is left behind");
    let mut checker = checker.into_inner();
    checker.assert_timeline(&mut Random(seed));
    seen.drained += u64::from(checker.drained);
    seen.aborted += u64::from(checker.aborted);
    seen.events += checker.events();
    match &ended {
        None => {
            seen.dropped += 1;
            source.assert_conserved();
        }
        Some(ended) => {
            let report = match ended {
                Ok(report) => {
                    seen.well += 1;
                    report
                }
                Err(error @ RunError::Group { .. }) => {
                    seen.group += 1;
                    error.report()
                }
                Err(error) => {
                    seen.source += 1;
                    error.report()
                }
            };
            checker.finish(report);
            source.assert_books(report);
            if ended.is_ok() && !checker.drained && plan.config.max_tasks.is_none() {
                assert!(source.rest().is_empty(), "it ended with tasks left");
            }
            let (sum, counters) = (&mut seen.counters, &report.counters);
            sum.done += counters.done;
            sum.dead += counters.dead;
            sum.retried += counters.retried;
            sum.released += counters.released;
            sum.abandoned += counters.abandoned;
            sum.panicked += counters.panicked;
            sum.timed_out += counters.timed_out;
            sum.cancelled += counters.cancelled;
            sum.lease_lost += counters.lease_lost;
            sum.malformed += counters.malformed;
        }
    }
    checker.log.unwrap_or_default()
}

/// Runs one seed; when it fails, says which, and what was drawn.
fn attempt(seed: u64, logs: bool, seen: &mut Seen) -> String {
    match catch_unwind(AssertUnwindSafe(|| simulate(seed, logs, seen))) {
        Ok(log) => log,
        Err(panic) => {
            eprintln!("FOURFOLD_SEED={seed} broke a rule; it drew {:#?}", Plan::draw(seed));
            resume_unwind(panic)
        }
    }
}

#[test]
fn random_runs_keep_every_rule() {
    silence_panics();
    let mut seen = Seen::default();
    if let Some(seed) = from_env("FOURFOLD_SEED") {
        eprintln!("{}", attempt(seed, true, &mut seen));
        return;
    }
    let runs = from_env("FOURFOLD_RUNS").unwrap_or(RUNS);
    (0..runs).for_each(|seed| drop(attempt(seed, false, &mut seen)));
    let Seen { well, group, source, dropped, drained, aborted, counters, events } = &seen;
    let counts = [well, group, source, dropped, drained, aborted];
    assert!(counts.iter().all(|count| **count > runs / 100), "too rare to tell: {seen:?}");
    let outcomes =
        [counters.dead, counters.retried, counters.released, counters.abandoned, counters.panicked, counters.timed_out];
    assert!(outcomes.iter().all(|count| *count > runs / 10), "too rare to tell: {seen:?}");
    let rare = [counters.cancelled, counters.lease_lost, counters.malformed];
    assert!(rare.iter().all(|count| *count > runs / 10) && *events > 100 * runs, "too rare to tell: {seen:?}");
}

#[test]
fn the_same_seed_gives_the_same_events() {
    silence_panics();
    let mut seen = Seen::default();
    for seed in 0..150 {
        let log = attempt(seed, true, &mut seen);
        assert_eq!(log, attempt(seed, true, &mut seen), "FOURFOLD_SEED={seed}");
    }
    let logs: std::collections::BTreeSet<_> = (0..20).map(|seed| attempt(seed, true, &mut seen)).collect();
    assert!(logs.len() >= 19, "another seed, other events");
}
