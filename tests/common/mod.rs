//! What the tests of the core share: a source that keeps books, an observer that knows the rules, a gauge for handlers.

mod checker;
mod watched;

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    num::NonZeroUsize,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use fourfold::{Config, Control, Failure, Pattern, Report, Run, RunError, Task, clock::SimulatedClock};

pub(crate) use self::{
    checker::Checker,
    watched::{Faults, Fell, Watched},
};

/// The limits that every case is run with.
pub(crate) const LIMITS: [usize; 5] = [1, 2, 5, 16, 64];

pub(crate) fn nz(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("a limit above 0")
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Every pattern with every limit.
pub(crate) fn grid() -> impl Iterator<Item = Config> {
    Pattern::ALL.into_iter().flat_map(|pattern| LIMITS.map(|limit| Config::new(pattern, nz(limit))))
}

/// How many handlers run, as the handlers themselves count it.
#[derive(Default)]
pub(crate) struct Gauge {
    now: Cell<usize>,
    peak: Cell<usize>,
    total: Cell<usize>,
}

impl Gauge {
    pub(crate) fn enter(&self) -> Entry<'_> {
        self.now.set(self.now.get() + 1);
        self.peak.set(self.peak.get().max(self.now.get()));
        self.total.set(self.total.get() + 1);
        Entry(self)
    }

    pub(crate) fn now(&self) -> usize {
        self.now.get()
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.get()
    }

    pub(crate) fn total(&self) -> usize {
        self.total.get()
    }
}

/// A handler that runs, until dropped.
pub(crate) struct Entry<'a>(&'a Gauge);

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.0.now.set(self.0.now.get() - 1);
    }
}

/// Pending once, having woken itself.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A run on the simulated clock, checked at every event and once more at its end.
pub(crate) struct Bench<'a> {
    pub(crate) clock: SimulatedClock,
    pub(crate) source: Watched<'a>,
    pub(crate) config: Config,
    pub(crate) control: Control,
    /// Whether handlers panic on purpose. Otherwise a panic is an assertion of the handler's.
    pub(crate) may_panic: bool,
}

pub(crate) type Ended = Result<Report, RunError<Fell>>;

impl<'a> Bench<'a> {
    /// `tasks` tasks whose payloads are 0, 1, …
    pub(crate) fn new(config: Config, tasks: u64) -> Self {
        Self::with_faults(config, tasks, Faults::default())
    }

    pub(crate) fn with_faults(config: Config, tasks: u64, faults: Faults) -> Self {
        let clock = SimulatedClock::new();
        let source = Watched::new(&clock, 0..tasks, faults);
        Self { clock, source, config, control: Control::new(), may_panic: false }
    }

    /// Runs it to its end and checks everything that must hold of any run.
    pub(crate) fn run<T, E: Into<Failure>>(
        &self,
        handler: impl AsyncFn(&Task<u64>) -> Result<T, E>,
    ) -> (Ended, Checker) {
        let mut checker = Checker::new(&self.config);
        let run = Run::new(&self.source, handler)
            .config(self.config)
            .control(&self.control)
            .clock(&self.clock)
            .observer(&mut checker);
        let ended = self.clock.run(run.into_future()).expect("the run comes to an end");
        let report = match &ended {
            Ok(report) => report,
            Err(error) => error.report(),
        };
        assert!(self.may_panic || report.counters.panicked == 0, "an assertion in a handler failed");
        checker.finish(report);
        self.source.assert_books(report);
        assert_eq!(self.clock.timers(), 0, "no timer outlives the run");
        (ended, checker)
    }
}

/// Panics that tests cause on purpose say nothing; all others do.
pub(crate) fn silence_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let said = info.payload_as_str().unwrap_or("at once");
            if !PANICS.iter().any(|panic| said.ends_with(panic)) {
                report(info);
            }
        }));
    });
}

/// What panics on purpose say.
const PANICS: [&str; 5] = ["at once", "late", "in a drop", "in a conversion", "in a claim"];

/// Polls `future` at most `polls` times, moving the clock on when it waits, then drops it. Its output if it ended by then.
pub(crate) fn poll_times<F: Future>(clock: &SimulatedClock, future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let flag = std::sync::Arc::new(Flag(std::sync::atomic::AtomicBool::new(true)));
    let waker = Waker::from(flag.clone());
    let mut cx = Context::from_waker(&waker);
    for _ in 0..polls {
        while !flag.0.swap(false, std::sync::atomic::Ordering::AcqRel) {
            assert!(clock.advance(), "stalled");
        }
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
    }
    None
}

/// Counts how often it was woken, and whether since it was last asked.
pub(crate) struct Flag(pub(crate) std::sync::atomic::AtomicBool);

impl std::task::Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::Release);
    }
}

/// Random numbers: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
