//! What a run is asked to be: JSON text that lies in links and files, so that every message names the key.

use std::{borrow::Cow, fmt, num::NonZeroUsize, ops::RangeInclusive, time::Duration};

use fourfold::{
    Config, Pattern, Rate, Retry, TaskId,
    data::Data,
    sim::{Intervention, Simulation, SyntheticTask, WorkloadSpec},
};
use serde::Serialize;

use crate::json;

/// What may be asked for: a page must come back from it, in memory that a browser has.
const TASKS_MAX: u64 = 1_000_000;
const LIMIT_MAX: u64 = 100_000;
const QUEUE_MAX: u64 = 1_000_000;
const RETRIES_MAX: u64 = 1000;
const ATTEMPTS_MAX: u64 = 8_000_000;
const MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
const INTERVENTIONS_MAX: usize = 1000;
/// JavaScript's numbers are exact up to here.
const EXACT_MAX: u64 = 1 << 53;

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
        let pattern = match keys.take("pattern") {
            None => Pattern::WorkerPool,
            Some(Data::Text(name)) => name.parse().map_err(|error| keys.wrong("pattern", &Data::Text(name), error))?,
            Some(other) => return Err(keys.wrong("pattern", &other, "expected set, batch, pool or group")),
        };
        let limit = keys.size("limit", LIMIT_MAX)?.map_or(Config::default().limit, NonZeroUsize::get);
        let defaults = Retry::default();
        let base = keys.ms("backoff_ms", false)?.unwrap_or(defaults.base);
        let max = keys.ms("backoff_max_ms", false)?;
        if let Some(max) = max.filter(|max| *max < base) {
            return Err(format!("{}: {max:?} is shorter than backoff_ms, {base:?}", keys.name("backoff_max_ms")));
        }
        let retries = keys.whole("retries", 0..=RETRIES_MAX)?.unwrap_or(u64::from(defaults.retries));
        // At most a thousand.
        let retry = Retry::new(retries as u32)
            .base(base)
            .max(max.unwrap_or(defaults.max.max(base)))
            .jitter(keys.flag("jitter")?.unwrap_or(defaults.jitter));
        let mut config = Config::new(pattern, limit).retry(retry);
        config.workers = keys.size("workers", LIMIT_MAX)?.map(NonZeroUsize::get);
        config.queue_capacity = keys.size("queue_capacity", QUEUE_MAX)?.map(NonZeroUsize::get);
        config.batch_size = keys.size("batch_size", QUEUE_MAX)?.map(NonZeroUsize::get);
        config.timeout = keys.ms("timeout_ms", true)?;
        config.rate = keys.rate()?;
        config.max_tasks = keys.whole("max_tasks", 1..=TASKS_MAX)?;
        config.grace = Some(keys.ms("grace_ms", false)?.unwrap_or(Duration::from_secs(30)));
        config.seed = keys.whole("seed", 0..=EXACT_MAX)?.unwrap_or(42);
        let mut tasks = keys.whole("tasks", 1..=TASKS_MAX)?;
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
        let params = Self { config, tasks: tasks.unwrap_or(500), shape, listed };
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
    let whole = Data::Number(limit).whole().filter(|limit| *limit <= LIMIT_MAX);
    let whole = whole.and_then(|limit| NonZeroUsize::new(limit as usize));
    whole.ok_or_else(|| format!("limit: expected a whole number from 1 to {LIMIT_MAX}, found {}", Data::Number(limit)))
}

