//! Traces for Perfetto and chrome://tracing: JSON in the Trace Event Format.
//!
//! Each run is a process. It has a thread per permit (per worker, in a pool), with a slice per
//! attempt: whoever holds a permit holds it alone, so that no two slices of a thread overlap;
//! another thread shows what holds the source up. Each task is an asynchronous track from its claim
//! to its end, in which its queueing, its attempts and its waits for a retry are nested; so is each
//! batch. What is queued, in flight and waiting for a retry is counted, and what happens to the run
//! as a whole is an instant.

use std::io::Write;

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use super::Form;
use crate::{
    clock::Time,
    event::{Disposition, Event, EventKind, Outcome},
    index::Index,
    metrics::permits_shown,
    task::{Attempt, TaskId},
};

/// The thread that shows the source; those of permits follow. Perfetto takes a thread 0, and one
/// with its process's number, for its main thread: these are beyond the numbers of processes.
const SOURCE_THREAD: usize = 100;

/// The format of Perfetto and chrome://tracing.
#[derive(Debug, Default)]
pub struct Perfetto {
    process: u64,
    /// By permit; those beyond what a state shows have no thread.
    threads: Vec<Thread>,
    /// What is open on the asynchronous track of each task, the innermost last.
    open: Index<Vec<String>>,
    batch: Option<u64>,
    source: Option<(String, Time)>,
    counters: Counters,
    counters_shown: Option<Counters>,
    at: Time,
    /// The number of claims so far.
    claims: u64,
}

/// The thread of a permit.
#[derive(Clone, Debug, Default)]
struct Thread {
    is_named: bool,
    /// Who holds it, and since when.
    holder: Option<(TaskId, Attempt, Time)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counters {
    queued: u64,
    in_flight: u64,
    waiting: u64,
}

/// Nanoseconds as the format has times: microseconds with a fraction.
struct Micros(u64);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Perfetto {
    /// Makes the format of a new file.
    pub fn new() -> Self {
        Self::default()
    }

    /// One entry: its phase, its time, and the rest of its fields.
    fn entry(&self, text: &mut Vec<u8>, phase: char, at: Time, fields: fmt::Arguments<'_>) {
        let (process, at) = (self.process, Micros(at.as_nanos()));
        // Memory takes everything.
        let _ = write!(text, ",\n{{\"ph\":\"{phase}\",\"pid\":{process},\"ts\":{at},{fields}}}");
    }

    fn metadata(&self, text: &mut Vec<u8>, kind: &str, thread: usize, name: &str) {
        self.entry(
            text,
            'M',
            Time::ZERO,
            format_args!("\"tid\":{thread},\"name\":\"{kind}\",\"args\":{{\"name\":\"{name}\"}}"),
        );
    }

    fn instant(&self, text: &mut Vec<u8>, name: &str) {
        let name = quoted(name);
        self.entry(text, 'i', self.at, format_args!("\"tid\":{SOURCE_THREAD},\"s\":\"p\",\"name\":{name}"));
    }

    fn nested(&self, text: &mut Vec<u8>, phase: char, (kind, id): (&str, u64), name: &str, args: &str) {
        let id = format_args!("\"cat\":\"{kind}\",\"id2\":{{\"local\":\"{id:#x}\"}},\"name\":\"{name}\"");
        self.entry(text, phase, self.at, format_args!("\"tid\":{SOURCE_THREAD},{id},\"args\":{{{args}}}"));
    }

    fn open(&mut self, text: &mut Vec<u8>, task: TaskId, name: String) {
        self.nested(text, 'b', ("task", task.0), &name, "");
        match self.open.get_mut(task.0) {
            Some(names) => names.push(name),
            None => drop(self.open.insert(task.0, Vec::from([name]))),
        }
    }

    /// Closes what is innermost on the task's track.
    fn close(&mut self, text: &mut Vec<u8>, task: TaskId, args: &str) {
        if let Some(name) = self.open.get_mut(task.0).and_then(Vec::pop) {
            self.nested(text, 'e', ("task", task.0), &name, args);
        }
    }

    fn close_all(&mut self, text: &mut Vec<u8>, task: TaskId, args: &str) {
        for name in self.open.remove(task.0).unwrap_or_default().iter().rev() {
            self.nested(text, 'e', ("task", task.0), name, args);
        }
    }

