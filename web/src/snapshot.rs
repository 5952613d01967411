//! The state of a run at one moment as a list of numbers, which crosses to JavaScript at every frame.
//!
//! An absent value is -1. [`layout`] names the columns, so that no code has to count them.

use std::{cmp::Reverse, collections::BinaryHeap};

use fourfold::{
    Event, Pattern, TaskId,
    clock::Time,
    event::{BlockedOn, Disposition, EventKind, Outcome},
    metrics::{RunPhase, SourceState, TaskPhase, TaskState, TimeBucket},
};
use serde::Serialize;

use crate::{json, recording::Recording};

pub(crate) const ABSENT: f64 = -1.0;
/// The maximum number of recent endings in a snapshot.
const RECENT_MAX: usize = 512;
/// The maximum number of events that are searched for recent endings.
const RECENT_EVENTS_MAX: u64 = 16_384;

pub(crate) const HEADER: &[&str] = &[
    "position",
    "start",
    "end",
    "t_ns",
    "start_ns",
    "end_ns",
    "phase",
    "source_state",
    "pattern",
    "limit",
    "workers",
    "queue_capacity",
    "in_flight",
    "queued",
    "waiting",
    "ended",
    "abandoned",
    "done",
    "dead",
    "released",
    "malformed",
    "tasks",
    "succeeded",
    "failed",
    "timed_out",
    "panicked",
    "cancelled",
    "lease_lost",
    "attempts",
    "retried",
    "peak_in_flight",
    "batch",
    "batch_size",
    "batch_ended",
    "cause",
    "missed",
    "kind",
    "kind_task",
    "oldest_ns",
    "idle_ns",
    "digest_hi",
    "digest_lo",
    "task_rows",
    "recent_rows",
];
pub(crate) const TASK: &[&str] =
    &["id", "attempt", "place", "permit", "worker", "since_ns", "until_ns", "outcome", "batch", "queue_place"];
pub(crate) const RECENT: &[&str] = &["id", "fate", "outcome", "at_ns"];
/// The columns of a row of a permit's history. Without a permit, the outcome is a kind of event, and the task is its batch, its cause or its limit.
pub(crate) const LANE: &[&str] = &["permit", "from_ns", "to_ns", "outcome", "task"];
pub(crate) const SERIES: &[&str] = &[
    "ended_per_s",
    "in_flight",
    "in_flight_max",
    "limit",
    "queued",
    "oldest_ms",
    "wait_p50_ms",
    "wait_p99_ms",
    "service_p50_ms",
    "service_p99_ms",
    "utilisation",
    "retried",
    "failed",
];
pub(crate) const PLACES: &[&str] = &["queued", "running", "ended", "waiting", "abandoned"];
pub(crate) const FATES: &[&str] = &["done", "retried", "dead", "released", "lease_lost", "abandoned"];
pub(crate) const OUTCOMES: &[&str] = &["succeeded", "failed", "timed_out", "panicked", "cancelled"];
pub(crate) const KINDS: &[&str] = &[
    "run_started",
    "claimed",
    "malformed",
    "started",
    "ended",
    "retry_scheduled",
    "settled",
    "abandoned",
    "batch_opened",
    "batch_closed",
    "group_cancelled",
    "limit_changed",
    "source_waiting",
    "source_blocked",
    "source_exhausted",
    "drain_started",
    "abort_started",
    "run_ended",
    "held_back",
    "lease_lost",
];
pub(crate) const PHASES: &[&str] = &["waiting", "running", "draining", "aborting", "ended"];
pub(crate) const SOURCE_STATES: &[&str] =
    &["open", "waiting", "blocked_room", "blocked_rate", "blocked_settling", "exhausted", "blocked_keys"];

/// Returns the names of the columns of snapshots and series, and the meanings of their numbers, as JSON.
pub fn layout() -> String {
    #[derive(Serialize)]
    struct Layout {
        header: &'static [&'static str],
        task: &'static [&'static str],
        recent: &'static [&'static str],
        lane: &'static [&'static str],
        series: &'static [&'static str],
        places: &'static [&'static str],
        fates: &'static [&'static str],
        outcomes: &'static [&'static str],
        kinds: &'static [&'static str],
        phases: &'static [&'static str],
        source_states: &'static [&'static str],
        patterns: [&'static str; 4],
    }
    json::write(&Layout {
        header: HEADER,
        task: TASK,
        recent: RECENT,
        lane: LANE,
        series: SERIES,
        places: PLACES,
        fates: FATES,
        outcomes: OUTCOMES,
        kinds: KINDS,
        phases: PHASES,
        source_states: SOURCE_STATES,
        patterns: Pattern::ALL.map(Pattern::name),
    })
}

