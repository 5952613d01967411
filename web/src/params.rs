//! The parameters of a run, as JSON text in links and files. Every message names the key.

mod bounds;
pub mod describe;
mod interventions;
mod keys;

use std::{num::NonZeroUsize, time::Duration};

use fourfold::{
    Config, Pattern, Retry,
    clock::Time,
    data::Data,
    sim::{Intervention, Simulation, SyntheticTask, WorkloadSpec},
};

pub use self::interventions::{read_fork, read_simulation, write_interventions};
use self::{
    bounds::{
        ABANDON_AFTER, ATTEMPTS_MAX, BACKOFF, BACKOFF_MAX, BATCH_SIZE, FAIL, FAIL_ATTEMPTS, FAIL_PERMILLE, GRACE,
        GRACE_DEFAULT, JITTER, LIMIT, MAX_TASKS, MS, PANIC, PANIC_PERMILLE, PATTERN, Parameter, QUEUE_CAPACITY,
        RETRIES, SEED, SEED_DEFAULT, TAIL_MS, TAIL_PERMILLE, TASKS, TASKS_DEFAULT, TIMEOUT, WORK_MS, WORKERS,
    },
    keys::Keys,
};
use crate::json;

/// A message that says which parameter is wrong, and why.
pub type Refused = String;

/// The parameters of a run, checked.
#[derive(Clone, Debug)]
pub struct Params {
    /// The settings of the run.
    pub config: Config,
    /// The time after its timeout at which an attempt with a JavaScript handler is abandoned.
    pub abandon_after: Option<Duration>,
    /// The number of tasks.
    pub tasks: u64,
    /// The distribution that tasks are drawn from.
    pub workload: WorkloadSpec,
    /// The tasks themselves, where they are listed instead of drawn.
    pub listed: Option<Vec<SyntheticTask>>,
}

impl Params {
    /// Reads parameters from JSON text. A key that is left out has the command's default.
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
        let base = keys.ms(BACKOFF)?.unwrap_or(Retry::BASE);
        let max = keys.ms(BACKOFF_MAX)?;
        if let Some(max) = max.filter(|max| *max < base) {
            return Err(format!(
                "{}: {} is shorter than backoff_ms, {}",
                keys.name("backoff_max_ms"),
                Time::ZERO + max,
                Time::ZERO + base
            ));
        }
        let retries = keys.whole(RETRIES)?.unwrap_or(u64::from(defaults.retries));
        // At most a thousand.
        let retry = Retry::new(retries as u32)
            .base(base)
            .max(max.unwrap_or(Retry::MAX.max(base)))
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
        let abandon_after = keys.ms(ABANDON_AFTER)?;
        let mut tasks = keys.whole(TASKS)?;
        let (mut workload, mut listed) = (WorkloadSpec::default(), None);
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
            Some(other) => workload = read_workload(other, &keys.name("work"))?,
        }
        keys.finish()?;
        let params = Self { config, abandon_after, tasks: tasks.unwrap_or(TASKS_DEFAULT), workload, listed };
        check_attempts(params.tasks, retry.retries)?;
        Ok(params)
    }

    /// Returns a simulation with these parameters.
    pub fn simulation(&self) -> Simulation {
        let simulation = Simulation::new(self.config, self.tasks).workload(self.workload);
        match &self.listed {
            Some(works) => simulation.listed(works),
            None => simulation,
        }
    }
}

/// Refuses a run that could take more attempts than a browser has time for.
fn check_attempts(tasks: u64, retries: u32) -> Result<(), Refused> {
    let attempts = tasks.saturating_mul(u64::from(retries) + 1);
    if attempts > ATTEMPTS_MAX {
        return Err(format!("tasks × (retries + 1): {attempts} attempts; the maximum is {ATTEMPTS_MAX}"));
    }
    Ok(())
}

/// Returns the number of tasks of a simulation, bursts included.
pub(crate) fn tasks_max(simulation: &Simulation) -> u64 {
    let more = |(_, intervention): &(u64, Intervention)| match intervention {
        Intervention::Burst(tasks) => *tasks,
        _ => 0,
    };
    simulation.interventions().iter().map(more).fold(simulation.tasks, u64::saturating_add)
}

/// Checks a limit that is set during a run.
///
/// # Errors
/// A message, when the limit is out of range.
pub fn limit(limit: f64) -> Result<NonZeroUsize, Refused> {
    let Parameter { min, max, .. } = LIMIT;
    let whole = Data::Number(limit).whole().filter(|limit| *limit <= max);
    let whole = whole.and_then(|limit| NonZeroUsize::new(limit as usize));
    whole.ok_or_else(|| format!("limit: expected a whole number from {min} to {max}, found {}", Data::Number(limit)))
}

fn read_workload(value: Data<'_>, path: &str) -> Result<WorkloadSpec, Refused> {
    let mut keys = Keys::new(value, path)?;
    let mut workload = WorkloadSpec::default();
    let permille = |keys: &mut Keys<'_>, parameter, default: u32| {
        // At most a thousand.
        Ok::<_, Refused>(keys.whole(parameter)?.map_or(default, |value| value as u32))
    };
    workload.ms = keys.span(WORK_MS)?.unwrap_or(workload.ms);
    workload.tail_permille = permille(&mut keys, TAIL_PERMILLE, workload.tail_permille)?;
    workload.tail_ms = keys.span(TAIL_MS)?.unwrap_or(workload.tail_ms);
    workload.fail_permille = permille(&mut keys, FAIL_PERMILLE, workload.fail_permille)?;
    let attempts = keys.whole(FAIL_ATTEMPTS)?;
    workload.fail_attempts = attempts.map_or(workload.fail_attempts, |value| value as u32);
    workload.panic_permille = permille(&mut keys, PANIC_PERMILLE, workload.panic_permille)?;
    keys.finish()?;
    Ok(workload)
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
