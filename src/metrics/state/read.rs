//! Reading a state that was written as data.

use alloc::{
    collections::VecDeque,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{num::NonZeroU64, time::Duration};

use serde::de::{Deserialize, Deserializer, Error};

use super::State;
use crate::{
    clock::Time,
    data::{Data, Keys},
    event::{BlockedOn, Outcome},
    metrics::{
        Counters, Histogram, OpenBatch, RecentFailure, RunPhase, SourceState, TaskPhase, TaskState, Utilization, wide,
    },
    task::{Attempt, TaskId},
};

impl<'de> Deserialize<'de> for State {
    /// Reads a state from a self-describing format such as JSON.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_data(&Data::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl State {
    /// Reads a state that was written as this data.
    ///
    /// # Errors
    /// Returns a message that names the key that is missing or wrong.
    #[doc(hidden)]
    pub fn from_data(data: &Data<'_>) -> Result<Self, String> {
        let keys = Keys::of(data, "a state");
        let ids = |key| {
            keys.list(key)?
                .iter()
                .map(|id| id.whole().map(TaskId))
                .collect::<Option<VecDeque<_>>>()
                .ok_or_else(|| keys.wrong(key, "ids"))
        };
        let permit = |held: &Data<'_>| match held {
            Data::Null => Some(None),
            held => held.whole().map(|id| Some(TaskId(id))),
        };
        let permits = keys.list("permits")?.iter().map(permit).collect::<Option<Vec<_>>>();
        let Data::Object(tasks) = keys.need("tasks")? else { return Err(keys.wrong("tasks", "an object")) };
        // Filled bit by bit: what is there already is dropped in one place, whatever is wrong with
        // the rest.
        let mut state = Self::new();
        state.counters = counters(keys.need("counters")?)?;
        state.pattern = keys.named("pattern", |name| name.parse().ok())?;
        state.limit = keys.fit("limit")?;
        state.workers = keys.maybe_fit("workers")?;
        state.queue_capacity = keys.maybe_fit("queue_capacity")?;
        state.started_at = time(&keys, "started_at")?;
        state.at = time(&keys, "at")?;
        state.phase = keys.named("phase", phase)?;
        state.source_state = source_state(keys.need("source_state")?)?;
        state.next_sequence = keys.whole("next_sequence")?;
        state.missed = keys.whole("missed")?;
        state.queue = ids("queue")?;
        state.permits = permits.ok_or_else(|| keys.wrong("permits", "ids"))?;
        state.batch = keys.maybe("batch").map(batch).transpose()?;
        state.cause = keys.maybe_whole("cause")?.map(TaskId);
        state.waiting = keys.fit("waiting")?;
        state.abandoned = ids("abandoned")?;
        state.leaked = keys.fit("leaked")?;
        state.wait = histogram(keys.need("wait")?)?;
        state.service = histogram(keys.need("service")?)?;
        state.total = histogram(keys.need("total")?)?;
        state.idle_ns = wide::parse(keys.text("idle_ns")?)?;
        state.utilization = utilization(keys.need("utilization")?)?;
        state.failures = keys.list("failures")?.iter().map(failure).collect::<Result<_, _>>()?;
        for (id, task) in tasks {
            let id = id.parse().map_err(|_| format!("`{id}` is no id of a task"))?;
            state.tasks.insert(TaskId(id), live(task)?);
        }
        Ok(state)
    }
}

fn time(keys: &Keys<'_, '_>, key: &str) -> Result<Time, String> {
    keys.whole(key).map(Time::from_nanos)
}

fn counters(data: &Data<'_>) -> Result<Counters, String> {
    let keys = Keys::of(data, "the counters");
    let mut counters = Counters::default();
    for (key, count) in [
        ("claimed", &mut counters.claimed),
        ("succeeded", &mut counters.succeeded),
        ("failed", &mut counters.failed),
        ("timed_out", &mut counters.timed_out),
        ("panicked", &mut counters.panicked),
        ("cancelled", &mut counters.cancelled),
        ("lease_lost", &mut counters.lease_lost),
        ("retried", &mut counters.retried),
        ("done", &mut counters.done),
        ("dead", &mut counters.dead),
        ("released", &mut counters.released),
        ("malformed", &mut counters.malformed),
        ("abandoned", &mut counters.abandoned),
        ("queued", &mut counters.queued),
        ("peak_queued", &mut counters.peak_queued),
        ("in_flight", &mut counters.in_flight),
        ("peak_in_flight", &mut counters.peak_in_flight),
        ("batches", &mut counters.batches),
    ] {
        *count = keys.whole(key)?;
    }
    Ok(counters)
}

fn phase(name: &str) -> Option<RunPhase> {
    Some(match name {
        "waiting" => RunPhase::Waiting,
        "running" => RunPhase::Running,
        "draining" => RunPhase::Draining,
        "aborting" => RunPhase::Aborting,
        "ended" => RunPhase::Ended,
        _ => return None,
    })
}

