//! Interventions into a simulation, read from JSON and written as JSON.

use std::num::NonZeroUsize;
use std::time::Duration;

use fourfold::{
    Config, Rate, Retry, TaskId,
    data::Data,
    sim::{Intervention, Simulation},
};
use serde::Serialize;

use super::{
    Params, Refused,
    bounds::{BURST, BY, INTERVENTIONS_MAX, LIMIT},
    check_attempts,
    keys::Keys,
    tasks_max,
};
use crate::json;

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
            return Err(format!("{path}[0]: position {position} is before {before}; positions must ascend"));
        }
        simulation = fork(&simulation, position, intervention.clone(), &format!("{path}[1]"))?;
    }
    Ok(simulation)
}

/// Reads an intervention, and returns the simulation with it applied at a position.
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
        return Err(format!("interventions: the maximum is {INTERVENTIONS_MAX}"));
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

/// Reads one intervention: an object whose only key names it.
fn read_intervention(value: Data<'_>, path: &str) -> Result<Intervention, Refused> {
    const WHICH: &str = "expected one of limit, drain, abort, fail, panic, cancel, slow, burst, configure";
    let mut keys = Keys::new(value, path)?;
    let which = |keys: &Keys<'_>, key: &str| keys.has(key);
    let intervention = if which(&keys, "limit") {
        keys.size(LIMIT)?.map(Intervention::Limit)
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
        let by = keys.ms(BY)?.ok_or_else(|| format!("{}: missing", keys.name("by_ms")))?;
        keys.task("slow")?.map(|task| Intervention::Slow { task, by })
    } else if which(&keys, "burst") {
        keys.whole(BURST)?.map(Intervention::Burst)
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

/// Writes interventions in the form that [`read_simulation`] reads, for links.
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
            backoff_ms: in_ms(config.retry.base.unwrap_or(Retry::BASE)),
            backoff_max_ms: in_ms(config.retry.max.unwrap_or(Retry::MAX)),
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
