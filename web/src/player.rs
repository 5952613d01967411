//! The boundary: the functions that JavaScript calls.

use std::{cell::RefCell, num::NonZeroUsize, rc::Rc};

use fourfold::{Control, TaskId, clock::Time, metrics::State, sim::Simulation, trace};
use js_sys::{Float64Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::{
    json,
    lanes::{self, Window},
    own::{self, Host, Own, Watched},
    params::{self, Params},
    programs::PROGRAMS,
    reading,
    recording::Recording,
    snapshot,
};

/// The maximum number of columns of a series: more than any screen has.
const COLUMNS_MAX: f64 = 8192.0;
/// The maximum number of rows of tasks or lines of events in one answer.
const ROWS_MAX: f64 = 1_000_000.0;

/// A run with a playhead: simulated, recorded, live, or made of JavaScript functions.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Player {
    recording: Rc<RefCell<Recording>>,
    simulation: Option<Simulation>,
    own: Option<Own>,
}

impl Player {
    fn of(recording: Recording, simulation: Option<Simulation>) -> Self {
        Self { recording: Rc::new(RefCell::new(recording)), simulation, own: None }
    }

    fn control(&self) -> Result<&Control, JsError> {
        self.running().map(|own| &own.control)
    }

    fn running(&self) -> Result<&Own, JsError> {
        self.own.as_ref().ok_or_else(|| JsError::new("this run has no handler of yours: it cannot be controlled"))
    }

    fn simulated(simulation: Simulation) -> Self {
        let mut recording = Recording::default();
        reading::simulate(&simulation, &mut |event| recording.push(event));
        Self::of(recording, Some(simulation))
    }
}

#[wasm_bindgen]
impl Player {
    /// Simulates a run of synthetic tasks on a simulated clock, from its first event to its last.
    pub fn simulate(params: &str) -> Result<Player, JsError> {
        Ok(Self::simulated(params::read_simulation(params).map_err(refuse)?))
    }

    /// Runs a small program, with a mistake or without it, on the tasks that `simulate` would have; `programs` lists the names.
    pub fn program(name: &str, params: &str) -> Result<Player, JsError> {
        let simulation = params::read_simulation(params).map_err(refuse)?;
        let recording = reading::program(name, &simulation).map_err(refuse)?;
        Ok(Self::of(recording, None))
    }

    /// Returns the names of the programs, as JSON.
    pub fn programs() -> String {
        json::write(&PROGRAMS.iter().map(|program| program.name).collect::<Vec<_>>())
    }

    /// Loads a recorded run from JSON lines as `--trace` writes them. `run_index` chooses among several runs in one file.
    pub fn load(trace: &[u8], run_index: Option<u32>) -> Result<Player, JsError> {
        let recording = reading::load(trace, run_index.unwrap_or_default() as usize).map_err(refuse)?;
        Ok(Self::of(recording, None))
    }

    /// Lists the runs of a trace, as JSON: the pattern and the number of events of each.
    pub fn runs(trace: &[u8]) -> Result<String, JsError> {
        reading::runs(trace).map_err(refuse)
    }

    /// Creates an empty recording of a run elsewhere, whose events are pushed as they arrive.
    pub fn live() -> Player {
        Self::of(Recording::default(), None)
    }

    /// Adds events at the end, given as lines of a trace. The playhead does not move.
    pub fn push(&self, lines: &str) -> Result<(), JsError> {
        reading::push(&mut self.recording.borrow_mut(), lines).map_err(refuse)
    }

    /// Starts anew from a state that was folded elsewhere, at the beginning or after a gap. Earlier events are discarded.
    pub fn snapshot_from(&self, json: &str) -> Result<(), JsError> {
        let state = reading::state(json).map_err(refuse)?;
        self.recording.borrow_mut().restart(state);
        Ok(())
    }

    /// Starts a run in real time of the tasks and handlers of a host. `record` keeps the events in this player, `listen` passes
    /// them to the host.
    pub fn own(params: &str, host: Host, record: bool, listen: bool) -> Result<Player, JsError> {
        let params = Params::parse(params).map_err(refuse)?;
        let mut player = Self::of(Recording::default(), None);
        player.own = Some(own::start(&params, host, Watched { record, listen }, player.recording.clone()));
        Ok(player)
    }

    /// Reports that an attempt of a run with a handler has succeeded.
    pub fn succeed(&self, slot: u32) {
        if let Some(own) = &self.own {
            own.slots.succeed(slot);
        }
    }

