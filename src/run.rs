//! One run: a source drained through a pattern.

mod attempt;
mod desk;
mod engine;
mod error;
mod outbox;
mod parts;
mod rate_limiter;
mod recorder;

use alloc::boxed::Box;
use core::{
    future::{Future, IntoFuture, poll_fn},
    pin::Pin,
    time::Duration,
};

pub use self::error::{RunError, TaskFailure};
use self::{desk::Desk, engine::Engine};
use crate::{
    clock::Clock,
    config::{Config, Limit, Rate, Retry},
    control::Control,
    event::{EventKind, Observer},
    failure::Failure,
    metrics::{Counters, Report},
    pattern::Pattern,
    source::{Delivery, Source},
    spans::{RunSpan, TaskSpan},
    task::Task,
};

/// Drains a source through a pattern: claims, runs the handler on each task with at most `config.limit` in flight, settles.
///
/// Ends when the source is exhausted, `config.max_tasks` have ended, or `control` says so. [`Run`] is the short way to call it.
///
/// # Errors
/// [`RunError`], with the report so far: the configuration cannot be used, the source failed, or a task of a group did.
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
    let start = clock.now();
    if let Err(error) = config.check() {
        let report = Report::new(config.pattern, config.limit, Duration::ZERO, Counters::default());
        return Err(RunError::Config { error, report: Box::new(report) });
    }
    let desk = Desk::new(source, clock, config, control, observer);
    desk.update_time();
    desk.write_start(); // page: run_started
    let span = RunSpan::new(config.pattern, desk.limit.get().get());
    {
        let make = |delivery: Delivery<S::Payload, S::Receipt>, slot| {
            let Task { id, attempt, .. } = delivery.task;
            let span = TaskSpan::new(id, attempt, config.pattern, slot, desk.worker(slot));
            attempt::attempt(delivery, slot, span, &desk.net, clock, desk.config().timeout, &handler)
        };
        let mut engine = Engine::new(&desk, make);
        poll_fn(|cx| span.within(|| engine.poll(cx))).await;
        // Its parts are dropped here; they leave what they still hold to the source.
    }
    desk.update_time();
    desk.write(EventKind::RunEnded); // page: run_ended
    let elapsed = clock.now().since(start);
    let report = Report::new(config.pattern, desk.limit.get().get(), elapsed, desk.counters());
    span.ended(&report);
    let (error, failures) = (desk.error.take(), desk.failures.take());
    match error {
        Some(error) => Err(RunError::Source { error, report: Box::new(report) }),
        None if failures.is_empty() => Ok(report),
        None => Err(RunError::Group { failures, report: Box::new(report) }),
    }
}

/// A run in the making: what is not said has a default. `.await` it, or turn it into a future with `into_future()`.
#[must_use = "a run does nothing until it is awaited"]
#[derive(Debug)]
pub struct Run<'a, S, H, C = (), O = ()> {
    source: &'a S,
    handler: H,
    clock: C,
    config: Config,
    control: Control,
    observer: O,
}

impl<'a, S: Source, H> Run<'a, S, H> {
    /// A run with a worker pool, a limit of 5, no clock and no observer.
    pub fn new(source: &'a S, handler: H) -> Self {
        Self { source, handler, clock: (), config: Config::default(), control: Control::new(), observer: () }
    }
}

impl<'a, S, H, C, O> Run<'a, S, H, C, O> {
    /// By this pattern.
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
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config = self.config.timeout(timeout);
        self
    }

    /// Sets the number of retries of a failed task and the pauses before them. Default: three retries.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.config = self.config.retry(retry);
        self
    }

    /// Sets the maximum number of starts per second, which needs a [`clock`](Self::clock). Default: no limit.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.config = self.config.rate(rate);
        self
    }

    /// Sets the number of tasks after which the run ends. Default: the run goes on until its source is exhausted.
    pub fn max_tasks(mut self, tasks: u64) -> Self {
        self.config = self.config.max_tasks(tasks);
        self
    }

    /// Sets the maximum time for a drain, after which the run aborts; it needs a [`clock`](Self::clock). Default: no limit.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.config = self.config.grace(grace);
        self
    }

    /// Sets the seed of random draws, such as the jitter of retries. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config = self.config.seed(seed);
        self
    }

    /// With all of this configuration, pattern and limit included.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// With this handle on it.
    pub fn control(mut self, control: &Control) -> Self {
        self.control = control.clone();
        self
    }

    /// On this clock, which timeouts, rates, grace and the times of events need.
    pub fn clock<D>(self, clock: D) -> Run<'a, S, H, D, O> {
        let Self { source, handler, clock: _, config, control, observer } = self;
        Run { source, handler, clock, config, control, observer }
    }

    /// Watched by this observer.
    pub fn observer<P>(self, observer: P) -> Run<'a, S, H, C, P> {
        let Self { source, handler, clock, config, control, observer: _ } = self;
        Run { source, handler, clock, config, control, observer }
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

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            run(self.source, &self.clock, self.handler, &self.config, &self.control, &mut self.observer).await
        })
    }
}
