//! What a run is asked to be: JSON text that lies in links and files, so that every message names the key.

use std::{fmt, num::NonZeroUsize, ops::RangeInclusive, time::Duration};

use fourfold::{Config, Intervention, Pattern, Rate, Retry, Shape, Simulation, TaskId, Work};
use serde_json::{Map, Value};

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
    pub shape: Shape,
    /// Or what they are.
    pub listed: Option<Vec<Work>>,
}

impl Params {
    /// Reads them. What is left out is as the command has it.
    ///
    /// # Errors
    /// A message that names the key.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        Self::from_value(json(text)?, "")
    }

    fn from_value(value: Value, path: &str) -> Result<Self, Refused> {
        let mut keys = Keys::new(value, path)?;
        let pattern = match keys.take("pattern") {
            None => Pattern::WorkerPool,
            Some(Value::String(name)) => {
                name.parse().map_err(|error| keys.wrong("pattern", &Value::String(name), error))?
            }
            Some(other) => return Err(keys.wrong("pattern", &other, "expected set, batch, pool or group")),
        };
        let limit = keys.size("limit", LIMIT_MAX)?.unwrap_or(Config::default().limit);
        let defaults = Retry::default();
        let base = keys.ms("backoff_ms", false)?.unwrap_or(defaults.base);
        let max = keys.ms("backoff_max_ms", false)?;
        if let Some(max) = max.filter(|max| *max < base) {
            return Err(format!("{}: {max:?} is shorter than backoff_ms, {base:?}", keys.name("backoff_max_ms")));
        }
        let retries = keys.whole("retries", 0..=RETRIES_MAX)?.unwrap_or(u64::from(defaults.retries));
        let retry = Retry {
            // At most a thousand.
            retries: retries as u32,
            base,
            max: max.unwrap_or(defaults.max.max(base)),
            jitter: keys.flag("jitter")?.unwrap_or(defaults.jitter),
        };
        let config = Config {
            workers: keys.size("workers", LIMIT_MAX)?,
            queue_capacity: keys.size("queue_capacity", QUEUE_MAX)?,
            batch_size: keys.size("batch_size", QUEUE_MAX)?,
            timeout: keys.ms("timeout_ms", true)?,
            retry,
            rate: keys.rate()?,
            max_tasks: keys.whole("max_tasks", 1..=TASKS_MAX)?,
            grace: Some(keys.ms("grace_ms", false)?.unwrap_or(Duration::from_secs(30))),
            seed: keys.whole("seed", 0..=EXACT_MAX)?.unwrap_or(42),
            ..Config::new(pattern, limit)
        };
        let mut tasks = keys.whole("tasks", 1..=TASKS_MAX)?;
        let (mut shape, mut listed) = (Shape::default(), None);
        match keys.take("work") {
            None => {}
            Some(Value::Array(works)) => {
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
        params.check_attempts(0, retry.retries)?;
        Ok(params)
    }

    /// However often they fail, there is an end to it.
    fn check_attempts(&self, more: u64, retries: u32) -> Result<(), Refused> {
        let attempts = self.tasks.saturating_add(more).saturating_mul(u64::from(retries) + 1);
        if attempts > ATTEMPTS_MAX {
            return Err(format!("tasks × (retries + 1): {attempts} attempts, and {ATTEMPTS_MAX} may be"));
        }
        Ok(())
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

/// Reads a simulation: parameters, or `{"params": …, "interventions": [[position, …], …]}`.
///
/// # Errors
/// A message that names the key.
pub fn read_simulation(text: &str) -> Result<Simulation, Refused> {
    let value = json(text)?;
    if value.get("params").is_none() {
        return Ok(Params::from_value(value, "")?.simulation());
    }
    let mut keys = Keys::new(value, "")?;
    let params = Params::from_value(keys.take("params").unwrap_or_default(), "params")?;
    let interventions = match keys.take("interventions") {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(keys.wrong("interventions", &other, "expected a list of [position, intervention]")),
    };
    keys.finish()?;
    let mut simulation = params.simulation();
    for (index, entry) in interventions.into_iter().enumerate() {
        let path = format!("interventions[{index}]");
        let Some([position, intervention]) = entry.as_array().map(Vec::as_slice) else {
            return Err(format!("{path}: expected [position, intervention]"));
        };
        let position = position.as_u64().filter(|position| *position <= EXACT_MAX);
        let position = position.ok_or_else(|| format!("{path}[0]: expected a position, a whole number from 0"))?;
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
    fork(simulation, position, json(intervention)?, "")
}

fn fork(simulation: &Simulation, position: u64, value: Value, path: &str) -> Result<Simulation, Refused> {
    let intervention = read_intervention(value, path)?;
    let forked = simulation.fork(position, intervention);
    if forked.interventions().len() > INTERVENTIONS_MAX {
        return Err(format!("interventions: at most {INTERVENTIONS_MAX}"));
    }
    let (mut more, mut retries) = (0_u64, simulation.config.retry.retries);
    for (_, intervention) in forked.interventions() {
        match intervention {
            Intervention::Burst(tasks) => more = more.saturating_add(*tasks),
            Intervention::Configure(config) => retries = retries.max(config.retry.retries),
            _ => {}
        }
    }
    let params = Params { config: forked.config, tasks: forked.tasks, shape: forked.shape, listed: None };
    params.check_attempts(more, retries)?;
    Ok(forked)
}

/// Reads one intervention: an object whose one key says which.
fn read_intervention(value: Value, path: &str) -> Result<Intervention, Refused> {
    const WHICH: &str = "expected one of limit, drain, abort, fail, panic, cancel, slow, burst, configure";
    let mut keys = Keys::new(value, path)?;
    let first = |keys: &Keys| keys.map.keys().find(|key| *key != "by_ms").cloned();
    let Some(which) = first(&keys) else { return Err(keys.wrong("", &Value::Null, WHICH)) };
    let need = |found: Option<u64>| found.ok_or_else(|| String::from("null"));
    let task = |keys: &mut Keys, key| Ok::<_, Refused>(TaskId(need(keys.whole(key, 0..=EXACT_MAX)?)?));
    let intervention = match which.as_str() {
        "limit" => match keys.size("limit", LIMIT_MAX)? {
            Some(limit) => Intervention::Limit(limit),
            None => return Err(WHICH.into()),
        },
        "drain" | "abort" => {
            let wanted = keys.flag(&which)?;
            if wanted != Some(true) {
                return Err(format!("{}: expected true", keys.name(&which)));
            }
            if which == "drain" { Intervention::Drain } else { Intervention::Abort }
        }
        "fail" => Intervention::Fail(task(&mut keys, "fail")?),
        "panic" => Intervention::Panic(task(&mut keys, "panic")?),
        "slow" => {
            let task = task(&mut keys, "slow")?;
            let Some(by) = keys.ms("by_ms", false)? else { return Err(format!("{}: missing", keys.name("by_ms"))) };
            Intervention::Slow { task, by }
        }
        "burst" => Intervention::Burst(need(keys.whole("burst", 1..=TASKS_MAX)?)?),
        "configure" => {
            let params = keys.take("configure").unwrap_or_default();
            Intervention::Configure(Params::from_value(params, &keys.name("configure"))?.config)
        }
        unknown => return Err(format!("{}: there is no such intervention; {WHICH}", keys.name(unknown))),
    };
    keys.finish()?;
    Ok(intervention)
}

/// Interventions as they are read, for links.
pub fn write_interventions(simulation: &Simulation) -> Value {
    let write = |(position, intervention): &(u64, Intervention)| {
        let value = match *intervention {
            Intervention::Configure(config) => serde_json::json!({"configure": write_config(&config)}),
            Intervention::Limit(limit) => serde_json::json!({"limit": limit}),
            Intervention::Drain => serde_json::json!({"drain": true}),
            Intervention::Abort => serde_json::json!({"abort": true}),
            Intervention::Fail(task) => serde_json::json!({"fail": task}),
            Intervention::Panic(task) => serde_json::json!({"panic": task}),
            Intervention::Slow { task, by } => serde_json::json!({"slow": task, "by_ms": write_ms(by)}),
            Intervention::Burst(tasks) => serde_json::json!({"burst": tasks}),
        };
        serde_json::json!([position, value])
    };
    simulation.interventions().iter().map(write).collect()
}

fn write_config(config: &Config) -> Value {
    let mut keys = serde_json::json!({
        "pattern": config.pattern.name(),
        "limit": config.limit,
        "seed": config.seed,
        "retries": config.retry.retries,
        "backoff_ms": write_ms(config.retry.base),
        "backoff_max_ms": write_ms(config.retry.max),
        "jitter": config.retry.jitter,
    });
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            keys[key] = value;
        }
    };
    put("workers", config.workers.map(|size| size.get().into()));
    put("queue_capacity", config.queue_capacity.map(|size| size.get().into()));
    put("batch_size", config.batch_size.map(|size| size.get().into()));
    put("max_tasks", config.max_tasks.map(Into::into));
    put("rate", config.rate.map(|rate| number(rate.get())));
    put("timeout_ms", config.timeout.map(write_ms));
    put("grace_ms", config.grace.map(write_ms));
    keys
}

fn write_ms(duration: Duration) -> Value {
    number(duration.as_nanos() as f64 / 1e6)
}

/// Without a fraction where there is none.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < EXACT_MAX as f64 { Value::from(value as i64) } else { Value::from(value) }
}

fn json(text: &str) -> Result<Value, Refused> {
    serde_json::from_str(text).map_err(|error| format!("this is not JSON: {error}"))
}

fn read_shape(value: Value, path: &str) -> Result<Shape, Refused> {
    let mut keys = Keys::new(value, path)?;
    let shape = Shape::default();
    let permille = |keys: &mut Keys, key, default: u32| {
        // At most a thousand.
        Ok::<_, Refused>(keys.whole(key, 0..=1000)?.map_or(default, |value| value as u32))
    };
    let shape = Shape {
        ms: keys.span("ms")?.unwrap_or(shape.ms),
        tail_permille: permille(&mut keys, "tail_permille", shape.tail_permille)?,
        tail_ms: keys.span("tail_ms")?.unwrap_or(shape.tail_ms),
        fail_permille: permille(&mut keys, "fail_permille", shape.fail_permille)?,
        fail_attempts: keys
            .whole("fail_attempts", 1..=RETRIES_MAX + 1)?
            .map_or(shape.fail_attempts, |value| value as u32),
        panic_permille: permille(&mut keys, "panic_permille", shape.panic_permille)?,
    };
    keys.finish()?;
    Ok(shape)
}

fn list(works: Vec<Value>, path: &str) -> Result<Vec<Work>, Refused> {
    if works.is_empty() || works.len() as u64 > TASKS_MAX {
        return Err(format!("{path}: {} tasks; expected 1 to {TASKS_MAX}", works.len()));
    }
    let read = |(index, work)| {
        let mut keys = Keys::new(work, &format!("{path}[{index}]"))?;
        let work = Work {
            ms: keys.whole("ms", 0..=MS_MAX)?.unwrap_or_default(),
            // At most a thousand and one.
            fail: keys.whole("fail", 0..=RETRIES_MAX + 1)?.unwrap_or_default() as u32,
            panic: keys.flag("panic")?.unwrap_or_default(),
        };
        keys.finish()?;
        Ok(work)
    };
    works.into_iter().enumerate().map(read).collect()
}

/// The keys of an object, taken out one by one; what is left at the end is unknown.
struct Keys {
    map: Map<String, Value>,
    path: String,
    taken: Vec<String>,
}

impl Keys {
    fn new(value: Value, path: &str) -> Result<Self, Refused> {
        match value {
            Value::Object(map) => Ok(Self { map, path: path.into(), taken: Vec::new() }),
            other if path.is_empty() => Err(format!("expected an object, found {}", shown(&other))),
            other => Err(format!("{path}: expected an object, found {}", shown(&other))),
        }
    }

    fn name(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.into(),
            (path, "") => path.into(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.taken.push(key.into());
        self.map.remove(key)
    }

    fn wrong(&self, key: &str, found: &Value, why: impl fmt::Display) -> Refused {
        match self.name(key).as_str() {
            "" => why.to_string(),
            name => format!("{name}: {why}, found {}", shown(found)),
        }
    }

    fn whole(&mut self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Refused> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_u64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let expected = format!("expected a whole number from {} to {}", range.start(), range.end());
                Err(self.wrong(key, &value, expected))
            }
        }
    }

    fn size(&mut self, key: &str, max: u64) -> Result<Option<NonZeroUsize>, Refused> {
        // From 1 on, and small enough for any platform.
        Ok(self.whole(key, 1..=max)?.and_then(|size| NonZeroUsize::new(size as usize)))
    }

    /// Milliseconds, with or without a fraction.
    fn ms(&mut self, key: &str, positive: bool) -> Result<Option<Duration>, Refused> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let least = if positive { 1e-6 } else { 0.0 };
        match value.as_f64().filter(|ms| (least..=MS_MAX as f64).contains(ms)) {
            Some(ms) => Ok(Some(Duration::from_nanos((ms * 1e6).round() as u64))),
            None => {
                let above = if positive { "above 0" } else { "from 0" };
                Err(self.wrong(key, &value, format!("expected milliseconds, {above} and at most {MS_MAX}")))
            }
        }
    }

    fn span(&mut self, key: &str) -> Result<Option<(u64, u64)>, Refused> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let bound = |index| value.get(index).and_then(Value::as_u64).filter(|ms| *ms <= MS_MAX);
        match (value.as_array().map(Vec::len), bound(0), bound(1)) {
            (Some(2), Some(low), Some(high)) if low <= high => Ok(Some((low, high))),
            _ => Err(self.wrong(key, &value, "expected [shortest, longest], whole milliseconds")),
        }
    }

    fn flag(&mut self, key: &str) -> Result<Option<bool>, Refused> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.wrong(key, &other, "expected true or false")),
        }
    }

    fn rate(&mut self) -> Result<Option<Rate>, Refused> {
        let Some(value) = self.take("rate") else { return Ok(None) };
        match value.as_f64().filter(|rate| *rate >= 1e-6 && *rate <= 1e9).and_then(Rate::per_second) {
            Some(rate) => Ok(Some(rate)),
            None => Err(self.wrong("rate", &value, "expected starts per second, above 0")),
        }
    }

    fn finish(self) -> Result<(), Refused> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(key) => {
                Err(format!("{}: there is no such key; expected one of {}", self.name(key), self.taken.join(", ")))
            }
        }
    }
}

/// A value in a message: short.
fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".into(),
        Value::Array(_) => "a list".into(),
        other => {
            let text = other.to_string();
            if text.chars().count() > 40 { format!("{}…", text.chars().take(40).collect::<String>()) } else { text }
        }
    }
}
