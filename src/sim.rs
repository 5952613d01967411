//! Simulations: synthetic tasks in a run on a simulated clock, with the same events for the same
//! seed on every platform.

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

/// A run of a [`Workload`] on a [`SimulatedClock`], with [interventions](Intervention) on its way.
///
/// The same simulation gives the same events on every platform. A [fork](Self::fork) has the same
/// events up to its intervention, and may have others from there on.
///
/// ```
/// use core::time::Duration;
/// use fourfold::{Config, Observer, TaskId, metrics::Timeline, sim::{Intervention, Simulation}};
///
/// let simulation = Simulation::new(Config::default().seed(7), 40);
/// let [mut as_it_was, mut forked] = [Timeline::new(), Timeline::new()];
/// simulation.run(&mut as_it_was).unwrap();
///
/// // After 30 events, task 5 takes a minute longer.
/// let slow = Intervention::Slow { task: TaskId(5), by: Duration::from_secs(60) };
/// simulation.fork(30, slow).run(&mut forked).unwrap();
/// assert!((0..30).all(|position| as_it_was.event(position) == forked.event(position)));
/// assert!(as_it_was.last_state().elapsed() < Duration::from_secs(10));
/// assert!(forked.last_state().elapsed() > Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The configuration of the run. Its seed is the seed of the workload, too.
    pub config: Config,
    /// The number of tasks.
    pub tasks: u64,
    /// The distribution that the tasks are drawn from.
    pub workload: WorkloadSpec,
    /// The first tasks, if they are listed and not drawn.
    listed: Rc<[SyntheticTask]>,
    /// The interventions, each with the number of events before it, in that order.
    interventions: Vec<(u64, Intervention)>,
}

/// A handler whose futures are boxed, so that its type has a name.
#[doc(hidden)]
pub type ScriptedHandler<'h> = dyn Fn(Task<SyntheticTask>) -> ScriptedAttempt<'h> + 'h;

/// The future of a [`ScriptedHandler`].
#[doc(hidden)]
pub type ScriptedAttempt<'h> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'h>>;

/// Runs a [`run`](crate::run::run) whose type does not depend on its handler: a program with
/// several kinds of handlers has one engine for all of them, at the price of an allocation per
/// attempt. A handler may look up its work by the id of the task instead of its [`SyntheticTask`].
///
/// # Errors
/// [`RunError::Group`] when a task of a group fails for good.
#[doc(hidden)]
pub async fn run_scripted(
    source: &MemorySource<'_, SyntheticTask>,
    clock: &SimulatedClock,
    handler: &ScriptedHandler<'_>,
    config: &Config,
    control: &Control,
    observer: &mut dyn FnMut(&Event<&str>),
) -> Result<Report, RunError<Infallible>> {
    let attempt = async |task: &Task<SyntheticTask>| handler(task.clone()).await;
    run::run(source, clock, attempt, config, control, &mut observer_fn(observer)).await
}

/// A change to a simulation on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Intervention {
    /// The run gets another configuration, as by [`Control::set_config`]. A configuration with a
    /// limit of 0 changes nothing.
    Configure(Config),
    /// The run gets another limit.
    Limit(NonZeroUsize),
    /// The run is told to drain.
    Drain,
    /// The run is told to abort.
    Abort,
    /// The present attempt at a task, or the next one, fails at once.
    Fail(TaskId),
    /// The present attempt at a task, or the next one, is counted as a panic.
    Panic(TaskId),
    /// The present attempt at a task, or the next one, is cancelled; the task is not tried again.
    Cancel(TaskId),
    /// The present attempt at a task, or the next one, takes longer.
    Slow {
        /// The task that takes longer.
        task: TaskId,
        /// The time that is added to the attempt.
        by: Duration,
    },
    /// The source gets this many more tasks, unless it is exhausted.
    Burst(u64),
}

impl Simulation {
    /// Makes a simulation of this many tasks with this configuration.
    pub fn new(config: Config, tasks: u64) -> Self {
        Self { config, tasks, workload: WorkloadSpec::default(), listed: Rc::new([]), interventions: Vec::new() }
    }

    /// Sets the distribution that the tasks are drawn from.
    #[must_use]
    pub fn workload(mut self, workload: WorkloadSpec) -> Self {
        self.workload = workload;
        self
    }

    /// Lists the tasks, instead of drawing them. The tasks of a [burst](Intervention::Burst) are
    /// drawn.
    ///
    /// ```
    /// use fourfold::{Config, TaskId, sim::{Simulation, SyntheticTask}};
    /// let slow_first = [SyntheticTask::new(100), SyntheticTask::new(1)];
    /// let simulation = Simulation::new(Config::default(), 0).listed(&slow_first);
    /// assert_eq!(simulation.work(TaskId(0)).ms, 100);
    /// assert_eq!(simulation.run(&mut ()).unwrap().counters.done, 2);
    /// ```
    #[must_use]
    pub fn listed(mut self, tasks: &[SyntheticTask]) -> Self {
        self.listed = tasks.into();
        self.tasks = tasks.len() as u64;
        self
    }

    /// Returns the task with this id.
    pub fn work(&self, id: TaskId) -> SyntheticTask {
        let listed = usize::try_from(id.0).ok().and_then(|index| self.listed.get(index));
        listed.copied().unwrap_or_else(|| self.workload.draw(self.config.seed, id))
    }

    /// Makes a simulation that has the same first `after` events, and then this intervention.
    /// Interventions that were to come later are left out.
    #[must_use = "the simulation itself does not change"]
    pub fn fork(&self, after: u64, intervention: Intervention) -> Self {
        let mut fork = self.clone();
        fork.interventions.retain(|(position, _)| *position <= after);
        fork.interventions.push((after, intervention));
        fork
    }

    /// Returns the interventions, each with the number of events before it.
    pub fn interventions(&self) -> &[(u64, Intervention)] {
        &self.interventions
    }

    /// Runs the simulation to its end, and hands its events to an observer.
    ///
    /// # Errors
    /// [`RunError::Config`] when a limit of the configuration is 0, and [`RunError::Group`] when a
    /// task of a group fails for good.
    pub fn run(&self, observer: &mut impl Observer) -> Result<Report, RunError<Infallible>> {
        let (clock, control, faults) = (SimulatedClock::new(), Control::new(), Faults::default());
        let tasks = Rc::new(Cell::new(self.tasks));
        let source = MemorySource::new(Growing { simulation: self, next: 0, tasks: tasks.clone() });
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
        // Whatever a task waits for in a workload is a timer, and the memory source waits for
        // timers only.
        clock.run(run).unwrap_or_else(|stalled| unreachable!("{stalled}"))
    }
}

/// An observer that applies the interventions when their time has come.
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

/// The tasks of a simulation, to which a burst may add more.
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
