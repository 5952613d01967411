//! Going through a run: any place in its timeline is what the events up to there come to; forks; the same on every machine.
#![cfg(feature = "trace")]
#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use std::{num::NonZeroUsize, time::Duration};

use fourfold::{
    Attempt, Config, Event, Pattern, Rate, Retry, TaskId,
    check::Invariants,
    clock::Time,
    event::{EventKind, OwnedEvent, observer_fn},
    metrics::{RunPhase, State, TimeBucket, Timeline},
    sim::{Intervention, Simulation, SyntheticTask, WorkloadSpec},
    trace::{self, Form},
};

use crate::common::*;

/// A run with something done to it on the way.
fn draw(random: &mut Random, pattern: Pattern) -> Simulation {
    let limit = nz(1 + random.below(12) as usize);
    let mut config = Config::new(pattern, limit);
    config.batch_size = random.one_in(2).then(|| 1 + random.below(20) as usize);
    config.queue_capacity = random.one_in(2).then(|| 1 + random.below(20) as usize);
    config.workers = random.one_in(3).then(|| 1 + random.below(12) as usize);
    config.retry = Retry::new(random.below(4) as u32);
    config.timeout = random.one_in(3).then(|| ms(20 + random.below(100)));
    config.rate = if random.one_in(4) { Rate::per_second(200.0) } else { None };
    config.grace = random.one_in(2).then(|| ms(random.below(60)));
    config.seed = random.next();
    let mut simulation = Simulation::new(config, 20 + random.below(80));
    let mut after = 0;
    for _ in 0..random.below(5) {
        after += random.below(60);
        let task = TaskId(random.below(100));
        let intervention = match random.below(9) {
            8 => Intervention::Cancel(task),
            0 => Intervention::Drain,
            1 => Intervention::Fail(task),
            2 => Intervention::Panic(task),
            3 => Intervention::Slow { task, by: ms(300) },
            4 => Intervention::Burst(30),
            5 => Intervention::Configure(config.retry(Retry::NEVER).batch_size(nz(3))),
            6 => Intervention::Abort,
            _ => Intervention::Limit(nz(1 + random.below(12) as usize)),
        };
        simulation = simulation.fork(after, intervention);
    }
    simulation
}

fn records(simulation: &Simulation) -> Vec<OwnedEvent> {
    let mut records = Vec::new();
    // That a group may fail is part of it.
    let _ = simulation.run(&mut observer_fn(|event| records.push(OwnedEvent::from(event))));
    records
}

fn lines(simulation: &Simulation) -> Vec<u8> {
    let mut text = Vec::new();
    trace::Lines.begin(&mut text);
    let _ = simulation.run(&mut observer_fn(|event| trace::Lines.event(event, &mut text)));
    text
}

fn fold<'a>(records: impl IntoIterator<Item = &'a OwnedEvent>) -> State {
    let mut state = State::new();
    records.into_iter().for_each(|record| state.apply(&record.borrowed()));
    state
}

#[test]
fn any_place_is_what_the_events_up_to_there_come_to() {
    for seed in 0..60 {
        let mut random = Random(seed);
        for pattern in Pattern::ALL {
            let simulation = draw(&mut random, pattern);
            let records = records(&simulation);
            let mut timeline = Timeline::new().keyframe_every(nz(1 + random.below(40) as usize));
            records.iter().for_each(|record| timeline.push(&record.borrowed()));
            let end = records.last().unwrap().borrowed().at.as_nanos();
            for _ in 0..20 {
                let at = Time::from_nanos(random.below(end + end / 10 + 1));
                timeline.seek(at);
                let expected = fold(records.iter().filter(|record| record.borrowed().at <= at));
                assert_eq!(timeline.state(), &expected, "seed {seed}, {pattern}, at {at}");
                assert_eq!(timeline.digest(), expected.digest());
                let position = random.below(records.len() as u64 + 1);
                timeline.seek_to(position);
                let expected = fold(&records[..position as usize]);
                assert_eq!((timeline.position(), timeline.digest()), (position, expected.digest()), "seed {seed}");
            }
        }
    }
}

