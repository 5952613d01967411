//! What the server says decides.

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::server::{Answer, Server, reply, reply_with};
use crate::command::{Ended, Place, seq};

/// One task, tried once more at most; the report and the dead letter.
fn one(server: &Server, code: i32) -> (Value, String) {
    let place = Place::new();
    place.write("tasks", "7\n");
    let ended = run(&place, server, &["--retries", "1", "--backoff", "1ms", "--dead", "dead"]).expect(code);
    (ended.report(), place.read("dead"))
}

fn run(place: &Place, server: &Server, more: &[&str]) -> Ended {
    place.run(&[&["run", "tasks", "--json", "--post", &server.url()], more].concat())
}

fn counts(report: &Value) -> [u64; 4] {
    ["done", "dead", "failed", "attempts"].map(|key| report[key].as_u64().unwrap_or_default())
}

#[test]
fn every_task_arrives_once_with_all_that_a_server_wants_to_know() {
    let server = Server::start(|_| reply("200 OK", "thanks"));
    let place = Place::new();
    place.write("tasks", "{\"a\": \"ü\"}\n\"text\"\n[1, 2]\n");
    let report = run(&place, &server, &["--header", "X-Tag: a b", "--header", "accept:text/plain"]).expect(0).report();
    assert_eq!(report["done"], 3);
    assert_eq!(server.bodies(), ["\"text\"", "[1, 2]", "{\"a\": \"ü\"}"]);
    let requests = server.requests();
    let mut ids: Vec<&str> = requests.iter().map(|request| &*request.headers["fourfold-task-id"]).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["1", "2", "3"]);
    for request in &requests {
        assert_eq!(request.line, "POST /tasks HTTP/1.1");
        let header = |name: &str| request.headers[name].as_str();
        assert_eq!(header("host"), server.address.to_string());
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(header("user-agent"), concat!("fourfold/", env!("CARGO_PKG_VERSION")));
        assert_eq!((header("fourfold-attempt"), header("x-tag"), header("accept")), ("1", "a b", "text/plain"));
        assert!(!request.headers.contains_key("authorization"));
    }
}

#[test]
fn a_key_is_the_same_for_every_attempt_of_a_task_and_for_no_other_task() {
    let server = Server::start(|request| match request.attempt() {
        1 | 2 => reply("503 Service Unavailable", ""),
        _ => reply("204 No Content", ""),
    });
    let place = Place::new();
    place.write("tasks", seq(5));
    let keys = |from: usize| {
        let report = run(&place, &server, &["--backoff", "1ms"]).expect(0).report();
        assert_eq!((report["done"].as_u64(), report["retried"].as_u64()), (Some(5), Some(10)));
        let mut keys: Vec<String> =
            server.requests()[from..].iter().map(|request| request.headers["idempotency-key"].clone()).collect();
        keys.sort_unstable();
        assert!(keys.chunks(3).all(|same| same[0] == same[2]), "{keys:?}");
        keys.dedup();
        assert_eq!(keys.len(), 5);
        keys
    };
    let (first, second) = (keys(0), keys(15));
    assert!(first.iter().all(|key| !second.contains(key)), "another run has other tasks: {first:?} {second:?}");
}

#[test]
fn what_may_pass_is_tried_again_and_what_may_not_is_dead_at_once() {
    for status in ["408 Request Timeout", "425 Too Early", "429 Too Many Requests", "500 Oh", "502 Bad", "503 Busy"] {
        let server = Server::start(move |_| reply(status, "come back\nlater"));
        let (report, dead) = one(&server, 1);
        assert_eq!(counts(&report), [0, 1, 2, 2], "{status}");
        assert!(dead.contains(&format!("--post http://{}: {}", server.address, &status[..3])), "{dead}");
        assert!(dead.contains(": come back\"") && !dead.contains("later"), "{dead}");
        assert_eq!(server.bodies(), ["7", "7"]);
    }
    for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "409 Conflict", "422 Nope", "304 Same"] {
        let server = Server::start(move |_| reply(status, if status.starts_with("304") { "" } else { "no" }));
        assert_eq!(counts(&one(&server, 1).0), [0, 1, 1, 1], "{status}");
        assert_eq!(server.bodies(), ["7"]);
    }
}

#[test]
fn every_status_of_three_digits_has_its_class() {
    for (status, counted) in [
        ("299 Odd", [1, 0, 0, 1]),
        ("226 IM Used", [1, 0, 0, 1]),
        ("399 Odd", [0, 1, 1, 1]),
        ("460 Odd", [0, 1, 1, 1]),
        ("529 Overloaded", [0, 1, 2, 2]),
        ("599 Odd", [0, 1, 2, 2]),
        ("999 Odd", [0, 1, 2, 2]),
    ] {
        let server = Server::start(move |_| reply(status, "why"));
        let (report, dead) = one(&server, i32::from(counted[1] > 0));
        assert_eq!(counts(&report), counted, "{status}");
        assert_eq!(server.requests().len() as u64, counted[3], "{status}");
        let reason = format!("--post http://{}: {}: why", server.address, &status[..3]);
        assert_eq!(dead.contains(&reason), counted[1] > 0, "{dead}");
    }
}

