//! Runs of JavaScript's functions through a pattern, in real time.
//!
//! Tasks, their results and their errors stay in JavaScript, in a [`Host`]; the module knows a task by its number. So what crosses
//! the boundary for a task is three calls with numbers, and text only for a failure.

mod slots;

use std::{
    cell::{Cell, RefCell},
    future::{Future, pending, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use fourfold::{
    Control, Event, Failure, MemorySource, Task,
    clock::Time,
    metrics::Report,
    sim::{ScriptedAttempt, SyntheticTask, run_scripted},
    trace,
};
use futures_lite::{future, stream};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use self::slots::Slots;
use crate::{clock::HostClock, json, params::Params, recording::Recording};

#[wasm_bindgen]
extern "C" {
    /// The JavaScript side of a run, which has the tasks and calls the handlers. None of its methods may throw.
    #[derive(Clone, Debug)]
    pub type Host;

    /// Takes the next task from the host: 0 when there is none at the moment, 1 for a task, 2 at the end.
    #[wasm_bindgen(method)]
    fn pull(this: &Host) -> u32;
    /// Starts an attempt, and returns whether it has already succeeded.
    #[wasm_bindgen(method)]
    fn start(this: &Host, slot: u32, id: f64, attempt: u32) -> bool;
    /// Aborts the signal of an attempt: because its time is up, or because it was dropped.
    #[wasm_bindgen(method)]
    fn stop(this: &Host, slot: u32, timed_out: bool);
    /// Reports that a task will not be tried again.
    #[wasm_bindgen(method)]
    fn dead(this: &Host, id: f64);
    /// Passes an event to the host, as a line of a trace.
    #[wasm_bindgen(method)]
    fn event(this: &Host, line: &str);
}

/// The handle of a running run, and the promise of its report.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) control: Control,
    pub(crate) finished: Promise,
    pub(crate) slots: Rc<Slots>,
    times: Rc<Cell<Times>>,
}

impl Own {
    /// Replaces the configuration, from the next claim and the next start on.
    pub(crate) fn configure(&self, params: &Params) -> Result<(), String> {
        self.control.set_config(&config(params)).map_err(|error| error.to_string())?;
        self.times.set(Times::of(params));
        Ok(())
    }
}

/// The times that an attempt may take.
#[derive(Clone, Copy, Debug)]
struct Times {
    timeout: Option<Duration>,
    abandon_after: Option<Duration>,
}

impl Times {
    fn of(params: &Params) -> Self {
        Self { timeout: params.config.timeout, abandon_after: params.abandon_after }
    }
}

/// Takes the timeout out of the configuration: the run would give the permit back while the handler still works.
fn config(params: &Params) -> fourfold::Config {
    let mut config = params.config;
    config.timeout = None;
    config
}

/// The destinations of a run's events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    /// Whether events are added to the recording.
    pub(crate) record: bool,
    /// Whether events are passed to the host.
    pub(crate) listen: bool,
}

/// Starts a run.
pub(crate) fn start(params: &Params, host: Host, watched: Watched, recording: Rc<RefCell<Recording>>) -> Own {
    let (control, slots, times) = (Control::new(), Rc::new(Slots::default()), Rc::new(Cell::new(Times::of(params))));
    let (config, handle) = (config(params), control.clone());
    let run = Attempts { host, clock: HostClock::new(), slots: slots.clone(), times: times.clone() };
    let finished = future_to_promise(async move {
        let run = &run;
        let tasks = stream::poll_fn(|cx| match run.host.pull() {
            1 => Poll::Ready(Some(SyntheticTask::default())),
            2 => Poll::Ready(None),
            _ => {
                run.slots.wait_for_task(cx.waker());
                Poll::Pending
            }
        });
        let source = MemorySource::stream(tasks);
        let attempt = move |task: Task<SyntheticTask>| -> ScriptedAttempt<'_> { Box::pin(run.attempt(task)) };
        let mut look = |event: &Event<&str>| {
            if watched.record {
                recording.borrow_mut().push(event);
            }
            if watched.listen {
                run.host.event(&line(event));
            }
        };
        let result = {
            let mut running = pin!(run_scripted(&source, &run.clock.clock, &attempt, &config, &handle, &mut look));
            let mut alarm = None;
            poll_fn(|cx| {
                run.clock.advance();
                let poll = running.as_mut().poll(cx);
                source.take_dead().iter().for_each(|dead| run.host.dead(dead.task.id.0 as f64));
                // Replacing the alarm clears the previous one.
                alarm = if poll.is_pending() { run.clock.alarm(cx.waker()) } else { None };
                poll
            })
            .await
        };
        // Those that ended last.
        source.take_dead().iter().for_each(|dead| run.host.dead(dead.task.id.0 as f64));
        let (report, error) = match &result {
            Ok(report) => (report, None),
            Err(error) => (error.report(), Some(error.to_string())),
        };
        let text = match watched.record {
            true => written(&recording.borrow().timeline().last_state().report(), error),
            false => written(report, error),
        };
        Ok(text.into())
    });
    Own { control, finished, slots, times }
}

fn line(event: &Event<&str>) -> String {
    let mut line = Vec::new();
    trace::write_line(event, &mut line);
    String::from_utf8(line).unwrap_or_default()
}

/// Writes a report, with the reason of the run's failure if it failed.
fn written(report: &Report, error: Option<String>) -> String {
    let mut text = json::write(report);
    if let Some(error) = error {
        text.pop();
        text += &format!(",\"error\":{}}}", json::write(&error));
    }
    text
}

/// The attempts of a run.
struct Attempts {
    host: Host,
    clock: HostClock,
    slots: Rc<Slots>,
    times: Rc<Cell<Times>>,
}

impl Attempts {
    /// Performs one attempt. When its time is up, the signal is aborted, and the permit stays taken until the handler has ended or
    /// the attempt is abandoned.
    async fn attempt(&self, task: Task<SyntheticTask>) -> Result<(), Failure> {
        let Times { timeout, abandon_after } = self.times.get();
        let mut guard = Guard { attempts: self, slot: self.slots.take(), ended: false };
        let slot = guard.slot;
        if timeout.is_some() {
            self.clock.advance();
        }
        if self.host.start(slot, task.id.0 as f64, task.attempt.get()) {
            guard.ended = true;
            return Ok(());
        }
        let Some(timeout) = timeout else {
            let result = self.slots.ended(slot).await;
            guard.ended = true;
            return result;
        };
        if let Some(result) = self.within(Some(timeout), slot).await {
            guard.ended = true;
            return result;
        }
        self.host.stop(slot, true);
        guard.ended = self.within(abandon_after, slot).await.is_some();
        Err(Failure::timed_out(format!("timed out after {}", Time::ZERO + timeout)))
    }

    /// Awaits the end of an attempt for at most this time.
    async fn within(&self, time: Option<Duration>, slot: u32) -> Option<Result<(), Failure>> {
        use fourfold::Clock;
        let time_is_up = async {
            match time {
                Some(time) => self.clock.clock.sleep(time).await,
                None => pending().await,
            }
            None
        };
        future::or(async { Some(self.slots.ended(slot).await) }, time_is_up).await
    }
}

/// The slot of an attempt, which is given back when the attempt is dropped.
struct Guard<'a> {
    attempts: &'a Attempts,
    slot: u32,
    ended: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.attempts.host.stop(self.slot, false);
        }
        self.attempts.slots.give_back(self.slot);
    }
}