#[test]
fn steps_go_back_the_way_they_came() {
    for pattern in Pattern::ALL {
        let records = records(&draw(&mut Random(3), pattern));
        let mut timeline = Timeline::new().keyframe_every(nz(10));
        records.iter().for_each(|record| timeline.push(&record.borrowed()));
        assert!(!timeline.step_back(), "there is nothing before the start");
        let mut digests = vec![timeline.digest()];
        while timeline.step() {
            digests.push(timeline.digest());
        }
        assert_eq!(digests.len(), records.len() + 1);
        assert_eq!(timeline.state(), timeline.last_state());
        for digest in digests.iter().rev().skip(1) {
            assert!(timeline.step_back());
            assert_eq!(timeline.digest(), *digest);
        }
        assert_eq!(timeline.state(), &State::new());
    }
}

#[test]
fn notable_events_are_all_met_in_both_directions() {
    for pattern in Pattern::ALL {
        let records = records(&draw(&mut Random(8), pattern));
        let notable = |record: &OwnedEvent| record.borrowed().kind.is_notable();
        let expected: Vec<u64> = (1..).zip(&records).filter(|(_, record)| notable(record)).map(|(at, _)| at).collect();
        assert!(expected.len() > 5, "{pattern}");
        let mut timeline = Timeline::new().keyframe_every(nz(7));
        records.iter().for_each(|record| timeline.push(&record.borrowed()));
        let mut met = Vec::new();
        while timeline.next_notable() {
            met.push(timeline.position());
        }
        assert_eq!(met, expected);
        assert_eq!(timeline.position(), timeline.end());
        let mut back = vec![*met.last().unwrap()];
        timeline.seek_to(back[0]);
        while timeline.previous_notable() {
            back.push(timeline.position());
        }
        back.reverse();
        assert_eq!((back, timeline.position()), (expected, 0));
    }
}

#[test]
fn a_long_run_keeps_its_latest_events_and_seeks_among_them() {
    let records = records(&Simulation::new(Config::default(), 2000));
    let mut timeline = Timeline::with_capacity(nz(1000)).keyframe_every(nz(100));
    for record in &records {
        timeline.push(&record.borrowed());
        let kept = timeline.end() - timeline.start();
        assert!(kept <= 1000 && timeline.position() >= timeline.start());
    }
    assert_eq!(timeline.end(), records.len() as u64);
    assert!(timeline.end() - timeline.start() > 800);
    assert_eq!(timeline.event(timeline.start() - 1), None);
    timeline.seek(Time::ZERO);
    assert_eq!(timeline.position(), timeline.start());
    let first = timeline.start() as usize;
    assert_eq!(timeline.digest(), fold(&records[..first]).digest());
    timeline.seek_to(u64::MAX);
    assert_eq!(timeline.state(), &fold(&records));
}

#[test]
fn a_timeline_goes_on_from_somebody_elses_state() {
    let records = records(&Simulation::new(Config::default(), 200));
    let (past, future) = records.split_at(300);
    let mut timeline = Timeline::from_state(fold(past));
    future.iter().for_each(|record| timeline.push(&record.borrowed()));
    timeline.seek_end();
    assert_eq!((timeline.state(), timeline.state().missed()), (&fold(&records), 0));
}

#[test]
fn a_million_events_take_bounded_memory() {
    let mut timeline = Timeline::new();
    let config = Config::new(Pattern::WorkerPool, nz(64)).seed(1);
    let taken = allocation_counter::measure(|| {
        Simulation::new(config, 240_000).run(&mut timeline).unwrap();
    });
    let events = timeline.end();
    assert!(events >= 1_000_000, "{events}");
    let per_event = taken.bytes_current as u64 / events;
    // 80 for the event, some for the spare room of its vector, the rest for the states kept.
    assert!(per_event <= 140, "{per_event} bytes");
    timeline.seek(Time::from_nanos(timeline.last_state().at().as_nanos() / 2));
    assert!(timeline.position() > events / 3 && timeline.position() < events * 2 / 3);
}

