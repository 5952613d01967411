//! What a run is asked to be: JSON text that lies in links and files. Every message names the key.

mod bounds;
pub mod describe;
mod interventions;
mod keys;

use std::num::NonZeroUsize;

use fourfold::{
    Config, Pattern, Retry,
    data::Data,
    sim::{Intervention, Simulation, SyntheticTask, WorkloadSpec},
};

pub use self::interventions::{read_fork, read_simulation, write_interventions};
use self::{
    bounds::{
        ATTEMPTS_MAX, BACKOFF, BACKOFF_MAX, BATCH_SIZE, FAIL, FAIL_ATTEMPTS, FAIL_PERMILLE, GRACE, GRACE_DEFAULT,
        JITTER, LIMIT, MAX_TASKS, MS, PANIC, PANIC_PERMILLE, PATTERN, Parameter, QUEUE_CAPACITY, RETRIES, SEED,
        SEED_DEFAULT, TAIL_MS, TAIL_PERMILLE, TASKS, TASKS_DEFAULT, TIMEOUT, WORK_MS, WORKERS,
    },
    keys::Keys,
};
use crate::json;

/// What is wrong with what was asked for.
pub type Refused = String;

/// The parameters of a run, checked.
#[derive(Clone, Debug)]
pub struct Params {
    /// How the run goes about it.
    pub config: Config,
    /// How many tasks there are.
    pub tasks: u64,
    /// What they are drawn from.
    pub shape: WorkloadSpec,
    /// Or what they are.
    pub listed: Option<Vec<SyntheticTask>>,
}

impl Params {
    /// Reads them. What is left out is as the command has it.
    ///
    /// # Errors
    /// A message that names the key.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        Self::read(json::parse(text)?, "")
    }

    fn read(value: Data<'_>, path: &str) -> Result<Self, Refused> {
        let mut keys = Keys::new(value, path)?;
        let pattern = match keys.take(PATTERN.name) {
            None => Pattern::WorkerPool,
            Some(Data::Text(name)) => name.parse().map_err(|error| keys.wrong("pattern", &Data::Text(name), error))?,
            Some(other) => return Err(keys.wrong("pattern", &other, "expected set, batch, pool or group")),
        };
        let limit = keys.size(LIMIT)?.map_or(Config::default().limit, NonZeroUsize::get);
        let defaults = Retry::default();
        let base = keys.ms(BACKOFF)?.unwrap_or(defaults.base);
        let max = keys.ms(BACKOFF_MAX)?;
        if let Some(max) = max.filter(|max| *max < base) {
            return Err(format!("{}: {max:?} is shorter than backoff_ms, {base:?}", keys.name("backoff_max_ms")));
        }
        let retries = keys.whole(RETRIES)?.unwrap_or(u64::from(defaults.retries));
        // At most a thousand.
        let retry = Retry::new(retries as u32)
            .base(base)
            .max(max.unwrap_or(defaults.max.max(base)))
            .jitter(keys.flag(JITTER)?.unwrap_or(defaults.jitter));
        let mut config = Config::new(pattern, limit).retry(retry);
        config.workers = keys.size(WORKERS)?.map(NonZeroUsize::get);
        config.queue_capacity = keys.size(QUEUE_CAPACITY)?.map(NonZeroUsize::get);
        config.batch_size = keys.size(BATCH_SIZE)?.map(NonZeroUsize::get);
        config.timeout = keys.ms(TIMEOUT)?;
        config.rate = keys.rate()?;
        config.max_tasks = keys.whole(MAX_TASKS)?;
        config.grace = Some(keys.ms(GRACE)?.unwrap_or(GRACE_DEFAULT));
        config.seed = keys.whole(SEED)?.unwrap_or(SEED_DEFAULT);
        let mut tasks = keys.whole(TASKS)?;
        let (mut shape, mut listed) = (WorkloadSpec::default(), None);
        match keys.take("work") {
            None => {}
            Some(Data::List(works)) => {
                let works = list(works, &keys.name("work"))?;
                if let Some(tasks) = tasks.filter(|tasks| *tasks != works.len() as u64) {
                    return Err(format!("{}: {tasks}, but work lists {}", keys.name("tasks"), works.len()));
                }
                tasks = Some(works.len() as u64);
                listed = Some(works);
            }
            Some(other) => shape = read_shape(other, &keys.name("work"))?,
        }
        keys.finish()?;
        let params = Self { config, tasks: tasks.unwrap_or(TASKS_DEFAULT), shape, listed };
        check_attempts(params.tasks, retry.retries)?;
        Ok(params)
    }

    /// The simulation that goes by them.
    pub fn simulation(&self) -> Simulation {
        let simulation = Simulation::new(self.config, self.tasks).shape(self.shape);
        match &self.listed {
            Some(works) => simulation.listed(works),
            None => simulation,
        }
    }
}

