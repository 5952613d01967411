//! Servers that answer without an end, or hardly at all.

use super::server::{Answer, Server, reply};
use crate::command::{GAP_MAX, Place, longest_gap, until};

/// One task gets this answer and times out; the others go on beside it, a permit for each of the two.
#[track_caller]
fn times_out(name: &str, evil: impl Fn() -> Answer + Send + Sync + 'static) {
    let server = Server::start(move |request| if request.body == "0" { evil() } else { reply("200 OK", "") });
    let place = Place::new();
    place.write("tasks", "0\n".to_owned() + &"1\n".repeat(300));
    let args = ["run", "tasks", "-c", "2", "--json", "--retries", "0", "--rate", "200/s", "--timeout", "1s"];
    let more = ["--trace", "trace.jsonl", "--post", &server.url()];
    let report = place.run(&[&args[..], &more].concat()).expect(1).report();
    assert_eq!((report["done"].as_u64(), report["timed_out"].as_u64()), (Some(300), Some(1)), "{name}: {report}");
    let longest = report["service_ms"]["max"].as_f64().unwrap();
    assert!(longest < 1000.0 + GAP_MAX * 1e3, "{name}: {longest} ms until the timeout");
    let gap = longest_gap(&place.read("trace.jsonl"));
    assert!(gap < GAP_MAX, "{name}: {gap} s without an event");
    until("the connections are closed", || server.open() == 0);
}

/// One task gets this answer and fails; the others go on beside it.
#[track_caller]
fn fails(name: &str, evil: impl Fn() -> Answer + Send + Sync + 'static) {
    let server = Server::start(move |request| if request.body == "0" { evil() } else { reply("200 OK", "") });
    let place = Place::new();
    place.write("tasks", "0\n".to_owned() + &"1\n".repeat(300));
    let args = ["run", "tasks", "-c", "2", "--json", "--retries", "0", "--rate", "200/s", "--timeout", "20s"];
    let more = ["--trace", "trace.jsonl", "--dead", "dead", "--post", &server.url()];
    let report = place.run(&[&args[..], &more].concat()).expect(1).report();
    assert_eq!((report["done"].as_u64(), report["failed"].as_u64()), (Some(300), Some(1)), "{name}: {report}");
    let gap = longest_gap(&place.read("trace.jsonl"));
    assert!(gap < GAP_MAX, "{name}: {gap} s without an event");
}

#[test]
fn hints_without_an_end_time_out_and_hold_nobody_up() {
    times_out("103", || Answer::Endless(String::new(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"));
    times_out("100", || Answer::Endless(String::new(), "HTTP/1.1 100 Continue\r\n\r\n"));
}

#[test]
fn a_head_that_drips_times_out() {
    times_out("status", || Answer::Drip("HTTP/1.1 200 O".into()));
    times_out("header", || Answer::Drip("HTTP/1.1 200 OK\r\nX-Long: ".into()));
}

#[test]
fn headers_and_trailers_without_an_end_are_a_failed_attempt() {
    fails("headers", || Answer::Endless("HTTP/1.1 200 OK\r\n".into(), "X: y\r\n"));
    fails("header", || Answer::Endless("HTTP/1.1 200 OK\r\nX: ".into(), "y"));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    fails("trailers", move || Answer::Endless(format!("{chunked}0\r\n"), "X: y\r\n"));
    fails("trailer", move || Answer::Endless(format!("{chunked}0\r\nX: "), "y"));
    fails("extension", move || Answer::Endless(format!("{chunked}5;"), "y"));
}