#[test]
fn redirects_are_not_followed() {
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let server = Server::start(move |_| reply_with(status, "Location: /elsewhere\r\n", ""));
        let (report, dead) = one(&server, 1);
        assert_eq!(counts(&report), [0, 1, 1, 1]);
        assert!(dead.contains("redirects are not followed, this one leads to /elsewhere"), "{dead}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn the_server_says_when_to_come_back_in_seconds_or_as_a_date() {
    let date = |seconds| httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds));
    let forms: [Box<dyn Fn() -> String + Send + Sync>; 2] = [Box::new(|| "1".into()), Box::new(move || date(2))];
    for form in forms {
        let server = Server::start(move |request| match request.attempt() {
            1 => reply_with("429 Too Many Requests", &format!("Retry-After: {}\r\n", form()), ""),
            _ => reply("200 OK", ""),
        });
        let place = Place::new();
        place.write("tasks", "1\n");
        let start = Instant::now();
        let report = run(&place, &server, &["--backoff", "1ms"]).expect(0).report();
        assert_eq!((report["done"].as_u64(), report["retried"].as_u64()), (Some(1), Some(1)));
        // A date has whole seconds: of two there is more than one left.
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    }
}

#[test]
fn a_response_that_breaks_off_is_a_failed_attempt() {
    for broken in ["", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "SSH-2.0-OpenSSH\r\n\r\n"] {
        for reset in [false, true] {
            let server = Server::start(move |request| match request.attempt() {
                1 if reset => Answer::SayAndReset(broken.into()),
                1 => Answer::SayAndClose(broken.into()),
                _ => reply("200 OK", ""),
            });
            let place = Place::new();
            place.write("tasks", "7\n");
            let report = run(&place, &server, &["--backoff", "1ms"]).expect(0).report();
            assert_eq!(counts(&report), [1, 0, 1, 2], "{broken:?}, reset: {reset}");
            assert_eq!(server.bodies(), ["7", "7"]);
        }
    }
}

#[test]
fn a_server_that_is_not_there_may_come_back() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let place = Place::new();
    place.write("tasks", seq(3));
    for (url, why) in [(format!("http://{address}/"), "refused"), ("http://nowhere.invalid/".into(), "")] {
        let args = ["run", "tasks", "--json", "--retries", "1", "--backoff", "1ms", "--dead", "dead", "--post", &url];
        assert_eq!(counts(&place.run(&args).expect(1).report()), [0, 3, 6, 6]);
        let dead = place.read("dead");
        assert!(dead.contains("--post http://") && dead.contains(why) && !dead.contains("HTTP:"), "{dead}");
    }
}

#[test]
fn a_body_without_an_end_costs_its_connection_and_nothing_else() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff0\r\n";
    let heads = [head, "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"];
    for head in heads {
        let server = Server::start(move |_| Answer::Endless(head.into(), "x"));
        let place = Place::new();
        place.write("tasks", seq(6));
        let report = run(&place, &server, &["-c", "2", "--timeout", "20s"]).expect(0).report();
        assert_eq!(counts(&report), [6, 0, 0, 6]);
        assert_eq!((server.requests().len(), server.connections()), (6, 6));
        crate::command::until("the connections are closed", || server.open() == 0);
    }
    // A reason is what came first.
    let server = Server::start(|_| Answer::Endless("HTTP/1.1 400 Bad Request\r\n\r\n".into(), "x"));
    let (_, dead) = one(&server, 1);
    assert!(dead.contains("400 Bad Request: xxx") && dead.contains("… (cut)") && dead.len() < 2000, "{dead}");
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::start(|_| Answer::SayAndHang("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nslow".into()));
    let place = Place::new();
    place.write("tasks", seq(2));
    let start = Instant::now();
    assert_eq!(counts(&run(&place, &server, &[]).expect(0).report()), [2, 0, 0, 2]);
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_server_that_does_not_answer_is_left_at_the_timeout() {
    let server = Server::start(|request| match request.attempt() {
        1 => Answer::SayAndHang(String::new()),
        _ => reply("200 OK", ""),
    });
    let place = Place::new();
    place.write("tasks", seq(3));
    let report = run(&place, &server, &["-c", "3", "--timeout", "2s", "--backoff", "1ms"]).expect(0).report();
    assert_eq!((report["timed_out"].as_u64(), report["done"].as_u64()), (Some(3), Some(3)));
    assert_eq!(server.bodies(), ["1", "1", "2", "2", "3", "3"]);
    crate::command::until("the connections are closed", || server.open() == 0);
}