    fn slice(&self, text: &mut Vec<u8>, thread: usize, since: Time, name: &str, args: &str) {
        let duration = Micros(self.at.as_nanos().saturating_sub(since.as_nanos()));
        let name = format_args!("\"name\":\"{name}\",\"cat\":\"attempt\"");
        self.entry(text, 'X', since, format_args!("\"tid\":{thread},\"dur\":{duration},{name},\"args\":{{{args}}}"));
    }

    fn claimed(&mut self, text: &mut Vec<u8>, task: TaskId) {
        if self.open.get(task.0).is_none_or(Vec::is_empty) {
            self.open(text, task, format!("task {task}"));
        } else {
            self.counters.waiting = self.counters.waiting.saturating_sub(1);
            self.close(text, task, "");
        }
        self.open(text, task, "queued".into());
        self.counters.queued += 1;
    }

    fn started(&mut self, text: &mut Vec<u8>, task: TaskId, attempt: Attempt, permit: usize, worker: Option<usize>) {
        self.close(text, task, "");
        self.open(text, task, format!("attempt {attempt}", attempt = attempt.get()));
        self.counters.queued = self.counters.queued.saturating_sub(1);
        self.counters.in_flight += 1;
        if permit >= permits_shown(self.claims) {
            return;
        }
        if permit >= self.threads.len() {
            self.threads.resize(permit + 1, Thread::default());
        }
        let thread = SOURCE_THREAD + 1 + permit;
        self.threads[permit].holder = Some((task, attempt, self.at));
        if !core::mem::replace(&mut self.threads[permit].is_named, true) {
            let name = worker.map_or_else(|| format!("permit {permit}"), |worker| format!("worker {worker}"));
            self.metadata(text, "thread_name", thread, &name);
        }
    }

    fn ended(&mut self, text: &mut Vec<u8>, permit: usize, task: TaskId, outcome: Outcome, reason: Option<&str>) {
        let args = outcome_args(outcome, reason);
        self.close(text, task, &args);
        self.counters.in_flight = self.counters.in_flight.saturating_sub(1);
        self.end_slice(text, permit, &args);
    }

    fn end_slice(&mut self, text: &mut Vec<u8>, permit: usize, args: &str) {
        let Some((task, attempt, since)) = self.threads.get_mut(permit).and_then(|thread| thread.holder.take()) else {
            return;
        };
        let name = match attempt {
            Attempt::FIRST => format!("task {task}"),
            attempt => format!("task {task}, attempt {attempt}", attempt = attempt.get()),
        };
        self.slice(text, permit.saturating_add(SOURCE_THREAD + 1), since, &name, args);
    }

    fn settled(&mut self, text: &mut Vec<u8>, task: TaskId, outcome: Option<Outcome>, disposition: Disposition) {
        if outcome.is_none() {
            self.counters.queued = self.counters.queued.saturating_sub(1);
        }
        if disposition == Disposition::Retried {
            self.counters.waiting += 1;
            self.open(text, task, "waiting for a retry".into());
        } else {
            self.close_all(text, task, &format!("\"ending\":{}", quoted(&disposition)));
        }
    }

    /// A permit that is taken along is shown as held to the end: nobody knows of anything else.
    fn abandoned(&mut self, text: &mut Vec<u8>, task: TaskId, outcome: Option<Outcome>, permit: Option<usize>) {
        match (permit, outcome) {
            (Some(_), _) => self.counters.in_flight = self.counters.in_flight.saturating_sub(1),
            (None, None) => self.counters.queued = self.counters.queued.saturating_sub(1),
            (None, Some(_)) => {}
        }
        self.close_all(text, task, "\"ending\":\"abandoned\"");
    }

    /// What holds the source up from now on, if anything does.
    fn source(&mut self, text: &mut Vec<u8>, state: Option<String>) {
        let next = state.map(|state| (state, self.at));
        if let Some((before, since)) = core::mem::replace(&mut self.source, next) {
            self.slice(text, SOURCE_THREAD, since, &before, "");
        }
    }

    fn count(&mut self, text: &mut Vec<u8>) {
        let Counters { queued, in_flight, waiting } = self.counters;
        let args = format_args!("\"queued\":{queued},\"in flight\":{in_flight},\"waiting for a retry\":{waiting}");
        if self.process > 0 && self.counters_shown.replace(self.counters) != Some(self.counters) {
            self.entry(
                text,
                'C',
                self.at,
                format_args!("\"tid\":{SOURCE_THREAD},\"name\":\"tasks\",\"args\":{{{args}}}"),
            );
        }
    }

