//! A run: a source drained through a pattern, as one future.

mod attempt;
mod driver;
mod error;
mod intake;
mod inventory;
mod keys;
mod lifecycle;
mod pending;
mod rate_limiter;
mod recorder;
mod schedule;
mod shared;
mod source_io;

use alloc::boxed::Box;
use core::{
    future::{Future, IntoFuture, poll_fn},
    pin::Pin,
    time::Duration,
};

pub use self::error::{RunError, TaskFailure};
use self::{attempt::Terms, driver::Driver, keys::KeyLimit, lifecycle::Ending, shared::Shared};
use crate::{
    clock::{Clock, RunningClock},
    config::{Config, Limit, OnLost, Rate, Retry},
    control::Control,
    event::Observer,
    failure::Failure,
    metrics::{Counters, Report},
    pattern::Pattern,
    source::{Delivery, Source},
    spans::{RunSpan, TaskSpan},
    task::Task,
};

/// Drains a source through a pattern: claims tasks, calls the handler for each with at most `config.limit` in flight, and
/// settles them.
///
/// The run ends when the source is exhausted, when `config.max_tasks` tasks have ended, or when `control` drains or aborts it.
/// [`Run`] is the short way to call this function.
///
/// # Errors
/// [`RunError`], with the report up to then: the configuration cannot be used, a setting needs a clock and there is none,
/// the source failed, or a task of a group failed for good.
///
/// # Cancel safety
/// When the future is dropped, handlers in flight are dropped, and every task that is claimed and not settled is given back to
/// the source with [`Source::abandon`].
pub async fn run<S, C, H, T, E, O>(
    source: &S,
    clock: &C,
    handler: H,
    config: &Config,
    control: &Control,
    observer: &mut O,
) -> Result<Report, RunError<S::Error>>
where
    S: Source,
    C: Clock,
    H: AsyncFn(&Task<S::Payload>) -> Result<T, E>,
    E: Into<Failure>,
    O: Observer,
{
    run_keyed(source, clock, handler, config, control, observer, None).await
}

/// Drains a source, with a limit per key or without.
async fn run_keyed<'a, S, C, H, T, E, O>(
    source: &'a S,
    clock: &'a C,
    handler: H,
    config: &'a Config,
    control: &'a Control,
    observer: &'a mut O,
    keys: Option<KeyLimit<'a, S::Payload>>,
) -> Result<Report, RunError<S::Error>>
where
    S: Source,
    C: Clock,
    H: AsyncFn(&Task<S::Payload>) -> Result<T, E>,
    E: Into<Failure>,
    O: Observer,
{
    let empty = || Box::new(Report::new(config.pattern, config.limit, Duration::ZERO, Counters::default()));
    let checked = config.check().and_then(|()| keys.as_ref().map_or(Ok(()), KeyLimit::check));
    checked.map_err(|error| RunError::Config { error, report: empty() })?;
    if !C::EXISTS
        && let Some(setting) = config.needs_clock()
    {
        return Err(RunError::NeedsClock { setting, report: empty() });
    }
    let start = clock.now();
    let shared = Shared::new(source, clock, config, control, observer, keys);
    let limit = {
        let state = &mut *shared.state.borrow_mut();
        state.lifecycle.start(&mut state.recorder);
        state.lifecycle.bounds().limit
    };
    let span = RunSpan::new(config.pattern, limit);
    {
        let attempt = |delivery: Delivery<S::Payload, S::Receipt>, terms: Terms| {
            let Task { id, attempt, .. } = delivery.task;
            let span = TaskSpan::new(id, attempt, config.pattern, terms.permit, terms.worker);
            attempt::attempt(delivery, span, &terms, &shared.common, &handler)
        };
        let mut driver = Driver::new(&shared, attempt);
        poll_fn(|cx| clock.poll_within(cx, |cx| span.within(|| driver.poll(cx)))).await;
        // Its side tasks are dropped here.
    }
    shared.collect();
    let state = &mut *shared.state.borrow_mut();
    let Ending { error, needs_clock, failures } = state.lifecycle.end(&mut state.recorder);
    let (limit, elapsed) = (state.lifecycle.bounds().limit, clock.now().since(start));
    let report = Report::new(config.pattern, limit, elapsed, *state.recorder.counters());
    span.ended(&report);
    match (error, needs_clock) {
        (Some(error), _) => Err(RunError::Source { error, report: Box::new(report) }),
        (None, Some(setting)) => Err(RunError::NeedsClock { setting, report: Box::new(report) }),
        _ if failures.is_empty() => Ok(report),
        _ => Err(RunError::Group { failures, report: Box::new(report) }),
    }
}

