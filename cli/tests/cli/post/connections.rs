//! Connections are kept, found dead, and never more than there are permits.

use super::server::{Answer, Server, reply};
use crate::command::{Place, seq};

fn done(server: &Server, tasks: u32, more: &[&str]) -> serde_json::Value {
    let place = Place::new();
    place.write("tasks", seq(tasks));
    let url = server.url();
    let args = [&["run", "tasks", "--json", "--retries", "0", "--post", &url], more].concat();
    let report = place.run(&args).expect(0).report();
    assert_eq!(report["done"], tasks);
    let mut expected: Vec<String> = (1..=tasks).map(|n| n.to_string()).collect();
    expected.sort_unstable();
    assert_eq!(server.bodies(), expected);
    report
}

#[test]
fn there_is_a_connection_per_permit_and_no_more() {
    for limit in [1, 5, 40] {
        let server = Server::start(|_| reply("200 OK", "thanks"));
        let report = done(&server, 2000, &["-c", &limit.to_string()]);
        assert_eq!(report["peak_in_flight"], limit);
        assert!((1..=limit).contains(&server.connections()), "{limit}: {}", server.connections());
    }
}

#[test]
fn a_connection_survives_failures_and_chunks() {
    let server = Server::start(|request| match request.number % 3 {
        // Once a task at most: a retry may come at every third request again and again.
        0 if request.attempt() == 1 => reply("500 Oh", "not today"),
        0 | 1 => Answer::Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".into()),
        _ => Answer::Say("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n".into()),
    });
    let place = Place::new();
    place.write("tasks", seq(30));
    let args = ["run", "tasks", "-c", "1", "--json", "--retries", "9", "--backoff", "1ms", "--post", &server.url()];
    assert_eq!(place.run(&args).expect(0).report()["done"], 30);
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_connection_that_the_server_closes_is_not_used_again() {
    // It says so.
    let server = Server::start(|_| {
        Answer::SayAndClose("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok".into())
    });
    done(&server, 50, &["-c", "4"]);
    assert_eq!(server.connections(), 50);
}

#[test]
fn a_connection_that_was_closed_while_idle_fails_nobody() {
    // It does not say so. The second task comes long after: the rate sees to that.
    for reset in [false, true] {
        let server = Server::start(move |_| {
            let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned();
            if reset { Answer::SayAndReset(text) } else { Answer::SayAndClose(text) }
        });
        let report = done(&server, 5, &["-c", "1", "--rate", "5/s"]);
        assert_eq!((report["failed"].as_u64(), server.connections()), (Some(0), 5));
    }
}

#[test]
fn long_tasks_arrive_whole_and_at_once() {
    let server = Server::start(|_| reply("200 OK", ""));
    let place = Place::new();
    let text = format!("\"{}\"", "x".repeat(3_000_000));
    place.write("tasks", format!("{text}\n").repeat(4));
    let args = ["run", "tasks", "--json", "--post", &server.url()];
    let report = place.run(&args).expect(0).report();
    assert_eq!((report["done"].as_u64(), report["failed"].as_u64()), (Some(4), Some(0)));
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.body == text && !request.headers.contains_key("expect")));
}