/// Returns the state at the playhead: the header, at most `rows_max` rows of tasks, and the endings of the last `recent_ns`.
pub fn snapshot(recording: &Recording, rows_max: usize, recent_ns: u64) -> Vec<f64> {
    let mut numbers = vec![ABSENT; HEADER.len()];
    let task_rows = task_rows(recording, rows_max, &mut numbers);
    let recent_rows = recent(recording, recent_ns, &mut numbers);
    let header = header(recording, task_rows, recent_rows);
    numbers[..HEADER.len()].copy_from_slice(&header);
    numbers
}

fn header(recording: &Recording, task_rows: usize, recent_rows: usize) -> [f64; HEADER.len()] {
    let timeline = recording.timeline();
    let state = timeline.state();
    let counters = state.counters();
    let last = timeline.position().checked_sub(1).and_then(|position| timeline.event(position));
    let oldest = state.queue().front().and_then(|task| state.tasks().get(task));
    let oldest = oldest.map(|live| recording.at().since(live.claimed_at).as_nanos() as u64);
    let ended = state.tasks().values().filter(|live| matches!(live.phase, TaskPhase::Ended { .. })).count();
    let digest = state.digest();
    [
        whole(timeline.position()),
        whole(timeline.start()),
        whole(timeline.end()),
        time(recording.at()),
        time(recording.starts_at()),
        time(recording.ends_at()),
        phase(state.phase()),
        source_state(state.source_state()),
        pattern(state.pattern()),
        size(state.limit()),
        maybe_size(state.workers()),
        maybe_size(state.queue_capacity()),
        whole(counters.in_flight),
        whole(counters.queued),
        size(state.waiting()),
        size(ended),
        whole(counters.abandoned),
        whole(counters.done),
        whole(counters.dead),
        whole(counters.released),
        whole(counters.malformed),
        whole(counters.tasks()),
        whole(counters.succeeded),
        whole(counters.failed),
        whole(counters.timed_out),
        whole(counters.panicked),
        whole(counters.cancelled),
        whole(counters.lease_lost),
        whole(counters.attempts()),
        whole(counters.retried),
        whole(counters.peak_in_flight),
        maybe(state.batch().map(|batch| batch.number)),
        maybe_size(state.batch().map(|batch| batch.size)),
        maybe_size(state.batch().map(|batch| batch.ended)),
        maybe(state.cause().map(|task| task.0)),
        whole(state.missed()),
        last.as_ref().map_or(ABSENT, |event| kind(&event.kind)),
        maybe(last.as_ref().and_then(|event| event.kind.task()).map(|task| task.0)),
        maybe(oldest),
        state.idle_permits().as_nanos() as f64,
        whole(digest >> 32),
        whole(digest & 0xFFFF_FFFF),
        size(task_rows),
        size(recent_rows),
    ]
}