fn source_state(data: &Data<'_>) -> Result<SourceState, String> {
    Ok(match (data.text(), data.get("blocked")) {
        (Some("open"), _) => SourceState::Open,
        (Some("waiting"), _) => SourceState::Waiting,
        (Some("exhausted"), _) => SourceState::Exhausted,
        (None, Some(blocked)) => {
            SourceState::Blocked { by: Keys::of(blocked, "a blocked source").named("by", BlockedOn::from_name)? }
        }
        _ => return Err(format!("`source_state` of a state: {data} is not known")),
    })
}

fn batch(data: &Data<'_>) -> Result<OpenBatch, String> {
    let keys = Keys::of(data, "a batch");
    Ok(OpenBatch { number: keys.whole("number")?, size: keys.fit("size")?, ended: keys.fit("ended")? })
}

fn attempt(keys: &Keys<'_, '_>) -> Result<Attempt, String> {
    Attempt::new(keys.fit("attempt")?).ok_or_else(|| keys.wrong("attempt", "a number from 1"))
}

fn live(data: &Data<'_>) -> Result<TaskState, String> {
    let keys = Keys::of(data, "a task");
    Ok(TaskState {
        attempt: attempt(&keys)?,
        first_claimed_at: time(&keys, "first_claimed_at")?,
        claimed_at: time(&keys, "claimed_at")?,
        batch: keys.maybe_whole("batch")?,
        phase: task_phase(keys.need("phase")?)?,
    })
}

fn task_phase(data: &Data<'_>) -> Result<TaskPhase, String> {
    if data.text() == Some("queued") {
        return Ok(TaskPhase::Queued);
    }
    let Data::Object(entries) = data else { return Err(format!("{data} is no phase of a task")) };
    let [(name, data)] = entries.as_slice() else { return Err("a task is in one phase".to_string()) };
    let keys = Keys::of(data, "a phase");
    let since = time(&keys, "since")?;
    let outcome = |keys: &Keys<'_, '_>| keys.named("outcome", Outcome::from_name);
    Ok(match name.as_ref() {
        "held_back" => TaskPhase::HeldBack { since },
        "running" => TaskPhase::Running { since, permit: keys.fit("permit")?, worker: keys.maybe_fit("worker")? },
        "ended" => TaskPhase::Ended {
            since,
            outcome: outcome(&keys)?,
            retry_after: keys.maybe("retry_after").map(duration).transpose()?,
        },
        "waiting" => TaskPhase::Waiting { since, due: time(&keys, "due")? },
        "abandoned" => TaskPhase::Abandoned {
            since,
            permit: keys.maybe_fit("permit")?,
            outcome: keys.maybe("outcome").map(|_| outcome(&keys)).transpose()?,
        },
        unknown => return Err(format!("`{unknown}` is no phase of a task")),
    })
}

fn duration(data: &Data<'_>) -> Result<Duration, String> {
    let keys = Keys::of(data, "a duration");
    let nanos: u32 = keys.fit("nanos")?;
    if nanos >= 1_000_000_000 {
        Err(keys.wrong("nanos", "less than a second"))
    } else {
        Ok(Duration::new(keys.whole("secs")?, nanos))
    }
}

fn histogram(data: &Data<'_>) -> Result<Histogram, String> {
    let keys = Keys::of(data, "a histogram");
    let mut histogram = Histogram::with(keys.whole("max_ns")?, wide::parse(keys.text("sum_ns")?)?);
    for bucket in keys.list("buckets")? {
        let pair: Vec<u64> = bucket.list().unwrap_or_default().iter().filter_map(Data::whole).collect();
        let [bucket, count] = pair[..] else { return Err(keys.wrong("buckets", "pairs of bucket and count")) };
        histogram.set(bucket, count)?;
    }
    Ok(histogram)
}

fn utilization(data: &Data<'_>) -> Result<Utilization, String> {
    let keys = Keys::of(data, "a utilization");
    let width_ns = NonZeroU64::new(keys.whole("width_ns")?).ok_or_else(|| keys.wrong("width_ns", "more than 0"))?;
    let lane = |key| {
        let sums = keys.list(key)?.iter().map(|sum| wide::parse(sum.text().unwrap_or_default()));
        sums.collect::<Result<Vec<_>, _>>()
    };
    let lanes = [lane("columns")?, lane("failed")?, lane("queued")?];
    Utilization::from_columns(width_ns, lanes.each_ref().map(Vec::as_slice), keys.whole("end_ns")?)
}

fn failure(data: &Data<'_>) -> Result<RecentFailure, String> {
    let keys = Keys::of(data, "a failure");
    Ok(RecentFailure {
        at: time(&keys, "at")?,
        task: TaskId(keys.whole("task")?),
        attempt: attempt(&keys)?,
        outcome: keys.named("outcome", Outcome::from_name)?,
        reason: keys.text("reason")?.into(),
    })
}
