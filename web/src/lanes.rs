//! The history of each permit: the tasks that held the permit, and what cut all lanes at once.

use fourfold::{
    clock::Time,
    event::{EventKind, Outcome},
};

use crate::{
    recording::Recording,
    snapshot::{ABSENT, LANE, kind, outcome, size, time, whole},
};

/// The part of the history that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The first moment.
    pub(crate) from: Time,
    /// The last moment.
    pub(crate) to: Time,
    /// The number of permits: those with higher numbers are left out.
    pub(crate) permits: usize,
    /// The time that a picture can tell apart: shorter rows are joined with their neighbours.
    pub(crate) step_ns: u64,
}

/// Returns the rows of a window, in the order of their ends. An attempt that is still under way has none.
pub(crate) fn lanes(recording: &Recording, window: &Window) -> Vec<f64> {
    let timeline = recording.timeline();
    let mut open: Vec<Option<Time>> = vec![Some(window.from); window.permits];
    let mut rows = Rows { rows: Vec::new(), last: vec![None; window.permits], step: whole(window.step_ns) };
    for position in first_at(recording, window.from)..timeline.end() {
        let Some(event) = timeline.event(position).filter(|event| event.at <= window.to) else { break };
        match event.kind {
            EventKind::Started { permit, .. } if permit < window.permits => open[permit] = Some(event.at),
            EventKind::Ended { permit, task, outcome: how, .. } if permit < window.permits => {
                if let Some(from) = open[permit].take() {
                    rows.span(
                        permit,
                        [time(from), time(event.at)],
                        outcome(how),
                        whole(task.0),
                        how == Outcome::Succeeded,
                    );
                }
            }
            EventKind::Abandoned { permit: Some(permit), task, .. } if permit < window.permits => {
                if let Some(from) = open[permit].take() {
                    rows.span(permit, [time(from), time(event.at)], ABSENT, whole(task.0), false);
                }
            }
            EventKind::BatchClosed { batch } => rows.cut(time(event.at), kind(&event.kind), whole(batch)),
            EventKind::GroupCancelled { cause } => rows.cut(time(event.at), kind(&event.kind), whole(cause.0)),
            EventKind::RunStarted { limit, .. } | EventKind::LimitChanged { limit, .. } => {
                rows.cut(time(event.at), kind(&event.kind), size(limit));
            }
            EventKind::DrainStarted | EventKind::AbortStarted | EventKind::RunEnded => {
                rows.cut(time(event.at), kind(&event.kind), ABSENT);
            }
            _ => {}
        }
    }
    rows.rows
}

/// Rows under construction.
struct Rows {
    rows: Vec<f64>,
    /// The place of the latest row of each permit.
    last: Vec<Option<usize>>,
    step: f64,
}

impl Rows {
    /// Adds an attempt, or joins a short one with a short one right before it that ended alike.
    fn span(&mut self, permit: usize, [from, to]: [f64; 2], outcome: f64, task: f64, joins: bool) {
        if let Some(last) = self.last[permit].filter(|_| joins && to - from < self.step) {
            let before = &mut self.rows[last..last + LANE.len()];
            if before[3] == outcome && from - before[2] < self.step && before[2] - before[1] < self.step {
                before[2] = to;
                return;
            }
        }
        self.last[permit] = Some(self.rows.len());
        self.rows.extend([size(permit), from, to, outcome, task]);
    }

    fn cut(&mut self, at: f64, kind: f64, what: f64) {
        self.rows.extend([ABSENT, at, at, kind, what]);
    }
}