#[test]
fn gaps_are_counted_and_nothing_panics() {
    let records = records(&draw(&mut Random(5), Pattern::WorkerPool));
    for seed in 0..200 {
        let mut random = Random(seed);
        let (mut state, mut invariants, mut lost) = (State::new(), Invariants::new(), 0);
        let mut events: Vec<Event<&str>> = records.iter().map(OwnedEvent::borrowed).collect();
        if random.one_in(2) {
            // In any order at all.
            for at in (1..events.len()).rev() {
                events.swap(at, random.below(at as u64 + 1) as usize);
            }
        }
        for event in &events {
            if random.one_in(20) {
                lost += 1;
                continue;
            }
            state.apply(event);
            invariants.check(event);
        }
        assert!(lost == 0 || state.missed() > 0);
        assert!(lost == 0 || invariants.violation().is_some() || !invariants.is_complete());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let mut sizes = 0;
    for pattern in Pattern::ALL {
        for seed in 0..50 {
            let config = Config::new(pattern, NonZeroUsize::new(5).unwrap()).seed(seed);
            let simulation = Simulation::new(config, 100);
            let text = lines(&simulation);
            assert!(text == lines(&simulation), "{pattern}, seed {seed}");
            sizes += text.len();
        }
    }
    assert!(sizes > 200 * 20_000);
}

#[test]
fn a_trace_says_what_was_observed() {
    for pattern in Pattern::ALL {
        for seed in 0..20 {
            let simulation = draw(&mut Random(seed), pattern);
            let (records, text) = (records(&simulation), lines(&simulation));
            let mut reader = trace::Reader::new(text.as_slice()).unwrap();
            let mut read = Vec::new();
            while let Some(record) = reader.read(|event| OwnedEvent::from(event)).unwrap() {
                read.push(record);
            }
            assert_eq!(read, records);
            let mut invariants = Invariants::new();
            read.iter().for_each(|record| invariants.check(&record.borrowed()));
            assert_eq!((invariants.violation(), invariants.is_complete()), (None, true), "{pattern}, seed {seed}");
        }
    }
}

#[test]
fn a_state_goes_on_where_its_snapshot_was_taken() {
    let records = records(&draw(&mut Random(4), Pattern::SemaphoreBatch));
    for at in (0..records.len()).step_by(37) {
        let (past, future) = records.split_at(at);
        let text = serde_json::to_string(&fold(past)).unwrap();
        let mut state: State = serde_json::from_str(&text).unwrap();
        assert_eq!(state, fold(past));
        future.iter().for_each(|record| state.apply(&record.borrowed()));
        assert_eq!(state.digest(), fold(&records).digest());
    }
    for bad in [r#""width_ns":0"#, r#""buckets":[[99999,1]]"#] {
        let (key, _) = bad.split_once(':').unwrap();
        let good = serde_json::to_string(&fold(&records)).unwrap();
        let at = good.find(key).unwrap();
        let end = at + good[at..].find(if key.contains("width") { ',' } else { '}' }).unwrap();
        let text = format!("{}{bad}{}", &good[..at], &good[end..]);
        assert!(serde_json::from_str::<State>(&text).is_err(), "{bad}");
    }
}

#[test]
fn the_columns_of_a_run_are_what_its_events_say() {
    for seed in 0..40 {
        let mut random = Random(seed);
        for pattern in Pattern::ALL {
            let records = records(&draw(&mut random, pattern));
            let mut timeline = Timeline::new().keyframe_every(nz(1 + random.below(30) as usize));
            records.iter().for_each(|record| timeline.push(&record.borrowed()));
            let end = timeline.last_state().at().as_nanos();
            let [from, to] = [random.below(end / 2 + 1), end / 2 + random.below(end)].map(Time::from_nanos);
            let columns = timeline.series(from, to, nz(1 + random.below(50) as usize));
            let width: Duration = columns.iter().map(|column| column.width).sum();
            assert_eq!(width, to.since(from), "they cover all of it");
            check_columns(&columns, &records, from, to, &format!("seed {seed}, {pattern}"));
        }
    }
}

/// The same once more, from state to state.
fn check_columns(columns: &[TimeBucket], records: &[OwnedEvent], from: Time, to: Time, what: &str) {
    let mut state = State::new();
    let [mut in_flight_ns, mut queued_ns, mut permits_ns] = [0_u128; 3];
    let [mut ended, mut failed, mut retried, mut starts] = [0_u64; 4];
    let mut most = 0;
    for record in records {
        let event = record.borrowed();
        let (begin, end) = (state.at().max(from), event.at.min(to));
        if matches!(state.phase(), RunPhase::Running | RunPhase::Draining | RunPhase::Aborting) && end > begin {
            let ns = end.since(begin).as_nanos();
            in_flight_ns += ns * u128::from(state.counters().in_flight);
            queued_ns += ns * u128::from(state.counters().queued);
            permits_ns += ns * state.limit() as u128;
            most = most.max(state.counters().in_flight);
        }
        let before = *state.counters();
        state.apply(&event);
        if event.at >= from && event.at <= to {
            ended += state.counters().tasks() - before.tasks();
            retried += state.counters().retried - before.retried;
            starts += u64::from(matches!(event.kind, EventKind::Started { .. }));
            most = most.max(state.counters().in_flight);
            if let EventKind::Ended { outcome, .. } = event.kind {
                failed += u64::from(outcome.is_failure());
            }
        }
    }
    let sum = |of: fn(&TimeBucket) -> u128| columns.iter().map(of).sum::<u128>();
    assert_eq!(sum(|column| column.in_flight_ns), in_flight_ns, "{what}");
    assert_eq!(sum(|column| column.queued_ns), queued_ns, "{what}");
    assert_eq!(sum(|column| column.permits_ns), permits_ns, "{what}");
    assert_eq!(sum(|column| column.ended.into()), ended.into(), "{what}");
    assert_eq!(sum(|column| column.failed.into()), failed.into(), "{what}");
    assert_eq!(sum(|column| column.retried.into()), retried.into(), "{what}");
    assert_eq!(columns.iter().map(|column| column.in_flight_max).max(), Some(most), "{what}");
    assert_eq!(columns.iter().any(|column| column.wait.is_some()), starts > 0, "{what}");
    assert!(columns.iter().filter_map(|column| column.service).all(|[p50, p99]| p50 <= p99), "{what}");
}

#[test]
fn tasks_that_are_written_down_come_first_and_a_burst_is_drawn() {
    let simulation =
        Simulation::new(Config::default().seed(3), 9).listed(&[SyntheticTask::new(70), SyntheticTask::new(1)]);
    assert_eq!((simulation.tasks, simulation.work(TaskId(0))), (2, SyntheticTask::new(70)));
    assert_eq!(simulation.work(TaskId(5)), WorkloadSpec::default().draw(3, TaskId(5)));
    let state = fold(&records(&simulation.fork(0, Intervention::Burst(3))));
    assert_eq!(state.counters().done, 5);
    assert!(state.elapsed() >= ms(70));
}

#[test]
fn without_jitter_those_that_failed_together_come_back_together() {
    let together = |jitter| {
        let retry = Retry::default().jitter(jitter).base(ms(100));
        let config = Config::new(Pattern::TaskSet, nz(20)).retry(retry);
        let fails_once = [SyntheticTask::new(10).fail(1); 20];
        let records = records(&Simulation::new(config, 0).listed(&fails_once));
        let again = records.iter().filter_map(|record| match record.borrowed() {
            Event { at, kind: EventKind::Claimed { attempt, .. }, .. } if attempt > Attempt::FIRST => Some(at),
            _ => None,
        });
        again.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(together(false), 1);
    assert!(together(true) > 15);
}

#[test]
fn a_cancelled_task_ends_cancelled_whatever_it_was_doing() {
    for pattern in Pattern::ALL {
        let config = Config::new(pattern, nz(3)).seed(5);
        let work = [SyntheticTask::new(50); 9];
        let simulation = Simulation::new(config, 0).listed(&work);
        let before = records(&simulation);
        // At every event: while it waits, while it runs, after it has ended.
        for after in 0..before.len() as u64 {
            let state = fold(&records(&simulation.fork(after, Intervention::Cancel(TaskId(4)))));
            let counters = state.counters();
            assert_eq!(
                (counters.done + counters.dead, counters.cancelled),
                (9, counters.dead),
                "{pattern}, after {after}"
            );
            let ended =
                |record: &OwnedEvent| matches!(record.borrowed().kind, EventKind::Ended { task: TaskId(4), .. });
            let is_late = before[..after as usize].iter().any(ended);
            assert_eq!(counters.cancelled, u64::from(!is_late), "{pattern}, after {after}");
        }
    }
}

#[test]
fn a_task_that_is_held_up_can_still_be_cancelled() {
    let config = Config::new(Pattern::WorkerPool, nz(1));
    let simulation = Simulation::new(config, 0).listed(&[SyntheticTask::new(10), SyntheticTask::default()]);
    let slow = Intervention::Slow { task: TaskId(0), by: Duration::from_secs(600) };
    let started =
        records(&simulation).iter().position(|record| matches!(record.borrowed().kind, EventKind::Started { .. }));
    let after = started.unwrap() as u64 + 1;
    // Once it takes its extra time, nothing happens but a change of the limit.
    let simulation = simulation.fork(after, slow).fork(after, Intervention::Cancel(TaskId(0)));
    let state = fold(&records(&simulation));
    assert_eq!((state.counters().cancelled, state.counters().done), (1, 1));
    assert!(state.elapsed() < ms(20));
}

#[test]
fn a_fork_is_the_same_up_to_there_and_another_one_from_there_on() {
    let config = |pattern| Config::new(pattern, nz(4)).seed(11);
    for pattern in Pattern::ALL {
        let simulation = Simulation::new(config(pattern), 60);
        let before = records(&simulation);
        let started = |task| {
            let is_start = |record: &OwnedEvent| matches!(record.borrowed().kind, EventKind::Started { task: started, .. } if started == TaskId(task));
            before.iter().position(is_start).unwrap() as u64 + 1
        };
        let after = started(20);
        for intervention in [
            Intervention::Configure(Config::new(pattern, nz(9)).retry(Retry::NEVER)),
            Intervention::Limit(nz(1)),
            Intervention::Drain,
            Intervention::Abort,
            Intervention::Fail(TaskId(20)),
            Intervention::Panic(TaskId(20)),
            Intervention::Cancel(TaskId(20)),
            Intervention::Slow { task: TaskId(20), by: ms(5000) },
            Intervention::Burst(10),
        ] {
            let fork = records(&simulation.fork(after, intervention));
            let shared = after as usize;
            assert_eq!(before[..shared], fork[..shared], "{pattern}, {intervention:?}");
            assert_ne!(before[shared..], fork[shared..], "{pattern}, {intervention:?}");
            let report = fold(&fork).report();
            let counters = report.counters;
            match intervention {
                Intervention::Configure(config) => assert_eq!(report.limit, config.limit),
                Intervention::Limit(limit) => assert_eq!(report.limit, limit.get()),
                Intervention::Drain => assert!(counters.done < 60 && counters.cancelled == 0),
                Intervention::Abort => assert!(counters.cancelled > 0),
                Intervention::Fail(_) => assert_eq!(counters.failed, fold(&before).counters().failed + 1),
                Intervention::Panic(_) => assert_eq!(counters.panicked, 1),
                Intervention::Cancel(_) => assert_eq!((counters.cancelled, counters.dead, counters.done), (1, 1, 59)),
                Intervention::Slow { .. } => assert!(report.elapsed > ms(5000)),
                Intervention::Burst(_) => assert_eq!(counters.done, 70),
            }
        }
    }
}