/// Reads a simulation: parameters, or `{"params": …, "interventions": [[position, …], …]}`.
///
/// # Errors
/// A message that names the key.
pub fn read_simulation(text: &str) -> Result<Simulation, Refused> {
    let value = json::parse(text)?;
    if value.get("params").is_none() {
        return Ok(Params::read(value, "")?.simulation());
    }
    let mut keys = Keys::new(value, "")?;
    let params = Params::read(keys.take("params").unwrap_or(Data::Null), "params")?;
    let interventions = match keys.take("interventions") {
        None => Vec::new(),
        Some(Data::List(list)) => list,
        Some(other) => return Err(keys.wrong("interventions", &other, "expected a list of [position, intervention]")),
    };
    keys.finish()?;
    let mut simulation = params.simulation();
    for (index, entry) in interventions.into_iter().enumerate() {
        let path = format!("interventions[{index}]");
        let entry = if let Data::List(entry) = entry { entry } else { Vec::new() };
        let [position, intervention] = entry.as_slice() else {
            return Err(format!("{path}: expected [position, intervention]"));
        };
        let position =
            position.whole().ok_or_else(|| format!("{path}[0]: expected a position, a whole number from 0"))?;
        let before = simulation.interventions().last().map_or(0, |(position, _)| *position);
        if position < before {
            return Err(format!("{path}[0]: position {position} is before {before}; they go in order"));
        }
        simulation = fork(&simulation, position, intervention.clone(), &format!("{path}[1]"))?;
    }
    Ok(simulation)
}

/// The simulation with something done to it at a position.
///
/// # Errors
/// A message that names the key.
pub fn read_fork(simulation: &Simulation, position: u64, intervention: &str) -> Result<Simulation, Refused> {
    fork(simulation, position, json::parse(intervention)?, "")
}

fn fork(simulation: &Simulation, position: u64, value: Data<'_>, path: &str) -> Result<Simulation, Refused> {
    let intervention = read_intervention(value, path)?;
    let forked = simulation.fork(position, intervention);
    if forked.interventions().len() > INTERVENTIONS_MAX {
        return Err(format!("interventions: at most {INTERVENTIONS_MAX}"));
    }
    let mut retries = simulation.config.retry.retries;
    for (_, intervention) in forked.interventions() {
        if let Intervention::Configure(config) = intervention {
            retries = retries.max(config.retry.retries);
        }
    }
    check_attempts(tasks_max(&forked), retries)?;
    Ok(forked)
}

/// Reads one intervention: an object whose one key says which.
fn read_intervention(value: Data<'_>, path: &str) -> Result<Intervention, Refused> {
    const WHICH: &str = "expected one of limit, drain, abort, fail, panic, cancel, slow, burst, configure";
    let mut keys = Keys::new(value, path)?;
    let which = |keys: &Keys<'_>, key: &str| keys.entries.iter().any(|(name, _)| name == key);
    let intervention = if which(&keys, "limit") {
        keys.size("limit", LIMIT_MAX)?.map(Intervention::Limit)
    } else if which(&keys, "drain") {
        keys.order("drain")?.then_some(Intervention::Drain)
    } else if which(&keys, "abort") {
        keys.order("abort")?.then_some(Intervention::Abort)
    } else if which(&keys, "fail") {
        keys.task("fail")?.map(Intervention::Fail)
    } else if which(&keys, "panic") {
        keys.task("panic")?.map(Intervention::Panic)
    } else if which(&keys, "cancel") {
        keys.task("cancel")?.map(Intervention::Cancel)
    } else if which(&keys, "slow") {
        let by = keys.ms("by_ms", false)?.ok_or_else(|| format!("{}: missing", keys.name("by_ms")))?;
        keys.task("slow")?.map(|task| Intervention::Slow { task, by })
    } else if which(&keys, "burst") {
        keys.whole("burst", 1..=TASKS_MAX)?.map(Intervention::Burst)
    } else if which(&keys, "configure") {
        let path = keys.name("configure");
        let params = keys.take("configure").map(|params| Params::read(params, &path)).transpose()?;
        params.map(|params| Intervention::Configure(params.config))
    } else {
        None
    };
    let Some(intervention) = intervention else { return Err(keys.wrong("", &Data::Null, WHICH)) };
    keys.finish()?;
    Ok(intervention)
}

/// Interventions as they are read, for links.
pub fn write_interventions(simulation: &Simulation) -> String {
    let written = |(position, intervention): &(u64, Intervention)| (*position, Written::from(intervention));
    let list: Vec<(u64, Written)> = simulation.interventions().iter().map(written).collect();
    json::write(&list)
}

