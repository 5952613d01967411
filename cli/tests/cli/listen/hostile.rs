//! Those who ask for more than their share.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use super::client::{Server, connect, send};
use crate::command::{GAP_MAX, Place, longest_gap, until, wait_for_line};

/// A client that sends requests without waiting for their answers, until the server is gone; how many bytes those have.
fn pipeline(port: u16, path: &str) -> Arc<AtomicU64> {
    let received = Arc::new(AtomicU64::new(0));
    let (mut reader, count) = (connect(port), received.clone());
    let mut writer = reader.try_clone().unwrap();
    let requests = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(1000);
    thread::spawn(move || while writer.write_all(requests.as_bytes()).is_ok() {});
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            count.fetch_add(read as u64, SeqCst);
        }
    });
    received
}

#[test]
fn clients_that_ask_without_a_pause_do_not_keep_the_run_from_its_tasks() {
    for path in ["/healthz", "/metrics", "/"] {
        let place = Place::new();
        let args = ["run", "-", "-c", "1", "--simulate", "--json", "--trace", "trace.jsonl"];
        let mut server = Server::start(&place, &args);
        let clients: Vec<_> = (0..6).map(|_| pipeline(server.port, path)).collect();
        let received = || clients.iter().map(|client| client.load(SeqCst)).collect::<Vec<u64>>();
        until("all are answered", || received().iter().all(|count| *count > 0));
        let before = received();
        server.feed(&"{\"ms\":5}\n".repeat(200));
        assert_eq!(server.end().expect(0).report()["done"], 200);
        assert!(received().iter().zip(&before).all(|(after, before)| after > before), "{path}: nobody is left out");
        let gap = longest_gap(&place.read("trace.jsonl"));
        assert!(gap < GAP_MAX, "{path}: {gap} s without an event");
    }
}

/// Sends a head that never ends, a byte at a time; how long the server listens to that.
fn drip(mut stream: TcpStream) -> Duration {
    let start = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nX-Long: ").unwrap();
    loop {
        let read = stream.read(&mut [0; 1024]);
        if read.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
            && stream.write_all(b"x").is_ok()
        {
            continue;
        }
        return start.elapsed();
    }
}

#[test]
fn heads_that_come_in_drips_have_an_end_and_keep_nobody_from_health() {
    let server = Server::start(&Place::new(), &["run", "-", "--simulate", "-q"]);
    let port = server.port;
    let dripping: Vec<_> = (0..80).map(|_| connect(port)).map(|stream| thread::spawn(move || drip(stream))).collect();
    until("no seat is free but for health", || server.get("/").status == 503);
    assert_eq!((server.get("/healthz").status, server.get("/metrics").status), (200, 200));
    for dripping in dripping {
        let listened = dripping.join().unwrap();
        assert!(listened < Duration::from_secs(40), "{listened:?}");
    }
    assert_eq!(server.get("/").status, 200);
    server.end().expect(0);
}

#[test]
fn connections_leave_descriptors_to_tasks() {
    let place = Place::new();
    let mut command = std::process::Command::new("sh");
    let run = "ulimit -n 64; exec \"$0\" run - --retries 0 --json --listen 127.0.0.1:0 --exec true";
    command.args(["-c", run, env!("CARGO_BIN_EXE_fourfold")]).current_dir(place.path(""));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let line = wait_for_line(&mut stderr, "listening on http://127.0.0.1:");
    let port: u16 = line.trim().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    let followers: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(port);
            // It may have been turned away already.
            let _ = stream.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream
        })
        .collect();
    // The last of them has been decided about once another one has its answer.
    let mut health = connect(port);
    send(&mut health, "GET", "/healthz", &["Host: localhost", "Connection: close"]);
    let mut answer = String::new();
    let _ = health.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    child.stdin.take().unwrap().write_all(b"1\n".repeat(200).as_slice()).unwrap();
    let ended = crate::command::Ended::from(child.wait_with_output().unwrap()).expect(0);
    assert_eq!((&ended.report()["done"], &ended.report()["failed"]), (&200.into(), &0.into()));
    drop(followers);
}