/// The builder of a run. `.await` it, or turn it into a future with `into_future()`.
///
/// ```
/// use core::convert::Infallible;
/// use fourfold::{MemorySource, Pattern, Run, Task};
/// use futures_lite::future::block_on;
///
/// let source = MemorySource::new(1..=10_u64);
/// let run = Run::new(&source, async |_: &Task<u64>| Ok::<_, Infallible>(())).pattern(Pattern::TaskSet);
/// let report = block_on(run.into_future()).unwrap();
/// assert_eq!(report.counters.done, 10);
/// ```
#[must_use = "a run does nothing until it is awaited"]
#[derive(Debug)]
pub struct Run<'a, S: Source, H, C = (), O = ()> {
    source: &'a S,
    handler: H,
    clock: C,
    config: Config,
    control: Control,
    observer: O,
    keys: Option<KeyLimit<'a, S::Payload>>,
}

impl<'a, S: Source, H> Run<'a, S, H> {
    /// Makes a run of `handler` on the tasks of `source`: a worker pool with a limit of 5, without a clock or an observer.
    pub fn new(source: &'a S, handler: H) -> Self {
        Self {
            source,
            handler,
            clock: (),
            config: Config::default(),
            control: Control::new(),
            observer: (),
            keys: None,
        }
    }
}

