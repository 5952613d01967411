//! Synthetic tasks through a pattern on a simulated clock: the same events for the same seed on every platform.

mod faults;
mod workload;

use alloc::{boxed::Box, rc::Rc, vec::Vec};
use core::{cell::Cell, convert::Infallible, future::Future, num::NonZeroUsize, pin::Pin, time::Duration};

use self::faults::{Fault, Faults};
pub use self::workload::{SyntheticTask, Workload, WorkloadSpec, perform};
use crate::{
    clock::SimulatedClock,
    config::Config,
    control::Control,
    event::{Event, Observer, observer_fn},
    failure::Failure,
    metrics::Report,
    run::{self, RunError},
    source::MemorySource,
    task::{Task, TaskId},
};

/// A run of a [`Workload`] on a [`SimulatedClock`], with what is done to it on the way.
///
/// The same simulation gives the same events on every platform. [Forked](Self::fork) at one of them it goes the same way up to
/// there and another one from there on.
///
/// ```
/// use core::time::Duration;
/// use fourfold::{Config, Observer, TaskId, metrics::Timeline, sim::{Intervention, Simulation}};
///
/// let simulation = Simulation::new(Config::default().seed(7), 40);
/// let [mut as_it_was, mut forked] = [Timeline::new(), Timeline::new()];
/// simulation.run(&mut as_it_was).unwrap();
///
/// // After 30 events the fifth task is made to hang for a minute.
/// let slow = Intervention::Slow { task: TaskId(5), by: Duration::from_secs(60) };
/// simulation.fork(30, slow).run(&mut forked).unwrap();
/// assert!((0..30).all(|position| as_it_was.event(position) == forked.event(position)));
/// assert!(as_it_was.last_state().elapsed() < Duration::from_secs(10));
/// assert!(forked.last_state().elapsed() > Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The run's configuration. Its seed is the workload's too.
    pub config: Config,
    /// How many tasks there are.
    pub tasks: u64,
    /// What its tasks are drawn from.
    pub shape: WorkloadSpec,
    /// The first tasks, where they are written down and not drawn.
    listed: Rc<[SyntheticTask]>,
    /// What is done to it, each after so many events; kept in that order by [`fork`](Self::fork).
    interventions: Vec<(u64, Intervention)>,
}

/// A handler whose futures are boxed, so that its type has a name.
pub type ScriptedHandler<'h> = dyn Fn(Task<SyntheticTask>) -> ScriptedAttempt<'h> + 'h;

/// What it returns.
pub type ScriptedAttempt<'h> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'h>>;

/// A [`run`](crate::run::run) with no type of its own: a program that has several kinds of handlers has one engine for all of them,
/// at the price of an allocation per attempt. What there is to do may be looked up by the task's id instead of its [`SyntheticTask`].
///
/// # Errors
/// [`RunError::Group`]: a task of a group failed for good.
pub async fn run_scripted(
    source: &MemorySource<'_, SyntheticTask, &SimulatedClock>,
    clock: &SimulatedClock,
    handler: &ScriptedHandler<'_>,
    config: &Config,
    control: &Control,
    observer: &mut dyn FnMut(&Event<&str>),
) -> Result<Report, RunError<Infallible>> {
    let attempt = async |task: &Task<SyntheticTask>| handler(task.clone()).await;
    run::run(source, clock, attempt, config, control, &mut observer_fn(observer)).await
}

/// What may be done to a simulation on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Intervention {
    /// It goes on with another configuration, as [`Control::set_config`] has it.
    Configure(Config),
    /// It goes on with another limit.
    Limit(NonZeroUsize),
    /// It drains.
    Drain,
    /// It is aborted.
    Abort,
    /// The present or next attempt at a task fails at once.
    Fail(TaskId),
    /// It panics, or what stands for that in a workload.
    Panic(TaskId),
    /// It is dropped: it ends cancelled, and is not tried again.
    Cancel(TaskId),
    /// It takes so much longer.
    Slow {
        /// The task.
        task: TaskId,
        /// How much longer.
        by: Duration,
    },
    /// So many more tasks come in, unless the source was exhausted already.
    Burst(u64),
}

impl Simulation {
    /// So many tasks, by this configuration.
    pub fn new(config: Config, tasks: u64) -> Self {
        Self { config, tasks, shape: WorkloadSpec::default(), listed: Rc::new([]), interventions: Vec::new() }
    }

    /// Tasks drawn from this shape.
    #[must_use = "a simulation is made with it"]
    pub fn shape(mut self, shape: WorkloadSpec) -> Self {
        self.shape = shape;
        self
    }

