//! What the programs of the page show is so, whatever the seed; and what they say of themselves is so too.
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use std::{collections::BTreeSet, num::NonZeroUsize, time::Duration};

use fourfold::{
    Config, Pattern, Retry, TaskId,
    check::Invariants,
    clock::Time,
    event::{EventKind, Outcome, OwnedEvent, observer_fn},
    metrics::{State, TaskPhase, Timeline},
    sim::{Simulation, SyntheticTask},
    trace,
};
use fourfold_web::{
    programs::{self, PROGRAMS, Program, ProgramParams, Right},
    recording::Recording,
    snapshot,
};

const SEEDS: u64 = 100;

fn nz(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

fn params(tasks: u64, seed: u64) -> ProgramParams {
    ProgramParams::seeded(nz(1 + (seed % 8) as usize), tasks, seed)
}

/// Everything that can be said of a run.
struct Seen {
    records: Vec<OwnedEvent>,
    state: State,
    violation: Option<String>,
    is_complete: bool,
}

fn see(run: impl FnOnce(&mut dyn FnMut(&fourfold::Event<&str>))) -> Seen {
    let (mut records, mut state, mut invariants) = (Vec::new(), State::new(), Invariants::new());
    run(&mut |event| {
        records.push(OwnedEvent::from(event));
        state.apply(event);
        invariants.check(event);
        assert!(state.counters().in_flight as usize + state.leaked() <= state.limit(), "{event:?}");
        assert_eq!(state.queue().len() as u64, state.counters().queued, "{event:?}");
    });
    let violation = invariants.violation().map(|violation| violation.what.clone());
    Seen { records, state, violation, is_complete: invariants.is_complete() }
}

fn program(name: &str, params: &ProgramParams) -> Seen {
    see(|tell| programs::run(name, params, &mut observer_fn(|event| tell(event))).unwrap())
}

/// The crate's own run of the same tasks.
fn pattern(pattern: Pattern, params: &ProgramParams, seed: u64) -> Seen {
    let config = Config::new(pattern, params.limit).retry(Retry::NEVER).seed(seed);
    let simulation = Simulation::new(config, params.work.len() as u64);
    // The group may fail: that is a part of the test.
    see(|tell| drop(simulation.run(&mut observer_fn(|event| tell(event)))))
}

fn started(seen: &Seen) -> BTreeSet<TaskId> {
    let started = seen.records.iter().map(OwnedEvent::borrowed);
    started
        .filter(|event| matches!(event.kind, EventKind::Started { .. }))
        .filter_map(|event| event.kind.task())
        .collect()
}

fn lines(program: &Program, params: &ProgramParams) -> Vec<u8> {
    let mut text = Vec::new();
    let observer = &mut observer_fn(|event| {
        trace::write_line(event, &mut text);
        text.push(b'\n');
    });
    programs::run(program.name, params, observer).unwrap();
    text
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_they_say_it_all() {
    for program in PROGRAMS {
        let mut different = BTreeSet::new();
        for seed in 0..SEEDS {
            let params = params(100, seed);
            let text = lines(program, &params);
            assert_eq!(text, lines(program, &params), "{}, seed {seed}", program.name);
            let seen = self::program(program.name, &params);
            let read: Vec<OwnedEvent> = text
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| OwnedEvent::from(&trace::parse_line(line).unwrap().event().unwrap()))
                .collect();
            assert_eq!(read, seen.records, "{}, seed {seed}", program.name);
            different.insert(text);
        }
        assert_eq!(different.len() as u64, SEEDS, "{}", program.name);
    }
}

#[test]
fn every_program_tells_a_whole_run_in_which_each_start_has_one_end() {
    for program in PROGRAMS {
        for seed in 0..SEEDS {
            let seen = self::program(program.name, &params(150, seed));
            let name = program.name;
            assert_eq!(seen.state.missed(), 0);
            assert!(matches!(seen.records[0].borrowed().kind, EventKind::RunStarted { .. }));
            assert!(matches!(seen.records.last().unwrap().borrowed().kind, EventKind::RunEnded));
            assert!(seen.records.is_sorted_by_key(|record| record.borrowed().at), "{name}, seed {seed}");
            let mut ends: Vec<TaskId> = Vec::new();
            for record in &seen.records {
                if let EventKind::Ended { task, .. } | EventKind::Abandoned { task, permit: Some(_), .. } =
                    record.borrowed().kind
                {
                    ends.push(task);
                }
            }
            let all = ends.len();
            assert_eq!((ends.into_iter().collect::<BTreeSet<_>>(), all), (started(&seen), started(&seen).len()));
            let left = seen.state.tasks().values().all(fourfold::metrics::TaskState::is_abandoned);
            assert!(left, "{name}, seed {seed}: nothing is left but what was abandoned");
        }
    }
}

#[test]
fn any_place_of_a_program_is_what_its_events_up_to_there_come_to() {
    for program in PROGRAMS {
        let params = ProgramParams { duration_max: Some(Duration::from_secs(2)), ..params(200, 4) };
        let seen = self::program(program.name, &params);
        let mut timeline = Timeline::new().keyframe_every(nz(32));
        programs::run(program.name, &params, &mut timeline).unwrap();
        let mut state = State::new();
        let mut digests = vec![state.digest()];
        for record in &seen.records {
            state.apply(&record.borrowed());
            digests.push(state.digest());
        }
        assert_eq!(timeline.last_state(), &state);
        for (position, digest) in digests.iter().enumerate().rev() {
            timeline.seek_to(position as u64);
            assert_eq!(timeline.digest(), *digest, "{} at {position}", program.name);
        }
        let distinct: BTreeSet<u64> = digests.iter().copied().collect();
        assert_eq!(distinct.len(), digests.len(), "every event can be seen");
    }
}

#[test]
fn what_is_done_right_keeps_the_rules_and_loses_nothing() {
    for name in ["bounded", "guarded"] {
        assert_eq!(PROGRAMS.iter().find(|program| program.name == name).unwrap().right, None);
        for seed in 0..SEEDS {
            let seen = program(name, &params(150, seed));
            assert_eq!((seen.violation.as_deref(), seen.is_complete), (None, true), "{name}, seed {seed}");
            let counters = seen.state.counters();
            assert_eq!((counters.tasks(), counters.abandoned, seen.state.leaked()), (150, 0, 0), "{name}, seed {seed}");
        }
    }
}

#[test]
fn forgotten_tasks_stay_and_those_of_a_group_are_cancelled() {
    let mut forgotten_at_all = 0;
    for seed in 0..SEEDS {
        let params = ProgramParams::seeded(nz(8), 300, seed);
        let wrong = program("forgotten", &params);
        let (counters, leaked) = (wrong.state.counters(), wrong.state.leaked());
        assert!(counters.abandoned > 0 && counters.failed == 1, "seed {seed}");
        assert_eq!((leaked, wrong.state.abandoned().len()), (counters.abandoned as usize, leaked));
        let violation = wrong.violation.as_ref().expect("it is a mistake");
        assert!(
            violation.starts_with(&format!("permits that never came back: {leaked}, the first of them ")),
            "{violation}"
        );
        assert!(wrong.is_complete);
        for task in wrong.state.abandoned() {
            let live = wrong.state.tasks()[task];
            let TaskPhase::Abandoned { since, permit, outcome: None } = live.phase else { panic!("{live:?}") };
            assert_eq!(wrong.state.permits()[permit.unwrap()], Some(*task));
            // The task ages while the program continues without it.
            assert_eq!(wrong.state.at().since(since), Duration::from_millis(500));
        }

        let right = pattern(Pattern::TaskGroup, &params, seed);
        let group = right.state.counters();
        assert_eq!((right.violation.as_deref(), right.is_complete), (None, true), "seed {seed}");
        assert_eq!((group.abandoned, right.state.leaked(), group.in_flight), (0, 0, 0), "seed {seed}");
        assert!(right.state.tasks().is_empty() && group.cancelled > 0, "seed {seed}: {group:?}");
        // The same tasks start at the same times up to that event.
        let first = |seen: &Seen| (seen.state.failures()[0].at, seen.state.failures()[0].task);
        assert_eq!(first(&right), first(&wrong), "seed {seed}");
        forgotten_at_all += leaked;
    }
    assert!(forgotten_at_all > 4 * SEEDS as usize);
}

#[test]
fn without_a_failure_nothing_is_forgotten() {
    let work = vec![SyntheticTask::new(10); 40];
    let seen = program("forgotten", &ProgramParams { limit: nz(4), work, duration_max: None });
    assert_eq!((seen.violation.as_deref(), seen.is_complete), (None, true));
    assert_eq!((seen.state.counters().done, seen.state.elapsed()), (40, Duration::from_millis(100)));
}

#[test]
fn a_queue_without_a_bound_grows_and_the_bounded_one_holds_its_producer() {
    for seed in 0..SEEDS {
        let mut peaks = Vec::new();
        for tasks in [200, 400, 800] {
            let params = params(tasks, seed);
            let limit = params.limit.get();
            let wrong = program("unbounded", &params);
            assert_eq!((wrong.state.queue_capacity(), wrong.state.workers()), (None, Some(limit)));
            let violation = wrong.violation.as_ref().expect("it is a mistake");
            assert_eq!(*violation, format!("{} are claimed or in flight, and {limit} may be", limit + 1));
            let never = |record: &OwnedEvent| !matches!(record.borrowed().kind, EventKind::SourceBlocked { .. });
            assert!(wrong.records.iter().all(never), "its producer never waits");
            assert_eq!(wrong.state.counters().tasks(), tasks, "all of it gets done in the end");
            peaks.push(wrong.state.counters().peak_queued);

            for right in [program("bounded", &params), pattern(Pattern::WorkerPool, &params, seed)] {
                let counters = right.state.counters();
                assert_eq!((right.violation.as_deref(), counters.tasks()), (None, tasks), "seed {seed}");
                assert_eq!(counters.peak_queued as usize, limit, "it is full and no fuller, seed {seed}");
                let blocked = |record: &&OwnedEvent| matches!(record.borrowed().kind, EventKind::SourceBlocked { .. });
                assert!(right.records.iter().any(|record| blocked(&record)), "seed {seed}");
                assert!(right.state.report().wait.unwrap().max < wrong.state.report().wait.unwrap().max, "seed {seed}");
            }
        }
        // About half of the tasks wait when the last one has arrived: twice the tasks, twice the queue.
        for (peak, tasks) in peaks.iter().zip([200, 400, 800]) {
            assert!(*peak > tasks / 4 && *peak < tasks, "{peaks:?}, seed {seed}");
        }
        assert!(peaks.is_sorted(), "{peaks:?}, seed {seed}");
    }
}

#[test]
fn the_queue_without_a_bound_grows_all_the_while() {
    for seed in 0..SEEDS {
        let mut timeline = Timeline::new();
        let params = params(800, seed);
        programs::run("unbounded", &params, &mut timeline).unwrap();
        let mut events = (0..timeline.end()).map(|position| timeline.event(position).unwrap());
        let arrivals_end = events.find(|event| matches!(event.kind, EventKind::SourceExhausted)).unwrap().at.as_nanos();
        let mut depths = Vec::new();
        for quarter in 1..=4 {
            timeline.seek(Time::from_nanos(arrivals_end / 4 * quarter));
            depths.push(timeline.state().queue().len());
        }
        assert!(depths.is_sorted_by(|before, after| before < after), "{depths:?}, seed {seed}");
    }
}

#[test]
fn after_limit_failures_nothing_starts_and_the_guard_loses_nothing() {
    for seed in 0..SEEDS {
        let params = ProgramParams::seeded(nz(4), 600, seed);
        let wrong = program("lost_permit", &params);
        let counters = wrong.state.counters();
        assert_eq!((counters.abandoned, counters.failed, wrong.state.leaked()), (4, 4, 4), "seed {seed}");
        assert_eq!((counters.in_flight, counters.dead), (0, 0));
        assert!(counters.done < 600 && counters.claimed == counters.done + 4, "seed {seed}: {counters:?}");
        assert_eq!(wrong.violation.unwrap().split(',').next(), Some("permits that never came back: 4"));
        assert_eq!(
            wrong.state.source_state(),
            fourfold::metrics::SourceState::Blocked { by: fourfold::event::BlockedOn::Room }
        );
        let places: Vec<TaskPhase> = wrong.state.tasks().values().map(|live| live.phase).collect();
        assert_eq!(places.len(), 4);
        for place in places {
            assert!(
                matches!(place, TaskPhase::Abandoned { permit: Some(_), outcome: Some(Outcome::Failed), .. }),
                "{place:?}"
            );
        }
        assert!(wrong.state.permits().iter().all(Option::is_some) && wrong.state.permits().len() == 4);
        assert_eq!(wrong.state.failures().len(), 4);
        let last =
            |kind: fn(&EventKind<&str>) -> bool| wrong.records.iter().rposition(|record| kind(&record.borrowed().kind));
        let last_start = last(|kind| matches!(kind, EventKind::Started { .. }));
        let last_leak = last(|kind| matches!(kind, EventKind::Abandoned { .. }));
        assert!(last_start < last_leak);

        let right = program("guarded", &params);
        assert_eq!((right.state.counters().tasks(), right.state.counters().dead > 4), (600, true), "seed {seed}");
        assert_eq!(right.state.counters().done + right.state.counters().dead, 600);

        // The end of the time shows that no further event comes.
        let patient = ProgramParams { duration_max: Some(Duration::from_secs(60)), ..params };
        let waited = program("lost_permit", &patient);
        assert_eq!(waited.state.elapsed(), Duration::from_secs(60));
        let count = wrong.records.len();
        assert_eq!(waited.records[..count - 1], wrong.records[..count - 1], "and till then it is the same");
        assert_eq!(waited.records.len(), count);
        assert_eq!(program("guarded", &patient).records, right.records, "what ends by itself is not held up");
    }
}

#[test]
fn a_lost_permit_is_a_row_with_its_age_and_its_failure_is_in_the_charts() {
    let patient = ProgramParams { duration_max: Some(Duration::from_secs(60)), ..ProgramParams::seeded(nz(4), 600, 7) };
    let mut recording = Recording::default();
    programs::run("lost_permit", &patient, &mut recording).unwrap();
    recording.seek_to(recording.timeline().end());
    let layout: serde_json::Value = serde_json::from_str(&snapshot::layout()).unwrap();
    let column =
        |kind: &str, name: &str| layout[kind].as_array().unwrap().iter().position(|column| column == name).unwrap();
    let numbers = snapshot::snapshot(&recording, 100, 0);
    let header = layout["header"].as_array().unwrap().len();
    assert_eq!(numbers[column("header", "abandoned")], 4.0);
    let rows: Vec<&[f64]> = numbers[header..].chunks(layout["task"].as_array().unwrap().len()).collect();
    assert_eq!((rows.len(), numbers[column("header", "task_rows")]), (4, 4.0));
    let number = |row: &[f64], name| row[column("task", name)];
    let mut permits: Vec<f64> = rows.iter().map(|row| number(row, "permit")).collect();
    permits.sort_unstable_by(f64::total_cmp);
    assert_eq!(permits, [0.0, 1.0, 2.0, 3.0]);
    for row in &rows {
        assert_eq!(layout["places"][number(row, "place") as usize], "abandoned");
        assert_eq!(layout["outcomes"][number(row, "outcome") as usize], "failed");
        assert!(number(row, "since_ns") < 30e9, "older than half of the run");
    }
    let end = recording.timeline().last_state().at();
    let columns = recording.timeline().series(Time::ZERO, end, nz(8));
    assert_eq!(columns.iter().map(|column| column.failed).sum::<u64>(), 4);
}

#[test]
fn a_program_whose_time_is_up_says_what_it_held() {
    for program in PROGRAMS {
        let (mut cancelled, mut abandoned) = (0, 0);
        for seed in 0..SEEDS {
            let duration = Duration::from_millis(1 + seed);
            let params = ProgramParams { duration_max: Some(duration), ..params(400, seed) };
            let seen = self::program(program.name, &params);
            assert_eq!(seen.state.elapsed(), duration, "{}, seed {seed}", program.name);
            let counters = seen.state.counters();
            assert_eq!((counters.in_flight, counters.queued), (0, 0));
            assert_eq!(counters.claimed, counters.tasks() + counters.abandoned);
            (cancelled, abandoned) = (cancelled + counters.cancelled, abandoned + counters.abandoned);
            assert!(program.name != "guarded" || seen.violation.is_none(), "{:?}", seen.violation);
        }
        match program.name {
            "guarded" => assert!(abandoned == 0 && cancelled > SEEDS, "a guard is dropped here too"),
            "bounded" | "unbounded" => assert!(abandoned > SEEDS && cancelled > SEEDS, "the queue is lost"),
            _ => assert!(abandoned > SEEDS && cancelled == 0),
        }
    }
}

#[test]
fn every_line_that_tells_an_event_is_marked() {
    // The host reports this event itself.
    let hosts = ["run_started", "run_ended", "settled", "source_exhausted"];
    for program in PROGRAMS {
        let marked: BTreeSet<&str> =
            program.source().lines().filter_map(|line| Some(line.split_once(" // page: ")?.1)).collect();
        let mut told = BTreeSet::new();
        // Apart from the end of the time, which no line of a program reports.
        for seed in 0..SEEDS {
            let text = String::from_utf8(lines(program, &params(400, seed))).unwrap();
            told.extend(text.lines().map(|line| {
                let (_, event) = line.split_once(r#""event":""#).unwrap();
                event.split('"').next().unwrap().to_owned()
            }));
        }
        let told: BTreeSet<&str> = told.iter().map(String::as_str).filter(|event| !hosts.contains(event)).collect();
        assert_eq!(marked, told, "{}", program.name);
    }
}

#[test]
fn what_is_right_is_there_and_what_is_unknown_is_named() {
    for program in PROGRAMS {
        if let Some(Right::Program(name)) = program.right {
            assert!(PROGRAMS.iter().any(|other| other.name == name && other.right.is_none()), "{name}");
        }
        assert!(program.source().starts_with("//! "), "{} says what it shows", program.name);
        assert!(program.source().lines().count() <= 60, "{} is short", program.name);
    }
    let error = programs::run("leftpad", &params(1, 0), &mut ()).unwrap_err();
    let expected = "there is no program `leftpad`; there are forgotten, unbounded, bounded, lost_permit, guarded";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn odd_work_is_no_trouble() {
    let odd = [
        vec![],
        vec![SyntheticTask::default(); 50],
        vec![SyntheticTask::default().panic(true); 50],
        vec![SyntheticTask::default().fail(1); 50],
        vec![SyntheticTask::new(1).panic(true), SyntheticTask::new(u64::MAX)],
    ];
    for program in PROGRAMS {
        for (index, work) in odd.iter().enumerate() {
            for limit in [1, 3, 100_000] {
                let params =
                    ProgramParams { limit: nz(limit), work: work.clone(), duration_max: Some(Duration::from_secs(9)) };
                let seen = self::program(program.name, &params);
                assert!(
                    matches!(seen.records.last().unwrap().borrowed().kind, EventKind::RunEnded),
                    "{} {index}",
                    program.name
                );
                assert!(seen.state.elapsed() <= Duration::from_secs(9));
            }
        }
    }
}