/// Adds a row for each task of the run: running tasks by permit, the queue in its order, waiting tasks by their time, tasks that
/// have ended and are not settled, and abandoned tasks, the latest first.
fn task_rows(recording: &Recording, rows_max: usize, numbers: &mut Vec<f64>) -> usize {
    let state = recording.timeline().state();
    let before = numbers.len();
    let is_abandoned = |task: &TaskId| state.tasks().get(task).is_some_and(TaskState::is_abandoned);
    // An abandoned task may still hold a permit.
    let running = state.permits().iter().filter_map(|task| *task).filter(|task| !is_abandoned(task));
    let queued = state.queue().iter().copied();
    for (place, task) in running.map(|task| (None, task)).chain(queued.enumerate().map(|(n, task)| (Some(n), task))) {
        if let Some(live) = state.tasks().get(&task) {
            task_row(recording, task, live, place, numbers);
        }
        if rows(numbers.len() - before) == rows_max {
            return rows_max;
        }
    }
    // A heap, since there may be many more tasks than rows.
    let mut rest: BinaryHeap<Reverse<(Time, TaskId)>> = BinaryHeap::new();
    for (task, live) in state.tasks() {
        match live.phase {
            TaskPhase::Waiting { due, .. } => rest.push(Reverse((due, *task))),
            TaskPhase::Ended { .. } => rest.push(Reverse((Time::MAX, *task))),
            _ => {}
        }
    }
    while rows(numbers.len() - before) < rows_max
        && let Some(Reverse((_, task))) = rest.pop()
    {
        if let Some(live) = state.tasks().get(&task) {
            task_row(recording, task, live, None, numbers);
        }
    }
    let room = rows_max - rows(numbers.len() - before);
    let abandoned = state.abandoned().iter().rev().filter_map(|task| Some((*task, state.tasks().get(task)?)));
    abandoned.take(room).for_each(|(task, live)| task_row(recording, task, live, None, numbers));
    rows(numbers.len() - before)
}

fn rows(numbers: usize) -> usize {
    numbers / TASK.len()
}

fn task_row(recording: &Recording, task: TaskId, live: &TaskState, queue_place: Option<usize>, numbers: &mut Vec<f64>) {
    let [mut permit, mut worker, mut until, mut how] = [ABSENT; 4];
    let (place, since) = match live.phase {
        TaskPhase::Queued | TaskPhase::HeldBack { .. } => (0.0, live.claimed_at),
        TaskPhase::Running { since, permit: number, worker: who } => {
            (permit, worker) = (size(number), maybe_size(who));
            until = recording.end_of(number).map_or(ABSENT, time);
            (1.0, since)
        }
        TaskPhase::Ended { since, outcome: ended, .. } => {
            how = outcome(ended);
            (2.0, since)
        }
        TaskPhase::Waiting { since, due } => {
            until = time(due);
            (3.0, since)
        }
        TaskPhase::Abandoned { since, permit: number, outcome: ended } => {
            (permit, how) = (maybe_size(number), ended.map_or(ABSENT, outcome));
            (4.0, since)
        }
        _ => (ABSENT, live.claimed_at),
    };
    let (id, attempt) = (whole(task.0), f64::from(live.attempt.get()));
    let row = [id, attempt, place, permit, worker, time(since), until, how, maybe(live.batch), maybe_size(queue_place)];
    numbers.extend(row);
}

/// Adds a row for each recent ending, the newest last, and returns the number of rows.
fn recent(recording: &Recording, recent_ns: u64, numbers: &mut Vec<f64>) -> usize {
    let timeline = recording.timeline();
    let since = recording.at().as_nanos().saturating_sub(recent_ns);
    let first = timeline.position().saturating_sub(RECENT_EVENTS_MAX).max(timeline.start());
    let past = (first..timeline.position()).rev().map_while(|position| timeline.event(position));
    let past = past.take_while(|event| event.at.as_nanos() >= since);
    let mut rows: Vec<[f64; 4]> = past.filter_map(|event| recent_row(&event)).take(RECENT_MAX).collect();
    rows.reverse();
    numbers.extend(rows.iter().flatten());
    rows.len()
}

fn recent_row(event: &Event<&str>) -> Option<[f64; 4]> {
    let (task, fate, how) = match event.kind {
        EventKind::Settled { task, outcome, disposition, .. } => (task, fate(disposition), outcome),
        EventKind::Abandoned { task, outcome, .. } => (task, 5.0, outcome),
        _ => return None,
    };
    Some([whole(task.0), fate, how.map_or(ABSENT, outcome), time(event.at)])
}