    /// Reports that an attempt of a run with a handler has failed. A pause below 0 leaves the next attempt to the retry policy.
    pub fn fail(&self, slot: u32, reason: &str, permanent: bool, cancelled: bool, retry_after_ms: f64) {
        if let Some(own) = &self.own {
            own.slots.fail(slot, reason, permanent, cancelled, retry_after_ms);
        }
    }

    /// Reports that the host of a run has a task, or no more tasks, after it had none at the moment.
    pub fn task_arrived(&self) {
        if let Some(own) = &self.own {
            own.slots.task_arrived();
        }
    }

    /// Returns a promise of the report, as JSON, of a run with a handler; the report of a failed run has an `error`.
    pub fn finished(&self) -> Promise {
        match &self.own {
            Some(own) => own.finished.clone(),
            None => {
                Promise::reject(&JsError::new("this run has no handler of yours: it has no end to wait for").into())
            }
        }
    }

    /// Tells a run with a handler to finish the attempts in flight and to start no more.
    pub fn drain(&self) -> Result<(), JsError> {
        self.control().map(Control::drain)
    }

    /// Tells a run with a handler to drop the attempts in flight: the signals of its handlers are aborted.
    pub fn abort(&self) -> Result<(), JsError> {
        self.control().map(Control::abort)
    }

    /// Sets the limit of a run with a handler, from the next start on.
    pub fn set_limit(&self, n: f64) -> Result<(), JsError> {
        let limit = params::limit(n).map_err(refuse)?;
        self.control()?.set_limit(limit).map_err(|error| refuse(error.to_string()))
    }

    /// Replaces the configuration of a run with a handler, from the next claim and the next start on.
    pub fn configure(&self, params: &str) -> Result<(), JsError> {
        let params = Params::parse(params).map_err(refuse)?;
        self.running()?.configure(&params).map_err(refuse)
    }

    /// Tells a run with a handler to claim and to start no tasks until it is resumed.
    pub fn pause(&self) -> Result<(), JsError> {
        self.control().map(Control::pause)
    }

    /// Tells a paused run with a handler to continue.
    pub fn resume(&self) -> Result<(), JsError> {
        self.control().map(Control::resume)
    }

    /// Returns the names of the columns of `snapshot` and `series`, and the meanings of their numbers, as JSON.
    pub fn layout() -> String {
        snapshot::layout()
    }

    /// Returns the same simulation with an intervention applied at a position, and the playhead there.
    pub fn fork(&self, position: f64, intervention: &str) -> Result<Player, JsError> {
        let Some(simulation) = &self.simulation else {
            return Err(JsError::new("only a simulation can be forked"));
        };
        let forked = params::read_fork(simulation, position as u64, intervention).map_err(refuse)?;
        let player = Self::simulated(forked);
        player.seek_to(position);
        Ok(player)
    }

    /// Returns the interventions of a simulation, as JSON that `simulate` takes.
    pub fn interventions(&self) -> String {
        self.simulation
            .as_ref()
            .map_or_else(|| "[]".into(), |simulation| params::write_interventions(simulation).to_string())
    }

    /// Moves the playhead to a time, after every event up to it.
    pub fn seek(&self, t_ns: f64) {
        self.recording.borrow_mut().seek(Time::from_nanos(t_ns as u64));
    }

    /// Moves the playhead to a position.
    pub fn seek_to(&self, position: f64) {
        self.recording.borrow_mut().seek_to(position as u64);
    }

    /// Moves the playhead by a number of events, forward or back, and returns the new position.
    pub fn step(&self, n: f64) -> f64 {
        self.recording.borrow_mut().step(n as i64) as f64
    }

    /// Moves the playhead to the next notable event, or with -1 to the previous one; returns false when there is none.
    pub fn notable(&self, direction: f64) -> bool {
        self.recording.borrow_mut().notable(direction >= 0.0)
    }

    /// Returns the position of the playhead: the number of events before it.
    #[wasm_bindgen(getter)]
    pub fn position(&self) -> f64 {
        self.recording.borrow().timeline().position() as f64
    }

    /// Returns the first position of the playhead.
    #[wasm_bindgen(getter)]
    pub fn start(&self) -> f64 {
        self.recording.borrow().timeline().start() as f64
    }

    /// Returns the last position of the playhead.
    #[wasm_bindgen(getter)]
    pub fn end(&self) -> f64 {
        self.recording.borrow().timeline().end() as f64
    }

    /// Returns the time of the playhead: the time sought, or that of the event before it.
    #[wasm_bindgen(getter)]
    pub fn t_ns(&self) -> f64 {
        self.recording.borrow().at().as_nanos() as f64
    }