/// However often they fail, there is an end to it.
fn check_attempts(tasks: u64, retries: u32) -> Result<(), Refused> {
    let attempts = tasks.saturating_mul(u64::from(retries) + 1);
    if attempts > ATTEMPTS_MAX {
        return Err(format!("tasks × (retries + 1): {attempts} attempts, and {ATTEMPTS_MAX} may be"));
    }
    Ok(())
}

/// How many tasks a simulation may come to have.
pub(crate) fn tasks_max(simulation: &Simulation) -> u64 {
    let more = |(_, intervention): &(u64, Intervention)| match intervention {
        Intervention::Burst(tasks) => *tasks,
        _ => 0,
    };
    simulation.interventions().iter().map(more).fold(simulation.tasks, u64::saturating_add)
}

/// A limit that is set while a run goes on.
///
/// # Errors
/// It is out of range.
pub fn limit(limit: f64) -> Result<NonZeroUsize, Refused> {
    let Parameter { min, max, .. } = LIMIT;
    let whole = Data::Number(limit).whole().filter(|limit| *limit <= max);
    let whole = whole.and_then(|limit| NonZeroUsize::new(limit as usize));
    whole.ok_or_else(|| format!("limit: expected a whole number from {min} to {max}, found {}", Data::Number(limit)))
}

fn read_shape(value: Data<'_>, path: &str) -> Result<WorkloadSpec, Refused> {
    let mut keys = Keys::new(value, path)?;
    let mut shape = WorkloadSpec::default();
    let permille = |keys: &mut Keys<'_>, parameter, default: u32| {
        // At most a thousand.
        Ok::<_, Refused>(keys.whole(parameter)?.map_or(default, |value| value as u32))
    };
    shape.ms = keys.span(WORK_MS)?.unwrap_or(shape.ms);
    shape.tail_permille = permille(&mut keys, TAIL_PERMILLE, shape.tail_permille)?;
    shape.tail_ms = keys.span(TAIL_MS)?.unwrap_or(shape.tail_ms);
    shape.fail_permille = permille(&mut keys, FAIL_PERMILLE, shape.fail_permille)?;
    let attempts = keys.whole(FAIL_ATTEMPTS)?;
    shape.fail_attempts = attempts.map_or(shape.fail_attempts, |value| value as u32);
    shape.panic_permille = permille(&mut keys, PANIC_PERMILLE, shape.panic_permille)?;
    keys.finish()?;
    Ok(shape)
}

fn list(works: Vec<Data<'_>>, path: &str) -> Result<Vec<SyntheticTask>, Refused> {
    if works.is_empty() || works.len() as u64 > TASKS.max {
        return Err(format!("{path}: {} tasks; expected 1 to {}", works.len(), TASKS.max));
    }
    let read = |(index, work)| {
        let mut keys = Keys::new(work, &format!("{path}[{index}]"))?;
        let mut work = SyntheticTask::new(keys.whole(MS)?.unwrap_or_default());
        // At most a thousand and one.
        work.fail = keys.whole(FAIL)?.unwrap_or_default() as u32;
        work.panic = keys.flag(PANIC)?.unwrap_or_default();
        keys.finish()?;
        Ok(work)
    };
    works.into_iter().enumerate().map(read).collect()
}
