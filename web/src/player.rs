//! The boundary: what JavaScript calls.

use std::{cell::RefCell, num::NonZeroUsize, rc::Rc};

use fourfold::{Control, TaskId, clock::Time, metrics::State, sim::Simulation, trace};
use js_sys::{Array, Float64Array, Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, prelude::*};

use crate::{
    json,
    own::{self, Own},
    params::{self, Params},
    programs::PROGRAMS,
    reading,
    recording::Recording,
    snapshot,
};

/// More columns than any screen has.
const COLUMNS_MAX: f64 = 8192.0;
/// Rows of tasks, and lines of events, that are handed over at a time.
const ROWS_MAX: f64 = 1_000_000.0;

/// A run that can be gone through: simulated, recorded, watched as it goes on, or of one's own.
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
        let own = self.own.as_ref().map(|own| &own.control);
        own.ok_or_else(|| JsError::new("this run is not one's own: nothing can be done to it"))
    }

    fn simulated(simulation: Simulation) -> Self {
        let mut recording = Recording::default();
        reading::simulate(&simulation, &mut |event| recording.push(event));
        Self::of(recording, Some(simulation))
    }
}

#[wasm_bindgen]
impl Player {
    /// A run of synthetic tasks on a simulated clock, from its first event to its last.
    pub fn simulate(params: &str) -> Result<Player, JsError> {
        Ok(Self::simulated(params::read_simulation(params).map_err(refuse)?))
    }

    /// A small program, with a mistake or without it, on tasks as `simulate` has them; `programs` names them.
    pub fn program(name: &str, params: &str) -> Result<Player, JsError> {
        let simulation = params::read_simulation(params).map_err(refuse)?;
        let recording = reading::program(name, &simulation).map_err(refuse)?;
        Ok(Self::of(recording, None))
    }

    /// The names of the programs, as JSON.
    pub fn programs() -> String {
        json::write(&PROGRAMS.iter().map(|program| program.name).collect::<Vec<_>>())
    }

    /// A run that was recorded: JSON lines as `--trace` writes them. Of several runs in one file, the one with this index.
    pub fn load(trace: &[u8], run_index: Option<u32>) -> Result<Player, JsError> {
        let recording = reading::load(trace, run_index.unwrap_or_default() as usize).map_err(refuse)?;
        Ok(Self::of(recording, None))
    }

    /// The runs of a trace, as JSON: pattern and number of events.
    pub fn runs(trace: &[u8]) -> Result<String, JsError> {
        reading::runs(trace).map_err(refuse)
    }

    /// A run that goes on elsewhere: its events are pushed as they come.
    pub fn live() -> Player {
        Self::of(Recording::default(), None)
    }

    /// Adds events at the end, as lines of a trace. The playhead stays where it is.
    pub fn push(&self, lines: &str) -> Result<(), JsError> {
        reading::push(&mut self.recording.borrow_mut(), lines).map_err(refuse)
    }

    /// Begins, or goes on after a gap, at a state that was folded elsewhere; what there was before is given up.
    pub fn snapshot_from(&self, json: &str) -> Result<(), JsError> {
        let state = reading::state(json).map_err(refuse)?;
        self.recording.borrow_mut().restart(state);
        Ok(())
    }

    /// A run in real time: `handler(payload, {id, attempt, signal})` for each of the payloads, a JSON list. Each event is told to
    /// `on_event`, if there is one, as a line of a trace.
    pub fn own(params: &str, payloads: &str, handler: Function, on_event: Option<Function>) -> Result<Player, JsError> {
        let params = Params::parse(params).map_err(refuse)?;
        let payloads = js_sys::JSON::parse(payloads).ok().and_then(|list| list.dyn_into::<Array>().ok());
        let payloads = payloads.ok_or_else(|| JsError::new("payloads: expected a JSON list"))?;
        let mut player = Self::of(Recording::default(), None);
        player.own = Some(own::start(&params, &payloads, handler, on_event, player.recording.clone()));
        Ok(player)
    }

    /// The report of an own run, as JSON, when it is over; where the run failed it has an `error`.
    pub fn finished(&self) -> Promise {
        match &self.own {
            Some(own) => own.finished.clone(),
            None => Promise::reject(&JsError::new("this run is not one's own: it does not go on").into()),
        }
    }

    /// Has an own run finish what has started, and start nothing more.
    pub fn drain(&self) -> Result<(), JsError> {
        self.control().map(Control::drain)
    }

    /// Has an own run drop what has started: the signals of its handlers are aborted.
    pub fn abort(&self) -> Result<(), JsError> {
        self.control().map(Control::abort)
    }

    /// Gives an own run another limit.
    pub fn set_limit(&self, n: f64) -> Result<(), JsError> {
        let limit = params::limit(n).map_err(refuse)?;
        self.control()?.set_limit(limit).map_err(|error| refuse(error.to_string()))
    }

    /// The names of the columns of `snapshot` and `series`, and what the numbers in them stand for, as JSON.
    pub fn layout() -> String {
        snapshot::layout()
    }

    /// The same simulation up to a position, where something is done to it; the playhead stands there.
    pub fn fork(&self, position: f64, intervention: &str) -> Result<Player, JsError> {
        let Some(simulation) = &self.simulation else {
            return Err(JsError::new("only a simulation can be forked"));
        };
        let forked = params::read_fork(simulation, position as u64, intervention).map_err(refuse)?;
        let player = Self::simulated(forked);
        player.seek_to(position);
        Ok(player)
    }