/// One intervention as JSON.
#[derive(Serialize, Default)]
#[serde(rename_all = "snake_case")]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<NonZeroUsize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    abort: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail: Option<TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    panic: Option<TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel: Option<TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configure: Option<WrittenConfig>,
}

impl From<&Intervention> for Written {
    fn from(intervention: &Intervention) -> Self {
        let none = Self::default();
        match *intervention {
            Intervention::Configure(config) => Self { configure: Some(WrittenConfig::from(&config)), ..none },
            Intervention::Limit(limit) => Self { limit: Some(limit), ..none },
            Intervention::Drain => Self { drain: Some(true), ..none },
            Intervention::Abort => Self { abort: Some(true), ..none },
            Intervention::Fail(task) => Self { fail: Some(task), ..none },
            Intervention::Panic(task) => Self { panic: Some(task), ..none },
            Intervention::Cancel(task) => Self { cancel: Some(task), ..none },
            Intervention::Slow { task, by } => Self { slow: Some(task), by_ms: Some(in_ms(by)), ..none },
            Intervention::Burst(tasks) => Self { burst: Some(tasks), ..none },
        }
    }
}

/// A configuration as JSON.
#[derive(Serialize)]
struct WrittenConfig {
    pattern: &'static str,
    limit: usize,
    seed: u64,
    retries: u32,
    backoff_ms: f64,
    backoff_max_ms: f64,
    jitter: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_capacity: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tasks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_ms: Option<f64>,
}

impl From<&Config> for WrittenConfig {
    fn from(config: &Config) -> Self {
        Self {
            pattern: config.pattern.name(),
            limit: config.limit,
            seed: config.seed,
            retries: config.retry.retries,
            backoff_ms: in_ms(config.retry.base),
            backoff_max_ms: in_ms(config.retry.max),
            jitter: config.retry.jitter,
            workers: config.workers,
            queue_capacity: config.queue_capacity,
            batch_size: config.batch_size,
            max_tasks: config.max_tasks,
            rate: config.rate.map(Rate::get),
            timeout_ms: config.timeout.map(in_ms),
            grace_ms: config.grace.map(in_ms),
        }
    }
}

fn in_ms(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

fn read_shape(value: Data<'_>, path: &str) -> Result<WorkloadSpec, Refused> {
    let mut keys = Keys::new(value, path)?;
    let mut shape = WorkloadSpec::default();
    let permille = |keys: &mut Keys<'_>, key, default: u32| {
        // At most a thousand.
        Ok::<_, Refused>(keys.whole(key, 0..=1000)?.map_or(default, |value| value as u32))
    };
    shape.ms = keys.span("ms")?.unwrap_or(shape.ms);
    shape.tail_permille = permille(&mut keys, "tail_permille", shape.tail_permille)?;
    shape.tail_ms = keys.span("tail_ms")?.unwrap_or(shape.tail_ms);
    shape.fail_permille = permille(&mut keys, "fail_permille", shape.fail_permille)?;
    let attempts = keys.whole("fail_attempts", 1..=RETRIES_MAX + 1)?;
    shape.fail_attempts = attempts.map_or(shape.fail_attempts, |value| value as u32);
    shape.panic_permille = permille(&mut keys, "panic_permille", shape.panic_permille)?;
    keys.finish()?;
    Ok(shape)
}

fn list(works: Vec<Data<'_>>, path: &str) -> Result<Vec<SyntheticTask>, Refused> {
    if works.is_empty() || works.len() as u64 > TASKS_MAX {
        return Err(format!("{path}: {} tasks; expected 1 to {TASKS_MAX}", works.len()));
    }
    let read = |(index, work)| {
        let mut keys = Keys::new(work, &format!("{path}[{index}]"))?;
        let mut work = SyntheticTask::new(keys.whole("ms", 0..=MS_MAX)?.unwrap_or_default());
        // At most a thousand and one.
        work.fail = keys.whole("fail", 0..=RETRIES_MAX + 1)?.unwrap_or_default() as u32;
        work.panic = keys.flag("panic")?.unwrap_or_default();
        keys.finish()?;
        Ok(work)
    };
    works.into_iter().enumerate().map(read).collect()
}

