//! How many attempts start in which time under a rate.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    time::Duration,
};

use fourfold::{
    Clock, Config, MemorySource, Pattern, Rate, Run, Task,
    clock::{RunningClock, SimulatedClock, Time},
};

use crate::common::*;

/// A simulated clock whose timers are late, each by another time.
struct Late<'a> {
    clock: &'a SimulatedClock,
    most_ns: u64,
    draws: Cell<u64>,
}

impl Clock for Late<'_> {
    type Sleep = <SimulatedClock as Clock>::Sleep;

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.draws.set(self.draws.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let late = (self.draws.get() >> 33) % (self.most_ns + 1);
        self.clock.sleep(duration + Duration::from_nanos(late))
    }
}

impl RunningClock for Late<'_> {}

/// The longest time for which a rate is measured.
const SPAN: Duration = Duration::from_secs(10);

/// The times at which attempts start, up to [`SPAN`].
async fn starts<C: RunningClock>(clock: &C, config: Config, service: impl AsyncFn(u64)) -> Vec<Time> {
    let starts = RefCell::new(Vec::new());
    let start = clock.now();
    let source = MemorySource::new(0..u64::MAX);
    let run = Run::new(&source, async |task: &Task<u64>| {
        starts.borrow_mut().push(Time::ZERO + clock.now().since(start));
        service(task.payload).await;
        Ok::<_, Infallible>(())
    });
    let mut run = pin!(run.config(config).clock(clock).into_future());
    let mut end = pin!(clock.sleep(SPAN));
    // The run first: what starts at the end of the span counts.
    poll_fn(|cx| {
        let _ = run.as_mut().poll(cx).is_ready();
        end.as_mut().poll(cx)
    })
    .await;
    starts.take()
}

/// In no window are there more starts than the rate allows.
fn assert_kept(starts: &[Time], rate: f64, case: &str) {
    let most_at_once = (rate / 10.0).max(1.0);
    // From each start to each later one: the narrowest windows that hold them.
    for (first, from) in starts.iter().enumerate() {
        for (last, to) in starts.iter().enumerate().skip(first) {
            let allowed = rate * to.since(*from).as_secs_f64() + most_at_once;
            let count = (last - first + 1) as f64;
            assert!(count <= allowed + 1e-6, "{case}: {count} starts from {from} to {to}");
        }
    }
}

#[test]
fn no_window_has_more_starts_than_the_rate_allows_and_under_load_it_is_reached() {
    for seed in 0..120 {
        let mut random = Random(seed);
        let mut below = |bound| random.below(bound);
        let pattern = Pattern::ALL[below(4) as usize];
        let rate = if below(2) == 0 { 0.2 + below(200) as f64 / 10.0 } else { 20.0 + below(280) as f64 };
        let (limit, service_ms) = (1 + below(64) as usize, below(2) * below(400));
        let late_ms = below(2) * below(30);
        let simulated = SimulatedClock::new();
        let clock = Late { clock: &simulated, most_ns: late_ms * 1_000_000, draws: Cell::new(seed) };
        let config = Config::new(pattern, limit).rate(Rate::per_second(rate).unwrap());
        let service = async |n: u64| {
            if service_ms > 0 {
                simulated.sleep(ms(n.wrapping_mul(7919) % service_ms)).await;
            }
        };
        let starts = simulated.run(starts(&clock, config, service)).unwrap();
        let case = format!("seed {seed}: {pattern}, {rate}/s, limit {limit}, {service_ms} ms, {late_ms} ms late");
        assert_kept(&starts, rate, &case);
        // Timers that are late by less than the slack cost nothing. Where a single start is as long as the slack, there is none:
        // what is late cannot be caught up without passing the rate.
        let slack_ms = (100.0 - 1000.0 / rate).max(0.0);
        if service_ms == 0 && late_ms as f64 <= slack_ms {
            let least = 0.99 * rate * SPAN.as_secs_f64() - 1.0;
            assert!(starts.len() as f64 >= least, "{case}: {} starts, {least} are wanted", starts.len());
        }
    }
}

#[test]
fn ten_thousand_starts_a_second_are_reached_with_timers_that_are_20_ms_late() {
    let simulated = SimulatedClock::new();
    let clock = Late { clock: &simulated, most_ns: 20_000_000, draws: Cell::new(7) };
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, 16).rate(Rate::per_second(10_000.0).unwrap());
        let starts = simulated.run(starts(&clock, config, async |_| {})).unwrap().len();
        assert!((98_999..=101_000).contains(&starts), "{pattern}: {starts}");
    }
}

/// On the wall clock, as far as a machine that does other things besides lets it.
#[cfg(feature = "smol")]
#[test]
fn a_rate_is_kept_and_reached_on_the_wall_clock() {
    for (rate, tasks) in [(100.0, 60), (10_000.0, 3000)] {
        let took = |_| {
            let source = MemorySource::new(0..tasks);
            let run = Run::new(&source, async |_: &Task<u64>| Ok::<_, Infallible>(())).limit(16);
            let run = run.clock(fourfold::NativeClock::new()).rate(Rate::per_second(rate).unwrap());
            futures_lite::future::block_on(run.into_future()).unwrap().elapsed.as_secs_f64()
        };
        let (least, most) = ((tasks as f64 - rate / 10.0) / rate, (tasks as f64 + 1.0) / (0.99 * rate));
        let tries: Vec<f64> = (0..5).map(took).collect();
        assert!(tries.iter().all(|took| *took >= least), "{rate}/s: {tries:?}, {least} at least");
        assert!(tries.iter().any(|took| *took <= most), "{rate}/s: {tries:?}, {most} at most");
    }
}