    /// What is done to a simulation on its way, as JSON that `simulate` takes.
    pub fn interventions(&self) -> String {
        self.simulation
            .as_ref()
            .map_or_else(|| "[]".into(), |simulation| params::write_interventions(simulation).to_string())
    }

    /// Goes to a time: to where all that happened until then has happened.
    pub fn seek(&self, t_ns: f64) {
        self.recording.borrow_mut().seek(Time::from_nanos(t_ns as u64));
    }

    /// Goes to a position.
    pub fn seek_to(&self, position: f64) {
        self.recording.borrow_mut().seek_to(position as u64);
    }

    /// Goes on by so many events, or back, and says where it is then.
    pub fn step(&self, n: f64) -> f64 {
        self.recording.borrow_mut().step(n as i64) as f64
    }

    /// Goes to the next notable event, or with -1 to the one before; false when there is none.
    pub fn notable(&self, direction: f64) -> bool {
        self.recording.borrow_mut().notable(direction >= 0.0)
    }

    /// Where the playhead is: how many events have happened there.
    #[wasm_bindgen(getter)]
    pub fn position(&self) -> f64 {
        self.recording.borrow().timeline().position() as f64
    }

    /// The first position that can be gone to.
    #[wasm_bindgen(getter)]
    pub fn start(&self) -> f64 {
        self.recording.borrow().timeline().start() as f64
    }

    /// The last one.
    #[wasm_bindgen(getter)]
    pub fn end(&self) -> f64 {
        self.recording.borrow().timeline().end() as f64
    }

    /// The playhead's time: what was sought, or that of the event before it.
    #[wasm_bindgen(getter)]
    pub fn t_ns(&self) -> f64 {
        self.recording.borrow().at().as_nanos() as f64
    }

    /// When the run began.
    #[wasm_bindgen(getter)]
    pub fn start_ns(&self) -> f64 {
        self.recording.borrow().starts_at().as_nanos() as f64
    }

    /// When its last event was.
    #[wasm_bindgen(getter)]
    pub fn end_ns(&self) -> f64 {
        self.recording.borrow().ends_at().as_nanos() as f64
    }

    /// The moment at the playhead, as numbers: see `layout`. The list is JavaScript's own and stays as it is.
    pub fn snapshot(&self, rows_max: f64, recent_ns: f64) -> Float64Array {
        let rows_max = rows_max.clamp(0.0, ROWS_MAX) as usize;
        let numbers = snapshot::snapshot(&self.recording.borrow(), rows_max, recent_ns as u64);
        Float64Array::from(numbers.as_slice())
    }

    /// A number for all that is shown at the playhead, as 16 digits; the same on every platform.
    pub fn digest(&self) -> String {
        format!("{:016x}", self.recording.borrow().timeline().digest())
    }

    /// The event that leads from a position to the next one, as a line of a trace.
    pub fn event_at(&self, position: f64) -> Option<String> {
        self.recording.borrow().line(position as u64)
    }

    /// So many events from a position on, as lines of a trace.
    pub fn events(&self, from: f64, count: f64) -> String {
        self.recording.borrow().lines(from as u64, count.clamp(0.0, ROWS_MAX) as u64)
    }

    /// The latest failed attempts at the playhead, as JSON.
    pub fn failures(&self) -> String {
        reading::failures(self.recording.borrow().timeline().state())
    }

    /// All that is known of one task up to the playhead, as JSON.
    pub fn task(&self, id: f64) -> Option<String> {
        let id = TaskId(id as u64);
        let known = |simulation: &&Simulation| id.0 < params::tasks_max(simulation);
        let work = self.simulation.as_ref().filter(known).map(|simulation| simulation.work(id));
        reading::task(&self.recording.borrow(), id, work)
    }

    /// The report at the playhead, as JSON with the keys of the command's `--json`.
    pub fn report(&self) -> String {
        report(self.recording.borrow().timeline().state())
    }

    /// The report at the end.
    pub fn report_end(&self) -> String {
        report(self.recording.borrow().timeline().last_state())
    }

    /// Whether the whole run kept the rules, as JSON.
    pub fn checks(&self) -> String {
        let checks = self.recording.borrow().checks();
        json::write(&checks)
    }

    /// The whole run as JSON lines: byte for byte what the command writes.
    pub fn trace(&self) -> Uint8Array {
        self.write(&mut trace::Lines)
    }

    /// The whole run for Perfetto and chrome://tracing.
    pub fn perfetto(&self) -> Uint8Array {
        self.write(&mut trace::Perfetto::new())
    }

    fn write(&self, form: &mut dyn trace::Form) -> Uint8Array {
        let recording = self.recording.borrow();
        let text = match &self.simulation {
            // Its first events were dropped: it is run once more.
            Some(simulation) if recording.timeline().start() > 0 => reading::write_simulation(simulation, form),
            _ => recording.write(form),
        };
        Uint8Array::from(text.as_slice())
    }

    /// What happened between two times, in so many stretches: see `layout`, one row after the other.
    pub fn series(&self, from_ns: f64, to_ns: f64, buckets: f64) -> Float64Array {
        let count = NonZeroUsize::new(buckets.clamp(1.0, COLUMNS_MAX) as usize).unwrap_or(NonZeroUsize::MIN);
        let (from, to) = (Time::from_nanos(from_ns as u64), Time::from_nanos(to_ns as u64));
        let columns = self.recording.borrow().timeline().series(from, to, count);
        Float64Array::from(snapshot::series(&columns).as_slice())
    }
}

fn report(state: &State) -> String {
    json::write(&state.report())
}

fn refuse(message: String) -> JsError {
    JsError::new(&message)
}