/// The keys of an object, taken out one by one; what is left at the end is unknown.
struct Keys<'a> {
    entries: Vec<(Cow<'a, str>, Data<'a>)>,
    path: String,
    taken: Vec<&'static str>,
}

impl<'a> Keys<'a> {
    fn new(value: Data<'a>, path: &str) -> Result<Self, Refused> {
        match value {
            Data::Object(entries) => Ok(Self { entries, path: path.into(), taken: Vec::new() }),
            other if path.is_empty() => Err(format!("expected an object, found {}", other)),
            other => Err(format!("{path}: expected an object, found {}", other)),
        }
    }

    fn name(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.into(),
            (path, "") => path.into(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Data<'a>> {
        self.taken.push(key);
        let place = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.swap_remove(place).1)
    }

    fn wrong(&self, key: &str, found: &Data<'_>, why: impl fmt::Display) -> Refused {
        match self.name(key).as_str() {
            "" => why.to_string(),
            name => format!("{name}: {why}, found {}", found),
        }
    }

    fn whole(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Result<Option<u64>, Refused> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.whole().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let expected = format!("expected a whole number from {} to {}", range.start(), range.end());
                Err(self.wrong(key, &value, expected))
            }
        }
    }

    fn size(&mut self, key: &'static str, max: u64) -> Result<Option<NonZeroUsize>, Refused> {
        // From 1 on, and small enough for any platform.
        Ok(self.whole(key, 1..=max)?.and_then(|size| NonZeroUsize::new(size as usize)))
    }

    /// Milliseconds, with or without a fraction.
    fn ms(&mut self, key: &'static str, positive: bool) -> Result<Option<Duration>, Refused> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let least = if positive { 1e-6 } else { 0.0 };
        match value.number().filter(|ms| (least..=MS_MAX as f64).contains(ms)) {
            Some(ms) => Ok(Some(Duration::from_nanos((ms * 1e6).round() as u64))),
            None => {
                let above = if positive { "above 0" } else { "from 0" };
                Err(self.wrong(key, &value, format!("expected milliseconds, {above} and at most {MS_MAX}")))
            }
        }
    }

    fn span(&mut self, key: &'static str) -> Result<Option<(u64, u64)>, Refused> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let bounds: Vec<u64> = match &value {
            Data::List(list) => list.iter().filter_map(Data::whole).filter(|ms| *ms <= MS_MAX).collect(),
            _ => Vec::new(),
        };
        match bounds.as_slice() {
            [low, high] if low <= high => Ok(Some((*low, *high))),
            _ => Err(self.wrong(key, &value, "expected [shortest, longest], whole milliseconds")),
        }
    }

    fn flag(&mut self, key: &'static str) -> Result<Option<bool>, Refused> {
        match self.take(key) {
            None => Ok(None),
            Some(Data::Flag(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.wrong(key, &other, "expected true or false")),
        }
    }

    /// True, and nothing else.
    fn order(&mut self, key: &'static str) -> Result<bool, Refused> {
        match self.take(key) {
            None => Ok(false),
            Some(Data::Flag(true)) => Ok(true),
            Some(other) => Err(self.wrong(key, &other, "expected true")),
        }
    }

    fn task(&mut self, key: &'static str) -> Result<Option<TaskId>, Refused> {
        Ok(self.whole(key, 0..=EXACT_MAX)?.map(TaskId))
    }

    fn rate(&mut self) -> Result<Option<Rate>, Refused> {
        let Some(value) = self.take("rate") else { return Ok(None) };
        match value.number().filter(|rate| *rate >= 1e-6 && *rate <= 1e9).and_then(Rate::per_second) {
            Some(rate) => Ok(Some(rate)),
            None => Err(self.wrong("rate", &value, "expected starts per second, above 0")),
        }
    }

    fn finish(self) -> Result<(), Refused> {
        match self.entries.first() {
            None => Ok(()),
            Some((key, _)) => {
                Err(format!("{}: there is no such key; expected one of {}", self.name(key), self.taken.join(", ")))
            }
        }
    }
}