    fn batch(&mut self, text: &mut Vec<u8>, batch: Option<u64>) {
        if let Some(before) = core::mem::replace(&mut self.batch, batch) {
            self.nested(text, 'e', ("batch", before), &format!("batch {before}"), "");
        }
        if let Some(batch) = batch {
            self.nested(text, 'b', ("batch", batch), &format!("batch {batch}"), "");
        }
    }

    /// Closes everything that is open: the run is over, or there is nothing more to read of it.
    fn finish(&mut self, text: &mut Vec<u8>) {
        (0..self.threads.len()).for_each(|permit| self.end_slice(text, permit, ""));
        while let Some(task) = self.open.first() {
            self.close_all(text, TaskId(task), "");
        }
        self.batch(text, None);
        self.source(text, None);
        self.counters = Counters::default();
        self.count(text);
        self.threads.clear();
    }
}

impl Form for Perfetto {
    fn begin(&mut self, text: &mut Vec<u8>) {
        let version = env!("CARGO_PKG_VERSION");
        // The first entry has no comma in front of it; this one says nothing.
        let first = "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_sort_index\",\"args\":{\"sort_index\":1}}";
        let _ = write!(text, "{{\"otherData\":{{\"fourfold\":\"{version}\"}},\"traceEvents\":[\n{first}");
    }

    fn event(&mut self, event: &Event<&str>, text: &mut Vec<u8>) {
        if event.at != self.at {
            // What it comes to at the end of a moment is what counts.
            self.count(text);
            self.at = event.at;
        }
        match event.kind {
            EventKind::RunStarted { pattern, limit, .. } => {
                self.finish(text);
                (self.process, self.counters_shown) = (self.process + 1, None);
                self.metadata(text, "process_name", SOURCE_THREAD, &format!("{pattern}, limit {limit}"));
                self.metadata(text, "thread_name", SOURCE_THREAD, "source");
            }
            EventKind::Claimed { task, .. } => {
                self.claims = self.claims.saturating_add(1);
                self.claimed(text, task);
            }
            EventKind::Started { task, attempt, permit, worker } => self.started(text, task, attempt, permit, worker),
            EventKind::Ended { task, permit, outcome, reason, .. } => self.ended(text, permit, task, outcome, reason),
            EventKind::RetryScheduled { .. } | EventKind::HeldBack { .. } => {}
            EventKind::LeaseLost { task, .. } => self.instant(text, &format!("lease of task {task} lost")),
            EventKind::Settled { task, outcome, disposition, .. } => self.settled(text, task, outcome, disposition),
            EventKind::Abandoned { task, outcome, permit, .. } => self.abandoned(text, task, outcome, permit),
            EventKind::BatchOpened { batch, .. } => self.batch(text, Some(batch)),
            EventKind::BatchClosed { .. } => self.batch(text, None),
            EventKind::SourceWaiting => self.source(text, Some("waiting for tasks".into())),
            EventKind::SourceBlocked { by } => {
                self.source(text, Some(format!("blocked: {}", quoted(&by).trim_matches('"'))))
            }
            EventKind::SourceExhausted => self.source(text, None),
            EventKind::Malformed { reason } => self.instant(text, &format!("malformed: {reason}")),
            EventKind::GroupCancelled { cause } => self.instant(text, &format!("group cancelled by task {cause}")),
            EventKind::LimitChanged { limit, .. } => self.instant(text, &format!("limit {limit}")),
            EventKind::DrainStarted => self.instant(text, "drain"),
            EventKind::AbortStarted => self.instant(text, "abort"),
            EventKind::RunEnded => {
                self.count(text);
                self.finish(text);
            }
        }
    }

    fn end(&mut self, text: &mut Vec<u8>) {
        self.finish(text);
        text.extend_from_slice(b"\n]}\n");
    }
}

/// As JSON: text, or the name of a variant.
fn quoted(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn outcome_args(outcome: Outcome, reason: Option<&str>) -> String {
    let mut args = format!("\"outcome\":{}", quoted(&outcome));
    if let Some(reason) = reason {
        args += &format!(",\"reason\":{}", quoted(reason));
    }
    args
}
