//! What it costs to watch a run: nanoseconds per event, over the same run that nobody watches.

use std::convert::Infallible;
use std::future::{IntoFuture as _, poll_fn};
use std::num::NonZeroUsize;
use std::task::Poll;

use fourfold::{
    Clock, Event, MemorySource, NativeClock, Observer, Pattern, Run, Task,
    event::OwnedEvent,
    metrics::{State, Timeline},
    trace,
};
use futures_lite::future::block_on;
use rustix::time::{ClockId, clock_gettime};

use crate::measure::median;
use crate::{Result, instructions, report};

/// Looks at nothing, and says so.
struct Nothing;

impl Observer for Nothing {
    const ACTIVE: bool = false;

    fn event(&mut self, _: &Event<&str>) {}
}

/// Is handed every event and does nothing with it.
struct Handed;

impl Observer for Handed {
    fn event(&mut self, event: &Event<&str>) {
        std::hint::black_box(event);
    }
}

/// Keeps every event, the latest in the place of the oldest, as those do who hand them on.
struct Ring {
    records: Vec<OwnedEvent>,
    next: usize,
}

const RING: usize = 1 << 14;

impl Ring {
    fn new() -> Self {
        Self { records: Vec::with_capacity(RING), next: 0 }
    }
}

impl Observer for Ring {
    fn event(&mut self, event: &Event<&str>) {
        let record = OwnedEvent::from(event);
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
    fn event(&mut self, event: &Event<&str>) {
        if self.0.len() > 1 << 16 {
            self.0.clear();
        }
        trace::write_line(event, &mut self.0);
        self.0.push(b'\n');
    }
}

/// Seconds that this thread spends on a run whose tasks yield once.
fn seconds<C: Clock>(clock: C, tasks: u64, limit: NonZeroUsize, observer: impl Observer) -> f64 {
    let source = MemorySource::new(0..tasks);
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
    let start = on_this_thread();
    let report = block_on(run.into_future()).expect("a source in memory does not fail, nor does a task");
    assert_eq!(report.counters.done, tasks);
    on_this_thread() - start
}

/// Seconds that this thread has had a processor: who else wants one does not count.
fn on_this_thread() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
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

/// What watching costs.
pub struct Cost {
    name: &'static str,
    /// Nanoseconds per event, one for each round.
    ns: Vec<f64>,
    /// Instructions per event on the run's own thread, where they were counted.
    instructions: Option<f64>,
}

/// Measures all of them, interleaved.
pub fn measure(rounds: usize, tasks: u64, limit: NonZeroUsize) -> Vec<Cost> {
    let events = events(tasks, limit);
    let cost = |(name, _): &Watched| Cost { name, ns: Vec::with_capacity(rounds), instructions: None };
    let mut costs: Vec<Cost> = WATCHED.iter().map(cost).collect();
    for round in 0..rounds {
        let mut times = [0.0; WATCHED.len()];
        for turn in 0..WATCHED.len() {
            let index = (turn + round) % WATCHED.len();
            times[index] = (WATCHED[index].1)(tasks, limit);
        }
        for (cost, time) in costs.iter_mut().zip(times) {
            cost.ns.push((time - times[0]) * 1e9 / events as f64);
        }
    }
    costs
}

/// One of them once, for a profiler.
pub fn once(index: usize, tasks: u64, limit: NonZeroUsize) -> Result<()> {
    let (_, run) = WATCHED.get(index).ok_or_else(|| format!("there are {} observers", WATCHED.len()))?;
    run(tasks, limit);
    Ok(())
}

/// Counts the instructions of each, over those of the run that nobody watches.
pub fn count(costs: &mut [Cost], limit: NonZeroUsize) -> Result<()> {
    // The difference of two runs: what comes before and after is not part of it.
    const TASKS: [u64; 2] = [10_000, 20_000];
    let more = (events(TASKS[1], limit) - events(TASKS[0], limit)) as f64;
    let mut nobody = None;
    for (index, cost) in costs.iter_mut().enumerate() {
        let [few, many] = TASKS.map(|tasks| {
            let [index, tasks, limit] = [index.to_string(), tasks.to_string(), limit.to_string()];
            let args = ["observe-once", "--observer", &index, "--tasks", &tasks, "--concurrency", &limit];
            instructions::of_the_first_thread(&args)
        });
        let run = many? as f64 - few? as f64;
        cost.instructions = Some((run - *nobody.get_or_insert(run)) / more);
    }
    Ok(())
}

/// For people: all that was measured.
pub fn table(costs: &[Cost], tasks: u64, limit: NonZeroUsize) -> String {
    let per_task = events(tasks, limit) as f64 / tasks as f64;
    let mut out = format!("a pool of {limit}, {tasks} tasks that yield once, {per_task:.2} events a task\n");
    out += &format!("{:38}{:>9}{:>9}{:>9}{:>14}\n", "watched by", "ns/event", "min", "max", "instructions");
    for Cost { name, ns, instructions } in costs {
        let low = ns.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ns.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let instructions = instructions.map_or_else(String::new, |count| format!("{count:.0}"));
        out += &format!("{name:38}{:>9.1}{low:>9.1}{high:>9.1}{instructions:>14}\n", median(ns));
    }
    out
}

const BEGIN: &str = "<!-- observers:begin -->";
const END: &str = "<!-- observers:end -->";

/// The page with the table between its markers.
pub fn insert(page: &str, costs: &[Cost]) -> Result<String> {
    let mut table = String::from("| watched by | ns per event | instructions |\n|---|--:|--:|\n");
    for Cost { name, ns, instructions } in costs.iter().skip(1) {
        let instructions = instructions.map_or_else(String::new, |count| format!("{:.0}", count.abs()));
        table += &format!("| {name} | {:.0} | {instructions} |\n", median(ns).max(0.0));
    }
    report::insert_between(page, BEGIN, END, &table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_watches_the_same_run() {
        let (tasks, limit) = (500, NonZeroUsize::new(8).unwrap());
        let costs = measure(1, tasks, limit);
        assert_eq!(table(&costs, tasks, limit).lines().count(), 2 + WATCHED.len());
        assert!(events(tasks, limit) >= 4 * tasks);
        let page = insert(&format!("# Page\n{BEGIN}\nbefore\n{END}\nrest\n"), &costs).unwrap();
        assert_eq!(page.lines().filter(|line| line.starts_with('|')).count(), 2 + WATCHED.len() - 1, "{page}");
        assert!(page.ends_with(&format!("{END}\nrest\n")) && !page.contains("before"), "{page}");
    }
}
