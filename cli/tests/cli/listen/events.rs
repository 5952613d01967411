//! `/events`: everything once, through whatever happens to a connection.

use super::client::{Follower, Message, Server, connect};
use crate::command::{Place, seq, until};

/// How many events are known where this id is the last.
fn known(id: &str) -> u64 {
    id.rsplit('-').next().unwrap().parse().unwrap()
}

fn run_of(id: &str) -> &str {
    id.split('-').nth(1).unwrap()
}

fn idle(server: &Server, done: f64) {
    until("all done", || server.metric("fourfold_tasks_total{ending=\"done\"}") >= done);
}

#[test]
fn a_follower_whose_connection_is_cut_again_and_again_misses_nothing_and_hears_nothing_twice() {
    const TASKS: u32 = 4000;
    let place = Place::new();
    let args = ["run", "-", "-c", "16", "--simulate", "--json", "--backoff", "1ms", "--trace", "trace.jsonl"];
    let mut server = Server::start(&place, &args);
    let mut follower = Follower::open(server.port, None);
    let snapshot = follower.next().unwrap();
    assert_eq!(snapshot.event, "snapshot");
    let first = snapshot.json()["next"].as_u64().unwrap();
    assert_eq!(known(&snapshot.id), first);
    let tasks: String = (0..TASKS).map(|n| format!("{{\"ms\":1,\"fail\":{}}}\n", n % 9 / 8)).collect();
    server.feed(&tasks);
    let mut last_id = snapshot.id;
    let mut lines = Vec::new();
    // However many are read before, and wherever in a line it is cut.
    for (cut, count) in [1_usize, 700, 0, 3, 2500, 40, 1, 1111].into_iter().cycle().take(12).enumerate() {
        for _ in 0..count {
            let Message { event, id, data } = follower.next().unwrap();
            assert_eq!((event.as_str(), run_of(&id)), ("", "1"), "{data}");
            (last_id, lines) = (id, [lines, vec![data]].concat());
        }
        if cut % 2 == 0 {
            follower.line();
        }
        follower.cut();
        follower = Follower::open(server.port, Some(&last_id));
    }
    idle(&server, TASKS.into());
    server.no_more();
    let end = loop {
        let message = follower.next().unwrap();
        if !message.event.is_empty() {
            break message;
        }
        lines.push(message.data);
    };
    assert_eq!((end.event.as_str(), follower.next()), ("end", None));
    let report = server.end().expect(0).report();
    assert_eq!(report["done"], TASKS);
    let trace = place.read("trace.jsonl");
    let expected: Vec<&str> = trace.lines().skip(1 + usize::try_from(first).unwrap()).collect();
    assert!(expected.len() > 4 * TASKS as usize);
    assert_eq!(lines.len(), expected.len());
    assert!(lines == expected, "the same lines in the same order");
}

#[test]
fn what_was_overrun_is_a_gap_that_is_counted_and_a_snapshot() {
    const TASKS: u32 = 30_000;
    let mut server = Server::start(&Place::new(), &["run", "-", "--simulate", "--json"]);
    let mut follower = Follower::open(server.port, None);
    let id = follower.next().unwrap().id;
    follower.cut();
    server.feed(&seq(TASKS));
    idle(&server, TASKS.into());
    let events = server.metric("fourfold_events_total");
    assert!(events > f64::from(1 << 16), "more than the ring holds: {events}");
    let mut follower = Follower::open(server.port, Some(&id));
    let (gap, snapshot) = (follower.next().unwrap(), follower.next().unwrap());
    assert_eq!((gap.event.as_str(), snapshot.event.as_str()), ("gap", "snapshot"));
    let next = snapshot.json()["next"].as_u64().unwrap();
    assert_eq!(gap.json()["missed"].as_u64().unwrap(), next - known(&id));
    assert_eq!(snapshot.json()["state"]["counters"]["done"], TASKS);
    // An id that means nothing here: nobody knows how many were missed.
    let mistaken = format!("{}9", snapshot.id);
    for id in [&b"00000000-1-5"[..], b"nonsense", mistaken.as_bytes(), b"\xff\xfe"] {
        let mut follower = Follower::with_id(connect(server.port), server.port, Some(id));
        let (gap, snapshot) = (follower.next().unwrap(), follower.next().unwrap());
        assert!(gap.event == "gap" && gap.json()["missed"].is_null(), "{gap:?}");
        assert_eq!(snapshot.event, "snapshot");
    }
    // What follows the snapshot follows it without a hole.
    server.feed("7\n");
    let message = follower.next().unwrap();
    assert_eq!((message.json()["seq"].as_u64(), known(&message.id)), (Some(next), next + 1));
    drop(follower);
    server.end().expect(0);
}

#[test]
fn the_four_runs_of_a_comparison_are_one_stream() {
    let server = Server::start(&Place::new(), &["compare", "--tasks", "30", "--json"]);
    let mut follower = Follower::open(server.port, None);
    let snapshot = follower.next().unwrap();
    assert_eq!(snapshot.json()["run"], 1);
    let (mut next, mut run, mut last_id) = (snapshot.json()["next"].as_u64().unwrap(), 1, snapshot.id);
    loop {
        let Some(message) = follower.next() else { panic!("it ended after {last_id}") };
        if message.event == "end" {
            break;
        }
        let event = message.json();
        if event["event"] == "run_started" && event["seq"] == 0 && next > 0 {
            run += 1;
            next = 0;
        }
        assert_eq!((event["seq"].as_u64(), run_of(&message.id)), (Some(next), run.to_string().as_str()), "{message:?}");
        next += 1;
        last_id = message.id;
        if event["event"] == "run_started" || next == 40 {
            follower.cut();
            follower = Follower::open(server.port, Some(&last_id));
        }
    }
    assert_eq!(run, 4);
    assert_eq!(server.end().expect(0).report().as_array().unwrap().len(), 4);
}

#[test]
fn one_that_comes_without_an_id_begins_with_what_is_known() {
    let mut server = Server::start(&Place::new(), &["run", "-", "--simulate", "--json"]);
    server.feed(&seq(100));
    idle(&server, 100.0);
    let mut follower = Follower::open(server.port, None);
    assert_eq!(follower.line().as_deref(), Some("retry: 1000"));
    let snapshot = follower.next().unwrap().json();
    assert_eq!(
        (&snapshot["state"]["counters"]["done"], &snapshot["state"]["next_sequence"]),
        (&100.into(), &snapshot["next"])
    );
    let state: fourfold::metrics::State = serde_json::from_value(snapshot["state"].clone()).unwrap();
    assert_eq!(state.counters().done, 100);
    drop(follower);
    server.end().expect(0);
}

#[test]
fn a_connection_on_which_nothing_happens_shows_that_it_is_alive() {
    let server = Server::start(&Place::new(), &["run", "-", "--simulate", "-q"]);
    let mut follower = Follower::open(server.port, None);
    while !follower.line().unwrap().starts_with(':') {}
    drop(follower);
    server.end().expect(0);
}
