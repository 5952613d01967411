//! `--journal` and `--resume`: a run that goes on where an earlier one stopped, however it stopped.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use rustix::process::Signal;
use serde_json::Value;

use super::command::{Ended, Place, seq, signal, sorted, until};

/// The lines that a journal knows, and how they ended.
fn known(place: &Place) -> Vec<(u64, String)> {
    let text = std::fs::read(place.path("journal")).unwrap_or_default();
    // The last line may be torn.
    let whole = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).skip(1);
    let entries = whole.map(|line| serde_json::from_slice::<Value>(line).unwrap());
    entries.map(|entry| (entry["line"].as_u64().unwrap(), entry["end"].as_str().unwrap().to_owned())).collect()
}

fn lines_of(place: &Place, name: &str) -> Vec<u64> {
    let text = std::fs::read_to_string(place.path(name)).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

const RESUME: [&str; 5] = ["run", "tasks", "--journal", "journal", "--resume"];

#[test]
fn after_a_kill_nothing_that_is_done_runs_again_and_nothing_is_lost() {
    let kills = if std::env::var_os("FULL").is_some() { 200 } else { 20 };
    let seed = std::env::var("FOURFOLD_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut seed: u64 = seed.unwrap_or_else(|| std::process::id().into());
    println!("FOURFOLD_SEED={seed}");
    let mut below = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    let tasks = kills * 30;
    let place = Place::new();
    place.write("tasks", seq(tasks));
    place.script("work", "echo $1 >> started");
    let args = [&RESUME[..], &["-c", "4", "-q", "--exec", "./work", "{}"]].concat();
    let mut done = BTreeSet::new();
    let mut killed = 0;
    for _ in 0..kills {
        let before = lines_of(&place, "started").len();
        let wanted = before + below(20) as usize;
        let mut child = place.command(&args).stdout(Stdio::null()).spawn().unwrap();
        while lines_of(&place, "started").len() <= wanted && child.try_wait().unwrap().is_none() {
            // A moment that depends on nothing else.
            (0..below(10_000)).for_each(|_| std::hint::spin_loop());
        }
        if child.try_wait().unwrap().is_none() {
            signal(&child, Signal::KILL);
            killed += 1;
        }
        child.wait().unwrap();
        let again: Vec<u64> = lines_of(&place, "started").split_off(before);
        let again: Vec<_> = again.into_iter().filter(|task| done.contains(task)).collect();
        assert!(again.is_empty(), "these were known to be done: {again:?}");
        done = known(&place).into_iter().map(|(line, _)| line).collect();
    }
    let before = lines_of(&place, "started").len();
    place.run(&args).expect(0);
    assert!(lines_of(&place, "started").split_off(before).iter().all(|task| !done.contains(task)));
    let all: BTreeSet<u64> = (1..=u64::from(tasks)).collect();
    assert_eq!(lines_of(&place, "started").into_iter().collect::<BTreeSet<_>>(), all, "started");
    assert_eq!(known(&place).len(), all.len(), "recorded, each once");
    assert!(killed > kills / 2, "{killed}");
}

#[test]
fn the_dead_are_skipped_or_repeated_and_the_exit_code_is_that_of_one_run() {
    let place = Place::new();
    place.write("tasks", "1\n2\n?\n4\n");
    let work = ["--retries", "0", "--dead", "dead", "--results", "results", "-c", "1", "-q", "--exec", "sh", "-c"];
    let fails_on_even = "echo $1 >> started; [ $(($1 % 2)) = 1 ] || [ -e mended ]";
    let run = |flag: &str| {
        let args = [&["run", "tasks", "--journal", "journal", flag][..], &work, &[fails_on_even, "sh", "{}"]].concat();
        place.run(&args)
    };
    let ended = run("--resume").expect(1);
    assert!(!ended.stderr.contains("before"), "{}", ended.stderr);
    let mut ends = known(&place);
    ends.sort_unstable();
    assert_eq!(ends.iter().map(|(_, end)| end.as_str()).collect::<Vec<_>>(), ["done", "dead", "malformed", "dead"]);
    // Nothing is left to do, and what was lost stays lost.
    let ended = run("--resume").expect(1);
    assert!(ended.stderr.contains("1 tasks were done and 3 were dead before"), "{}", ended.stderr);
    assert_eq!(lines_of(&place, "started"), [1, 2, 4]);
    assert_eq!((place.read("dead").lines().count(), place.read("results").lines().count()), (3, 4), "they are kept");
    place.write("mended", "");
    run("--resume-failed").expect(1);
    assert_eq!(lines_of(&place, "started"), [1, 2, 4, 2, 4]);
    run("--resume").expect(1);
    assert_eq!(lines_of(&place, "started").len(), 5);
    place.write("tasks", "1\n2\n3\n4\n");
    run("--resume-failed").says(&["line 3 of tasks has changed", "--journal journal"]);
}

#[test]
fn what_does_not_fit_the_journal_is_refused() {
    let place = Place::new();
    place.write("tasks", "1\n2\n");
    place.write("others", "1\n2\n");
    place.run(&[&RESUME[..], &["--simulate"]].concat()).expect(0);
    let journal = place.read("journal");
    let without = ["run", "tasks", "--journal", "journal", "--simulate"];
    place.run(&without).expect(2).says(&["--journal journal", "--resume goes on with it"]);
    let others = ["run", "others", "--journal", "journal", "--resume", "--simulate"];
    place.run(&others).expect(2).says(&["it is about", "/tasks", "/others"]);
    place.run(&[&RESUME[..], &["--lines", "--simulate"]].concat()).expect(2).says(&["lines of text"]);
    let redis = ["run", "redis://127.0.0.1:1/0?list=a", "--journal", "journal", "--simulate"];
    place.run(&redis).expect(2).says(&["--journal", "keeps its own record"]);
    place.run(&["run", "tasks", "--resume", "--simulate"]).expect(2).says(&["--resume needs", "--journal"]);
    place.run(&[&RESUME[..], &["--follow", "--simulate"]].concat()).expect(2).says(&["--journal", "--follow"]);
    assert_eq!(place.read("journal"), journal, "nothing of that has touched it");
    // A line that changed ends the run, and is named.
    place.write("tasks", "1\n3\n");
    place.run(&[&RESUME[..], &["--simulate"]].concat()).expect(3).says(&["line 2 of tasks has changed"]);
    place.write("journal", format!("{journal}what\n"));
    place.run(&[&RESUME[..], &["--simulate"]].concat()).expect(2).says(&["its line 4 is no record"]);
}

#[test]
fn a_line_that_a_crash_has_torn_is_none() {
    let place = Place::new();
    place.write("tasks", seq(3));
    let args = [&RESUME[..], &["-c", "1", "--exec", "sh", "-c", "echo $1 >> started", "sh", "{}"]].concat();
    place.run(&args).expect(0);
    let journal = place.read("journal");
    for torn in [journal.len() - 1, journal.len() - 30] {
        place.write("journal", &journal[..torn]);
        place.write("started", "");
        place.run(&args).expect(0);
        assert_eq!(lines_of(&place, "started"), [3]);
        assert_eq!(place.read("journal"), journal);
    }
}

#[test]
fn standard_input_goes_by_position_and_text_is_known_again() {
    let place = Place::new();
    let args = ["run", "-0", "-", "--journal", "journal", "--resume", "-c", "1", "-q", "--exec", "printf", "%s,", "{}"];
    let ended = place.feed(&[&args[..6], &["--max-tasks", "2"], &args[6..]].concat(), b"a\nb\0 c\0d\0").expect(0);
    assert_eq!(ended.stdout, "a\nb, c,");
    let ended = place.feed(&args, b"a\nb\0 c\0d\0e\0").expect(0);
    assert_eq!(ended.stdout, "d,e,");
    place.feed(&args, b"a\nb\0c\0").expect(3).says(&["line 2 of standard input has changed"]);
}

#[test]
fn the_rest_of_a_resumed_run_has_nothing_that_is_done() {
    let place = Place::new();
    place.write("tasks", seq(6));
    let args = ["-c", "1", "--max-tasks", "2", "--rest", "rest", "--json", "--simulate"];
    for (left, rest) in [(4, "3\n4\n5\n6\n"), (2, "5\n6\n"), (0, "")] {
        let ended: Ended = place.run(&[&RESUME[..], &args].concat()).expect(0);
        assert_eq!((ended.report()["left"].as_u64(), place.read("rest").as_str()), (Some(left), rest));
    }
    assert_eq!(sorted(&place.read("journal")).len(), 7);
}

#[test]
fn two_runs_cannot_write_to_one_journal() {
    let place = Place::new();
    place.write("tasks", "1\n");
    let script = "touch begun; until [ -e end ]; do sleep 0.01; done";
    let args = [&RESUME[..], &["--exec", "sh", "-c", script]].concat();
    let mut first = place.command(&args).spawn().unwrap();
    until("it has begun", || place.path("begun").exists());
    place.run(&args).expect(2).says(&["--journal journal", "another run is writing to it"]);
    place.write("end", "");
    assert!(first.wait().unwrap().success());
}

#[test]
fn what_is_no_regular_file_or_no_journal_is_refused_whatever_its_size() {
    let place = Place::new();
    place.write("tasks", seq(3));
    assert!(Command::new("mkfifo").arg(place.path("fifo")).status().unwrap().success());
    for path in ["fifo", "/dev/full", "/dev/null", "/dev/zero"] {
        let args = ["run", "tasks", "--journal", path, "--resume", "--simulate"];
        place.run(&args).expect(2).says(&["--journal", path, "regular file"]);
    }
    let zeros = std::fs::File::create(place.path("zeros")).unwrap();
    // It has no bytes on the disk, and more than memory has.
    zeros.set_len(1 << 42).unwrap();
    let args = ["run", "tasks", "--journal", "zeros", "--resume", "--simulate"];
    place.run(&args).expect(2).says(&["--journal zeros", "line 1 is longer than"]);
}