    /// Returns the time of the first event.
    #[wasm_bindgen(getter)]
    pub fn start_ns(&self) -> f64 {
        self.recording.borrow().starts_at().as_nanos() as f64
    }

    /// Returns the time of the last event.
    #[wasm_bindgen(getter)]
    pub fn end_ns(&self) -> f64 {
        self.recording.borrow().ends_at().as_nanos() as f64
    }

    /// Returns the state at the playhead, as numbers in the order of `layout`. The list belongs to JavaScript and does not change.
    pub fn snapshot(&self, rows_max: f64, recent_ns: f64) -> Float64Array {
        let rows_max = rows_max.clamp(0.0, ROWS_MAX) as usize;
        let numbers = snapshot::snapshot(&self.recording.borrow(), rows_max, recent_ns as u64);
        Float64Array::from(numbers.as_slice())
    }

    /// Returns a digest of the state at the playhead, as 16 digits; it is the same on every platform.
    pub fn digest(&self) -> String {
        format!("{:016x}", self.recording.borrow().timeline().digest())
    }

    /// Returns the event between a position and the next one, as a line of a trace.
    pub fn event_at(&self, position: f64) -> Option<String> {
        self.recording.borrow().line(position as u64)
    }

    /// Returns up to `count` events after a position, as lines of a trace.
    pub fn events(&self, from: f64, count: f64) -> String {
        self.recording.borrow().lines(from as u64, count.clamp(0.0, ROWS_MAX) as u64)
    }

    /// Returns the latest failed attempts at the playhead, as JSON.
    pub fn failures(&self) -> String {
        reading::failures(self.recording.borrow().timeline().state())
    }

    /// Returns the events of one task up to the playhead, as JSON.
    pub fn task(&self, id: f64) -> Option<String> {
        let id = TaskId(id as u64);
        let known = |simulation: &&Simulation| id.0 < params::tasks_max(simulation);
        let work = self.simulation.as_ref().filter(known).map(|simulation| simulation.work(id));
        reading::task(&self.recording.borrow(), id, work)
    }

    /// Returns the report at the playhead, as JSON with the keys of the command's `--json`.
    pub fn report(&self) -> String {
        report(self.recording.borrow().timeline().state())
    }

    /// Returns the report at the end of the run.
    pub fn report_end(&self) -> String {
        report(self.recording.borrow().timeline().last_state())
    }

    /// Checks the whole run against the invariants, and returns the result as JSON.
    pub fn checks(&self) -> String {
        let checks = self.recording.borrow().checks();
        json::write(&checks)
    }

    /// Writes the whole run as JSON lines, byte for byte as the command does.
    pub fn trace(&self) -> Uint8Array {
        self.write(&mut trace::Lines)
    }

    /// Writes the whole run for Perfetto and chrome://tracing.
    pub fn perfetto(&self) -> Uint8Array {
        self.write(&mut trace::Perfetto::new())
    }

    fn write(&self, form: &mut dyn trace::Form) -> Uint8Array {
        let recording = self.recording.borrow();
        let text = match &self.simulation {
            // The first events are no longer kept: the simulation is run again.
            Some(simulation) if recording.timeline().start() > 0 => reading::write_simulation(simulation, form),
            _ => recording.write(form),
        };
        Uint8Array::from(text.as_slice())
    }

    /// Returns the series between two times in `buckets` equal intervals, one row of `layout` after the other.
    pub fn series(&self, from_ns: f64, to_ns: f64, buckets: f64) -> Float64Array {
        let count = NonZeroUsize::new(buckets.clamp(1.0, COLUMNS_MAX) as usize).unwrap_or(NonZeroUsize::MIN);
        let (from, to) = (Time::from_nanos(from_ns as u64), Time::from_nanos(to_ns as u64));
        let columns = self.recording.borrow().timeline().series(from, to, count);
        Float64Array::from(snapshot::series(&columns).as_slice())
    }

    /// Returns what each of the first `permits` permits was held for between two times, one row of `layout` after the other.
    /// Attempts that are shorter than `step_ns` may share a row.
    pub fn lanes(&self, from_ns: f64, to_ns: f64, permits: f64, step_ns: f64) -> Float64Array {
        let window = Window {
            from: Time::from_nanos(from_ns as u64),
            to: Time::from_nanos(to_ns as u64),
            permits: permits.clamp(0.0, COLUMNS_MAX) as usize,
            step_ns: step_ns as u64,
        };
        Float64Array::from(lanes::lanes(&self.recording.borrow(), &window).as_slice())
    }
}

fn report(state: &State) -> String {
    json::write(&state.report())
}

fn refuse(message: String) -> JsError {
    JsError::new(&message)
}
