//! Those who do not read what they asked for.

use std::{fs, net::TcpStream};

use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::client::{Follower, Server, connect, send};
use crate::command::{Place, seq, until};

/// What the process has in memory, in bytes.
fn memory(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn narrow(port: u16) -> TcpStream {
    let stream = connect(port);
    set_socket_recv_buffer_size(&stream, 65536).unwrap();
    stream
}

#[test]
fn a_follower_that_does_not_read_holds_nobody_up_and_is_told_what_it_missed() {
    const TASKS: u32 = 80_000;
    let mut server = Server::start(&Place::new(), &["run", "-", "--simulate", "--json"]);
    let mut sleepers: Vec<Follower> = (0..4).map(|_| Follower::over(narrow(server.port), server.port, None)).collect();
    let before = memory(&server);
    server.feed(&seq(TASKS));
    until("all done", || server.metric("fourfold_tasks_total{ending=\"done\"}") >= f64::from(TASKS));
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 64 << 20, "{} MiB more than before", grown >> 20);
    // Now it reads: what it had been sent, a gap, the state as it is, and nothing is unaccounted for.
    let mut slow = sleepers.pop().unwrap();
    let (mut next, mut gaps) = (slow.next().unwrap().json()["next"].as_u64().unwrap(), 0);
    let total = server.metric("fourfold_events_total") as u64;
    while next < total {
        let message = slow.next().unwrap();
        match message.event.as_str() {
            "" => {
                assert_eq!(message.json()["seq"], next);
                next += 1;
            }
            "gap" => {
                gaps += 1;
                next += message.json()["missed"].as_u64().unwrap();
                let snapshot = slow.next().unwrap();
                assert_eq!((snapshot.event.as_str(), snapshot.json()["next"].as_u64()), ("snapshot", Some(next)));
            }
            other => panic!("{other}"),
        }
    }
    assert!(gaps > 0 && next == total, "{gaps} gaps, {next} of {total}");
    drop(slow);
    // The others never read; the process ends all the same.
    assert_eq!(server.end().expect(0).report()["done"], TASKS);
}

#[test]
fn connections_are_counted_and_one_too_many_is_turned_away() {
    let server = Server::start(&Place::new(), &["run", "-", "--simulate", "-q"]);
    let idle: Vec<TcpStream> = (0..64).map(|_| connect(server.port)).collect();
    until("the last of them is accepted", || {
        let mut one_more = connect(server.port);
        send(&mut one_more, "GET", "/", &["Host: localhost", "Connection: close"]);
        let mut answer = String::new();
        // It may be closed before the request is read.
        let _ = std::io::Read::read_to_string(&mut one_more, &mut answer);
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After")
    });
    assert_eq!(
        (server.get("/healthz").status, server.get("/metrics").status),
        (200, 200),
        "health has seats of its own"
    );
    drop(idle);
    until("there is room again", || {
        let mut stream = connect(server.port);
        send(&mut stream, "GET", "/", &["Host: localhost", "Connection: close"]);
        let mut answer = String::new();
        let _ = std::io::Read::read_to_string(&mut stream, &mut answer);
        answer.starts_with("HTTP/1.1 200 ")
    });
    server.end().expect(0);
}