/// Finds the position of the first event that is not before a moment.
fn first_at(recording: &Recording, at: Time) -> u64 {
    let timeline = recording.timeline();
    let (mut low, mut high) = (timeline.start(), timeline.end());
    while low < high {
        let middle = low + (high - low) / 2;
        if timeline.event(middle).is_some_and(|event| event.at < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{params::read_simulation, reading::simulate};

    fn recorded(params: &str) -> Recording {
        let mut recording = Recording::default();
        simulate(&read_simulation(params).unwrap(), &mut |event| recording.push(event));
        recording
    }

    fn rows(recording: &Recording, from: Time, step_ns: u64) -> Vec<[f64; 5]> {
        let window = Window { from, to: recording.ends_at(), permits: 16, step_ns };
        let rows = lanes(recording, &window);
        rows.chunks(LANE.len()).map(|row| row.try_into().unwrap()).collect()
    }

    const BATCH: &str = r#"{"pattern":"batch","limit":3,"batch_size":6,"tasks":30,"seed":4,"retries":2}"#;

    #[test]
    fn every_attempt_is_a_row_of_its_permit_from_its_start_to_its_end() {
        let recording = recorded(BATCH);
        let spans: Vec<_> = rows(&recording, Time::ZERO, 0).into_iter().filter(|row| row[0] >= 0.0).collect();
        assert_eq!(spans.len() as u64, recording.timeline().last_state().report().counters.attempts());
        for permit in 0..3 {
            let lane: Vec<_> = spans.iter().filter(|row| row[0] == f64::from(permit)).collect();
            assert!(lane.windows(2).all(|pair| pair[0][2] <= pair[1][1]), "two attempts at once with permit {permit}");
        }
        let busy: f64 = spans.iter().map(|row| row[2] - row[1]).sum();
        let idle = recording.timeline().last_state().idle_permits().as_nanos() as f64;
        let whole = 3.0 * recording.ends_at().as_nanos() as f64;
        assert_eq!(busy + idle, whole, "what is not busy is idle");
    }

    #[test]
    fn batches_and_the_cancellation_of_a_group_cut_all_lanes() {
        let kinds = |rows: &[[f64; 5]], kind: f64| rows.iter().filter(|row| row[0] < 0.0 && row[3] == kind).count();
        let batches = r#"{"pattern":"batch","limit":3,"batch_size":6,"tasks":30,"work":{"fail_permille":0}}"#;
        assert_eq!(kinds(&rows(&recorded(batches), Time::ZERO, 0), 9.0), 5);
        let group =
            recorded(r#"{"pattern":"group","limit":3,"retries":0,"work":[{"ms":9},{"ms":4,"fail":1},{"ms":9}]}"#);
        let rows = rows(&group, Time::ZERO, 0);
        assert_eq!(kinds(&rows, 10.0), 1);
        let cut = rows.iter().find(|row| row[0] < 0.0 && row[3] == 10.0).unwrap();
        assert_eq!((cut[1], cut[4]), (4e6, 1.0));
        assert_eq!(rows.iter().filter(|row| row[0] >= 0.0 && row[3] == 4.0 && row[2] == cut[1]).count(), 2);
    }

    #[test]
    fn what_is_too_short_to_be_seen_is_joined_and_no_failure_is_lost() {
        let recording = recorded(
            r#"{"pattern":"pool","limit":2,"tasks":4000,"retries":0,"work":{"ms":[1,1],"tail_permille":0,"fail_permille":20}}"#,
        );
        let [all, joined] = [0, 20_000_000].map(|step| rows(&recording, Time::ZERO, step));
        let failed = |rows: &[[f64; 5]]| rows.iter().filter(|row| row[0] >= 0.0 && row[3] == 1.0).count();
        assert!(failed(&all) > 20);
        assert_eq!(failed(&joined), failed(&all));
        assert!(joined.len() * 5 < all.len(), "{} of {}", joined.len(), all.len());
    }

    #[test]
    fn a_window_begins_with_what_was_under_way() {
        let recording = recorded(BATCH);
        let middle = Time::from_nanos(recording.ends_at().as_nanos() / 2);
        let all = rows(&recording, Time::ZERO, 0);
        let late = rows(&recording, middle, 0);
        let ends = all.iter().filter(|row| row[0] >= 0.0 && row[2] >= middle.as_nanos() as f64).count();
        assert!(ends > 3);
        assert_eq!(late.iter().filter(|row| row[0] >= 0.0).count(), ends);
        assert!(late.iter().all(|row| row[1] >= middle.as_nanos() as f64));
    }
}