impl<'a, S: Source, H, C, O> Run<'a, S, H, C, O> {
    /// Sets the pattern that the run follows. Default: [`Pattern::WorkerPool`].
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.config.pattern = pattern;
        self
    }

    /// Sets the maximum number of tasks in flight. Default: 5.
    pub fn limit(mut self, limit: impl Limit) -> Self {
        self.config = self.config.limit(limit);
        self
    }

    /// Sets the maximum time for one attempt, which needs a [`clock`](Self::clock). Default: no limit.
    ///
    /// Without a clock it does not compile:
    ///
    /// ```compile_fail,E0277
    /// # use core::{convert::Infallible, time::Duration};
    /// # let source = fourfold::MemorySource::new(0..3_u8);
    /// let run = fourfold::Run::new(&source, async |_: &fourfold::Task<u8>| Ok::<_, Infallible>(()));
    /// let run = run.timeout(Duration::from_secs(30));
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self
    where
        C: RunningClock,
    {
        self.config = self.config.timeout(timeout);
        self
    }

    /// Sets the number of retries of a failed task and the pauses before them. Default: three retries.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.config = self.config.retry(retry);
        self
    }

    /// Sets the maximum number of starts per second, which needs a [`clock`](Self::clock). Default: no limit.
    pub fn rate(mut self, rate: Rate) -> Self
    where
        C: RunningClock,
    {
        self.config = self.config.rate(rate);
        self
    }

    /// Sets the maximum number of tasks in flight with the same key, such as the host of an address or a
    /// customer, beside the limit for all of them. Default: no limit per key.
    ///
    /// A claimed task whose key has no room is held back, and others start: at most
    /// [`held_back`](Self::held_back) wait so, then claims stop. Tasks of one key start in the order of
    /// their claims.
    ///
    /// ```
    /// use core::convert::Infallible;
    /// use fourfold::{MemorySource, Run, Task};
    ///
    /// let source = MemorySource::new([("example.org", "/a"), ("example.org", "/b"), ("example.com", "/")]);
    /// let fetch = async |_: &Task<(&str, &str)>| Ok::<_, Infallible>(());
    /// let run = Run::new(&source, fetch).limit(100).per_key(|task| task.payload.0, 2);
    /// assert_eq!(futures_lite::future::block_on(run.into_future()).unwrap().counters.done, 3);
    /// ```
    ///
    /// # Errors
    /// A limit of 0 ends the run with [`RunError::Config`] before its first claim.
    ///
    /// # Panics
    /// A panic of `key` passes through the run.
    pub fn per_key<K: Ord + Clone + 'a>(
        mut self,
        key: impl Fn(&Task<S::Payload>) -> K + 'a,
        limit: impl Limit,
    ) -> Self {
        let held_back = self.keys.and_then(|keys| keys.held_back);
        let mut keys = KeyLimit::new(key, limit.get());
        keys.held_back = held_back;
        self.keys = Some(keys);
        self
    }

    /// Sets the maximum number of claimed tasks that wait for others of their key, after
    /// [`per_key`](Self::per_key). Default: 16 times the limit. More keep keys apart better, and hold
    /// more tasks that other processes could run.
    pub fn held_back(mut self, tasks: impl Limit) -> Self {
        if let Some(keys) = &mut self.keys {
            keys.held_back = Some(tasks.get());
        }
        self
    }

    /// Sets the treatment of a handler whose lease is lost. Default: [`OnLost::Cancel`].
    pub fn on_lost(mut self, on_lost: OnLost) -> Self {
        self.config = self.config.on_lost(on_lost);
        self
    }

    /// Sets the number of tasks after which the run ends. Default: the run goes on until its source is exhausted.
    pub fn max_tasks(mut self, tasks: u64) -> Self {
        self.config = self.config.max_tasks(tasks);
        self
    }

    /// Sets the maximum time for a drain, after which the run aborts; it needs a [`clock`](Self::clock). Default: no limit.
    pub fn grace(mut self, grace: Duration) -> Self
    where
        C: RunningClock,
    {
        self.config = self.config.grace(grace);
        self
    }

    /// Sets the seed of random draws, such as the jitter of retries. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config = self.config.seed(seed);
        self
    }

    /// Sets the number of tasks in flight for which memory is allocated before the first claim: with the
    /// limit, tasks that succeed allocate nothing more. Default: 0, memory is allocated as needed. See
    /// [`Config::reserve`].
    pub fn reserve(mut self, tasks: usize) -> Self {
        self.config = self.config.reserve(tasks);
        self
    }

    /// Sets the whole configuration, pattern and limit included.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets the handle that drains, aborts or reconfigures the run from elsewhere.
    pub fn control(mut self, control: &Control) -> Self {
        self.control = control.clone();
        self
    }

    /// Sets the clock, which timeouts, rates, the grace and the times of events need. Default: `()`, no clock.
    pub fn clock<D>(self, clock: D) -> Run<'a, S, H, D, O> {
        let Self { source, handler, clock: _, config, control, observer, keys } = self;
        Run { source, handler, clock, config, control, observer, keys }
    }

    /// Sets the observer, which is told every event of the run. Default: `()`, which costs nothing.
    pub fn observer<P>(self, observer: P) -> Run<'a, S, H, C, P> {
        let Self { source, handler, clock, config, control, observer: _, keys } = self;
        Run { source, handler, clock, config, control, observer, keys }
    }
}

impl<'a, S, H, C, O, T, E> IntoFuture for Run<'a, S, H, C, O>
where
    S: Source,
    C: Clock + 'a,
    H: AsyncFn(&Task<S::Payload>) -> Result<T, E> + 'a,
    E: Into<Failure>,
    O: Observer + 'a,
{
    type Output = Result<Report, RunError<S::Error>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { source, handler, clock, config, control, mut observer, keys } = self;
            run_keyed(source, &clock, handler, &config, &control, &mut observer, keys).await
        })
    }
}