/// Returns the series of a run: one row per column of the layout, each with a number per interval.
pub fn series(columns: &[TimeBucket]) -> Vec<f64> {
    let ms = |ns: std::time::Duration| ns.as_nanos() as f64 / 1e6;
    let percentile = |pair: Option<[std::time::Duration; 2]>, index: usize| pair.map_or(ABSENT, |pair| ms(pair[index]));
    let mean = |sum: u128, column: &TimeBucket| match column.width.as_nanos() {
        0 => 0.0,
        width => sum as f64 / width as f64,
    };
    let rows: [&dyn Fn(&TimeBucket) -> f64; SERIES.len()] = [
        &|column| mean(u128::from(column.ended) * 1_000_000_000, column),
        &|column| mean(column.in_flight_ns, column),
        &|column| whole(column.in_flight_max),
        &|column| size(column.limit),
        &|column| mean(column.queued_ns, column),
        &|column| ms(column.oldest),
        &|column| percentile(column.wait, 0),
        &|column| percentile(column.wait, 1),
        &|column| percentile(column.service, 0),
        &|column| percentile(column.service, 1),
        &|column| if column.permits_ns > 0 { column.in_flight_ns as f64 / column.permits_ns as f64 } else { 0.0 },
        &|column| whole(column.retried),
        &|column| whole(column.failed),
    ];
    rows.iter().flat_map(|row| columns.iter().map(row)).collect()
}

/// Converts a number, exactly up to 2^53, which is 104 days of nanoseconds.
pub(crate) fn whole(number: u64) -> f64 {
    number as f64
}

pub(crate) fn size(number: usize) -> f64 {
    number as f64
}

fn maybe(number: Option<u64>) -> f64 {
    number.map_or(ABSENT, whole)
}

fn maybe_size(number: Option<usize>) -> f64 {
    number.map_or(ABSENT, size)
}

pub(crate) fn time(at: Time) -> f64 {
    whole(at.as_nanos())
}

fn phase(phase: RunPhase) -> f64 {
    match phase {
        RunPhase::Waiting => 0.0,
        RunPhase::Running => 1.0,
        RunPhase::Draining => 2.0,
        RunPhase::Aborting => 3.0,
        RunPhase::Ended => 4.0,
        _ => ABSENT,
    }
}

fn source_state(source_state: SourceState) -> f64 {
    match source_state {
        SourceState::Open => 0.0,
        SourceState::Waiting => 1.0,
        SourceState::Blocked { by: BlockedOn::Room } => 2.0,
        SourceState::Blocked { by: BlockedOn::Rate } => 3.0,
        SourceState::Blocked { by: BlockedOn::Settling } => 4.0,
        SourceState::Exhausted => 5.0,
        SourceState::Blocked { by: BlockedOn::Keys } => 6.0,
        _ => ABSENT,
    }
}

fn pattern(pattern: Pattern) -> f64 {
    Pattern::ALL.iter().position(|other| *other == pattern).map_or(ABSENT, size)
}

pub(crate) fn outcome(outcome: Outcome) -> f64 {
    match outcome {
        Outcome::Succeeded => 0.0,
        Outcome::Failed => 1.0,
        Outcome::TimedOut => 2.0,
        Outcome::Panicked => 3.0,
        Outcome::Cancelled => 4.0,
        _ => ABSENT,
    }
}

fn fate(disposition: Disposition) -> f64 {
    match disposition {
        Disposition::Done => 0.0,
        Disposition::Retried => 1.0,
        Disposition::Dead => 2.0,
        Disposition::Released => 3.0,
        Disposition::LeaseLost => 4.0,
        _ => ABSENT,
    }
}

pub(crate) fn kind(kind: &EventKind<&str>) -> f64 {
    match kind {
        EventKind::RunStarted { .. } => 0.0,
        EventKind::Claimed { .. } => 1.0,
        EventKind::Malformed { .. } => 2.0,
        EventKind::Started { .. } => 3.0,
        EventKind::Ended { .. } => 4.0,
        EventKind::RetryScheduled { .. } => 5.0,
        EventKind::Settled { .. } => 6.0,
        EventKind::Abandoned { .. } => 7.0,
        EventKind::BatchOpened { .. } => 8.0,
        EventKind::BatchClosed { .. } => 9.0,
        EventKind::GroupCancelled { .. } => 10.0,
        EventKind::LimitChanged { .. } => 11.0,
        EventKind::SourceWaiting => 12.0,
        EventKind::SourceBlocked { .. } => 13.0,
        EventKind::SourceExhausted => 14.0,
        EventKind::DrainStarted => 15.0,
        EventKind::AbortStarted => 16.0,
        EventKind::RunEnded => 17.0,
        EventKind::HeldBack { .. } => 18.0,
        EventKind::LeaseLost { .. } => 19.0,
        _ => ABSENT,
    }
}