    /// These tasks, from the first on. What a burst adds is drawn.
    ///
    /// ```
    /// use fourfold::{Config, TaskId, sim::{Simulation, SyntheticTask}};
    /// let slow_first = [SyntheticTask::new(100), SyntheticTask::new(1)];
    /// let simulation = Simulation::new(Config::default(), 0).listed(&slow_first);
    /// assert_eq!(simulation.work(TaskId(0)).ms, 100);
    /// assert_eq!(simulation.run(&mut ()).unwrap().counters.done, 2);
    /// ```
    #[must_use = "a simulation is made with it"]
    pub fn listed(mut self, tasks: &[SyntheticTask]) -> Self {
        self.listed = tasks.into();
        self.tasks = tasks.len() as u64;
        self
    }

    /// What the task with this id has to do.
    pub fn work(&self, id: TaskId) -> SyntheticTask {
        let listed = usize::try_from(id.0).ok().and_then(|index| self.listed.get(index));
        listed.copied().unwrap_or_else(|| self.shape.draw(self.config.seed, id))
    }

    /// The same up to the position `after` (so many events have happened there), where something is done to it. What an earlier fork has
    /// in store for later is given up: the future is a new one.
    #[must_use = "the simulation itself stays as it is"]
    pub fn fork(&self, after: u64, intervention: Intervention) -> Self {
        let mut fork = self.clone();
        fork.interventions.retain(|(position, _)| *position <= after);
        fork.interventions.push((after, intervention));
        fork
    }

    /// What is done to it, each at a position.
    pub fn interventions(&self) -> &[(u64, Intervention)] {
        &self.interventions
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`RunError::Group`]: a task of a group failed for good.
    pub fn run(&self, observer: &mut impl Observer) -> Result<Report, RunError<Infallible>> {
        let (clock, control, faults) = (SimulatedClock::new(), Control::new(), Faults::default());
        let tasks = Rc::new(Cell::new(self.tasks));
        let source = MemorySource::new(&clock, Growing { simulation: self, next: 0, tasks: tasks.clone() });
        let (faults, clock) = (&faults, &clock);
        let handler: &ScriptedHandler<'_> = &|task| Box::pin(async move { faults.perform(clock, &task).await });
        let apply = |intervention: &Intervention| match *intervention {
            // What a run refuses changes nothing.
            Intervention::Configure(config) => drop(control.set_config(&config)),
            Intervention::Limit(limit) => drop(control.set_limit(limit)),
            Intervention::Drain => control.drain(),
            Intervention::Abort => control.abort(),
            Intervention::Fail(task) => faults.inject(task, Fault::Fail),
            Intervention::Panic(task) => faults.inject(task, Fault::Panic),
            Intervention::Cancel(task) => faults.inject(task, Fault::Cancel),
            Intervention::Slow { task, by } => faults.inject(task, Fault::Slow(by)),
            Intervention::Burst(more) => tasks.set(tasks.get().saturating_add(more)),
        };
        let mut director = Director { observer, coming: self.interventions.iter(), next: None, apply };
        director.happened(0);
        let mut look = |event: &Event<&str>| director.event(event);
        let run = run_scripted(&source, clock, handler, &self.config, &control, &mut look);
        // Whatever a task waits for in a workload is a timer, and the memory source waits for timers only.
        clock.run(run).unwrap_or_else(|stalled| unreachable!("{stalled}"))
    }
}

/// Does what is to be done when so many events have happened.
struct Director<'a, O, I, F> {
    observer: &'a mut O,
    coming: I,
    next: Option<&'a (u64, Intervention)>,
    apply: F,
}

impl<'a, O, I: Iterator<Item = &'a (u64, Intervention)>, F: Fn(&Intervention)> Director<'a, O, I, F> {
    fn happened(&mut self, events: u64) {
        while let Some(next) = self.next.or_else(|| self.coming.next()) {
            if next.0 > events {
                self.next = Some(next);
                return;
            }
            self.next = None;
            (self.apply)(&next.1);
        }
    }
}

impl<'a, O, I, F> Observer for Director<'a, O, I, F>
where
    O: Observer,
    I: Iterator<Item = &'a (u64, Intervention)>,
    F: Fn(&Intervention),
{
    fn event(&mut self, event: &Event<&str>) {
        self.observer.event(event);
        self.happened(event.sequence + 1);
    }
}

/// A workload that may become longer.
struct Growing<'a> {
    simulation: &'a Simulation,
    next: u64,
    tasks: Rc<Cell<u64>>,
}

impl Iterator for Growing<'_> {
    type Item = SyntheticTask;

    fn next(&mut self) -> Option<SyntheticTask> {
        let id = TaskId((self.next < self.tasks.get()).then_some(self.next)?);
        self.next += 1;
        Some(self.simulation.work(id))
    }
}
