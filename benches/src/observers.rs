//! What it costs to watch a run: nanoseconds per event, over the same run that nobody watches.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::{IntoFuture as _, poll_fn};
use std::num::NonZeroUsize;
use std::task::Poll;
use std::time::Instant;

use fourfold::{Clock, Event, MemorySource, NativeClock, Observer, Pattern, Record, Run, State, Task, Timeline, trace};
use futures_lite::future::block_on;

use crate::Result;
use crate::measure::median;

/// Looks at nothing, and says so.
struct Nothing;

impl Observer for Nothing {
    const ACTIVE: bool = false;

    fn event(&mut self, _: &Event<'_>) {}
}

/// Is handed every event and does nothing with it.
struct Handed;

impl Observer for Handed {
    fn event(&mut self, event: &Event<'_>) {
        std::hint::black_box(event);
    }
}

/// Keeps every event, the latest in the place of the oldest, as those do who hand them on.
struct Ring {
    records: Vec<Record>,
    next: usize,
}

const RING: usize = 1 << 14;

impl Ring {
    fn new() -> Self {
        Self { records: Vec::with_capacity(RING), next: 0 }
    }
}

impl Observer for Ring {
    fn event(&mut self, event: &Event<'_>) {
        let record = Record::from(event);
        match self.records.get_mut(self.next % RING) {
            Some(place) => *place = record,
            None => self.records.push(record),
        }
        self.next += 1;
    }
}

/// Turns every event into its line of a trace.
struct Lines(Vec<u8>);

impl Observer for Lines {
    fn event(&mut self, event: &Event<'_>) {
        if self.0.len() > 1 << 16 {
            self.0.clear();
        }
        trace::write_line(event, &mut self.0);
        self.0.push(b'\n');
    }
}

/// Seconds of a run whose tasks yield once.
fn seconds<C: Clock>(clock: C, tasks: u64, limit: NonZeroUsize, observer: impl Observer) -> f64 {
    let source = MemorySource::new((), 0..tasks);
    let handler = async |_: &Task<u64>| {
        let mut yielded = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        Ok::<_, Infallible>(())
    };
    let run = Run::new(&source, handler).pattern(Pattern::WorkerPool).limit(limit).clock(clock).observer(observer);
    let start = Instant::now();
    let report = block_on(run.into_future()).expect("a source in memory does not fail, nor does a task");
    assert_eq!(report.tally.done, tasks);
    start.elapsed().as_secs_f64()
}

/// How many events such a run has.
fn events(tasks: u64, limit: NonZeroUsize) -> u64 {
    let mut timeline = State::new();
    seconds((), tasks, limit, &mut timeline);
    timeline.next_sequence()
}

type Watched = (&'static str, fn(u64, NonZeroUsize) -> f64);

const WATCHED: [Watched; 9] = [
    ("nobody", |tasks, limit| seconds((), tasks, limit, ())),
    ("an observer that looks at nothing", |tasks, limit| seconds((), tasks, limit, Nothing)),
    ("one that is handed every event", |tasks, limit| seconds((), tasks, limit, Handed)),
    ("the same, and the wall clock", |tasks, limit| seconds(NativeClock::new(), tasks, limit, Handed)),
    ("a ring that keeps every event", |tasks, limit| seconds((), tasks, limit, Ring::new())),
    ("lines of JSON", |tasks, limit| seconds((), tasks, limit, Lines(Vec::with_capacity(1 << 17)))),
    ("a trace, on a thread of its own", |tasks, limit| {
        let mut trace = trace::Trace::new(std::io::sink());
        let seconds = seconds((), tasks, limit, &mut trace);
        trace.finish();
        seconds
    }),
    ("the fold", |tasks, limit| seconds((), tasks, limit, State::new())),
    ("a timeline", |tasks, limit| seconds((), tasks, limit, Timeline::new())),
];

/// Measures all of them, interleaved, and gives the table.
pub fn measure(rounds: usize, tasks: u64, limit: NonZeroUsize) -> Result<String> {
    let events = events(tasks, limit);
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); WATCHED.len()];
    for round in 0..rounds {
        let mut times = [0.0; WATCHED.len()];
        for turn in 0..WATCHED.len() {
            let index = (turn + round) % WATCHED.len();
            times[index] = (WATCHED[index].1)(tasks, limit);
        }
        for (cost, time) in costs.iter_mut().zip(times) {
            cost.push((time - times[0]) * 1e9 / events as f64);
        }
    }
    let mut out = String::new();
    let per_task = events as f64 / tasks as f64;
    writeln!(out, "a pool of {limit}, {tasks} tasks that yield once, {per_task:.2} events a task, {rounds} rounds")?;
    writeln!(out, "{:34}{:>9}{:>9}{:>9}", "watched by", "ns/event", "min", "max")?;
    for ((name, _), cost) in WATCHED.iter().zip(&costs) {
        let low = cost.iter().copied().fold(f64::INFINITY, f64::min);
        let high = cost.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        writeln!(out, "{name:34}{:>9.1}{low:>9.1}{high:>9.1}", median(cost))?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_watches_the_same_run() {
        let table = measure(1, 500, NonZeroUsize::new(8).unwrap()).unwrap();
        assert_eq!(table.lines().count(), 2 + WATCHED.len(), "{table}");
        assert!(events(500, NonZeroUsize::new(8).unwrap()) >= 4 * 500);
    }
}
