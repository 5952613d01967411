//! A system that has too little of something: fewer tasks at once, and no attempt that counts.

use std::process::Command;

use super::command::{Ended, Place, seq};

/// Runs the command from a shell that limits it first.
fn limited(place: &Place, limit: &str, args: &str) -> Ended {
    let script = format!("{limit}; exec '{}' {args}", env!("CARGO_BIN_EXE_fourfold"));
    Ended::from(Command::new("sh").args(["-c", &script]).current_dir(place.path(".")).output().unwrap())
}

#[test]
fn few_descriptors_mean_fewer_tasks_at_once() {
    let place = Place::new();
    place.write("tasks", seq(100));
    let ended = limited(&place, "ulimit -n 64", "run tasks -c 50 --retries 0 --json --exec sleep 0.05").expect(0);
    let report = ended.report();
    assert_eq!((report["done"].as_u64(), report["attempts"].as_u64()), (Some(100), Some(100)));
    assert_eq!(ended.stderr.matches("has room for").count(), 1, "{}", ended.stderr);
}

#[test]
fn hardly_any_descriptors_are_said_without_a_panic() {
    let place = Place::new();
    place.write("tasks", seq(3));
    for count in 4..40 {
        let ended = limited(&place, &format!("ulimit -n {count}"), "run tasks -c 2 --retries 0 --json --exec true");
        assert!(!ended.stderr.contains("panicked"), "{count}: {}", ended.stderr);
        // Either it works or it says why not; the tasks are never to blame.
        if ended.code == Some(0) {
            assert_eq!(ended.report()["done"], 3, "{count}");
        } else {
            assert!(!ended.stderr.is_empty() && ended.code != Some(1), "{count}: {ended:?}");
        }
    }
}

#[test]
fn long_outputs_without_a_temporary_folder_arrive_whole_and_once() {
    let place = Place::new();
    place.write("tasks", seq(4));
    let args = "run tasks -c 4 --json --exec sh -c 'echo >> begun; seq 20000'";
    let ended = limited(&place, "export TMPDIR=/nonexistent", args).expect(0);
    assert_eq!((ended.report()["attempts"].as_u64(), place.read("begun").lines().count()), (Some(4), 4));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 80_001);
    assert!(lines[..80_000].chunks(20_000).all(|chunk| chunk[0] == "1" && chunk[19_999] == "20000"), "mixed");
    assert_eq!(ended.stderr.matches("temporary file").count(), 1, "{}", ended.stderr);
}

#[test]
fn those_who_watch_give_way_to_tasks() {
    use std::{
        io::{BufReader, Write},
        net::TcpStream,
        process::Stdio,
    };
    let place = Place::new();
    let args = "run - -c 8 --retries 0 --json --listen 127.0.0.1:0 --exec sleep 0.01";
    let script = format!("ulimit -n 64; exec '{}' {args}", env!("CARGO_BIN_EXE_fourfold"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.current_dir(place.path(".")).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let line = super::command::wait_for_line(&mut stderr, "listening on http://");
    let address = line.trim().trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
    let followers: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut follower = TcpStream::connect(&address).unwrap();
            // It may have been closed again: then there is nobody to ask.
            let _ = write!(follower, "GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n");
            follower
        })
        .collect();
    child.stdin.take().unwrap().write_all(seq(200).as_bytes()).unwrap();
    child.stderr = Some(stderr.into_inner());
    let report = Ended::from(child.wait_with_output().unwrap()).expect(0).report();
    assert_eq!((report["done"].as_u64(), report["attempts"].as_u64()), (Some(200), Some(200)));
    drop(followers);
}
