//! Text, read and written: traces, tasks and failures.

use std::num::NonZeroUsize;

use fourfold::{
    Attempt, TaskId,
    clock::Time,
    event::{EventKind, Outcome, observer_fn},
    metrics::State,
    sim::{Simulation, SyntheticTask},
    trace,
};
use serde::Serialize;

use crate::{
    json,
    programs::{self, ProgramParams},
    recording::Recording,
};

/// The maximum number of events of one task that are shown.
const TASK_EVENTS_MAX: usize = 200;

/// Reads a trace, passes each event and the index of its run to `look`, and returns the number of runs.
fn read(text: &[u8], look: &mut dyn FnMut(usize, &fourfold::Event<&str>)) -> Result<usize, String> {
    // Editors and shells of Windows put a byte order mark before a text.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = trace::Reader::new(text).map_err(|error| error.to_string())?;
    let mut runs = 0;
    loop {
        let read = reader.read(|event| {
            let begins = matches!(event.kind, EventKind::RunStarted { .. }) && event.sequence == 0;
            runs += usize::from(begins || runs == 0);
            look(runs - 1, event);
        });
        match read {
            Ok(Some(())) => {}
            // A trace whose writer was stopped is shown up to its last whole event.
            Ok(None) | Err(trace::TraceError::Cut(_)) => return Ok(runs),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Loads one run of a trace.
pub fn load(text: &[u8], index: usize) -> Result<Recording, String> {
    let mut recording = Recording::default();
    let runs = read(text, &mut |run, event| {
        if run == index {
            recording.push(event);
        }
    })?;
    match runs {
        0 => Err("the trace has no event".into()),
        runs if index >= runs => Err(format!("run_index: {index}, but the trace has only {runs} runs, counted from 0")),
        _ => Ok(recording),
    }
}

/// Records the run of a program on the tasks of a simulation. Each task is tried once, since the programs have no retries.
pub fn program(name: &str, simulation: &Simulation) -> Result<Recording, String> {
    let work = (0..simulation.tasks).map(|id| simulation.work(TaskId(id))).collect();
    let limit = NonZeroUsize::new(simulation.config.limit).unwrap_or(NonZeroUsize::MIN);
    let params = ProgramParams { limit, work, duration_max: None };
    let mut recording = Recording::default();
    programs::run(name, &params, &mut recording).map_err(|error| error.to_string())?;
    Ok(recording)
}

/// Adds lines of a trace to the recording of a live run. An event that is already there is skipped: a stream that was interrupted
/// can repeat events.
pub fn push(recording: &mut Recording, lines: &str) -> Result<(), String> {
    for (index, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |error: trace::LineError| format!("line {}: {error}", index + 1);
        let line = trace::parse_line(line.as_bytes()).map_err(wrong)?;
        let event = line.event().map_err(wrong)?;
        if event.sequence >= recording.timeline().last_state().next_sequence() {
            recording.push(&event);
        }
    }
    Ok(())
}

/// Reads a state that was folded elsewhere.
pub fn state(text: &str) -> Result<State, String> {
    State::from_data(&json::parse(text)?)
}

/// Lists the runs of a trace, as JSON.
pub fn runs(text: &[u8]) -> Result<String, String> {
    #[derive(Serialize)]
    struct Run {
        pattern: &'static str,
        events: u64,
    }
    let mut runs: Vec<Run> = Vec::new();
    read(text, &mut |run, event| {
        if run == runs.len() {
            runs.push(Run { pattern: "", events: 0 });
        }
        runs[run].events += 1;
        if let EventKind::RunStarted { pattern, .. } = event.kind {
            runs[run].pattern = pattern.name();
        }
    })?;
    Ok(json::write(&runs))
}

/// Runs a simulation and passes its events to `look`. All callers share one type of observer, since each further type would
/// repeat this code in the module.
pub fn simulate(simulation: &Simulation, look: &mut dyn FnMut(&fourfold::Event<&str>)) {
    // The failure of a group is part of the simulation: its events report it.
    let _ = simulation.run(&mut observer_fn(look));
}

/// Writes the events of a simulation, which may be more than memory keeps.
pub fn write_simulation(simulation: &Simulation, form: &mut dyn trace::Form) -> Vec<u8> {
    let mut text = Vec::new();
    form.begin(&mut text);
    simulate(simulation, &mut |event| form.event(event, &mut text));
    form.end(&mut text);
    text
}

/// Lists the latest failed attempts, as JSON.
pub fn failures(state: &State) -> String {
    #[derive(Serialize)]
    struct Failure<'a> {
        t_ns: Time,
        task: TaskId,
        attempt: Attempt,
        outcome: Outcome,
        reason: &'a str,
    }
    let failures = state.failures().iter().map(|failure| Failure {
        t_ns: failure.at,
        task: failure.task,
        attempt: failure.attempt,
        outcome: failure.outcome,
        reason: &failure.reason,
    });
    json::write(&failures.collect::<Vec<_>>())
}

/// Returns the events of one task up to the playhead, as JSON; `None` for a task that the run does not have.
pub fn task(recording: &Recording, id: TaskId, work: Option<SyntheticTask>) -> Option<String> {
    #[derive(Serialize)]
    struct TaskHistory {
        id: TaskId,
        events: Vec<String>,
        events_count: u64,
        work: Option<SyntheticTask>,
    }
    let timeline = recording.timeline();
    let mut events: Vec<String> = Vec::new();
    let mut count = 0_u64;
    for position in timeline.start()..timeline.position() {
        if timeline.event(position).is_some_and(|event| event.kind.task() == Some(id)) {
            count += 1;
            if events.len() < TASK_EVENTS_MAX {
                events.extend(recording.line(position));
            }
        }
    }
    if count == 0 && work.is_none() {
        return None;
    }
    Some(json::write(&TaskHistory { id, events, events_count: count, work }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_may_begin_with_a_byte_order_mark() {
        let simulation = crate::params::read_simulation(r#"{"limit":3,"tasks":9}"#).unwrap();
        let mut marked = b"\xef\xbb\xbf".to_vec();
        marked.extend(write_simulation(&simulation, &mut trace::Lines));
        let loaded = load(&marked, 0).unwrap();
        assert_eq!(loaded.timeline().end(), load(&marked[3..], 0).unwrap().timeline().end());
        assert!(runs(&marked).unwrap().contains("pool"));
    }

    #[test]
    fn a_live_run_goes_on_from_a_state_that_was_folded_elsewhere() {
        let simulation =
            crate::params::read_simulation(r#"{"pattern":"batch","limit":3,"tasks":60,"seed":4}"#).unwrap();
        let mut whole = Recording::default();
        simulate(&simulation, &mut |event| whole.push(event));
        whole.seek_to(70);
        let mut live = Recording::default();
        // The state as the command sends it, and events from before it, which count once.
        live.restart(state(&json::write(whole.timeline().state())).unwrap());
        assert_eq!(live.timeline().digest(), whole.timeline().digest());
        push(&mut live, &whole.lines(50, 1000)).unwrap();
        assert_eq!(live.timeline().last_state(), whole.timeline().last_state());
        assert_eq!(live.checks().violation, None);
    }
}
