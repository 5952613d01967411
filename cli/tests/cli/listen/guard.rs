//! Who is answered, where it listens, and how that is said.

use std::net::TcpListener;

use rustix::process::Signal;

use super::client::Server;
use crate::command::{Place, signal, until};

#[test]
fn only_its_own_names_and_its_own_pages_may_ask() {
    let server = Server::start(&Place::new(), &["run", "-", "--simulate", "-q"]);
    let port = server.port;
    for path in ["/", "/metrics", "/healthz"] {
        for host in ["127.0.0.1", "localhost", &format!("localhost:{port}"), &format!("[::1]:{port}")] {
            assert_eq!(server.ask_as(host, "GET", path, &[]).status, 200, "{host}");
        }
        let brackets = format!("[::1].evil.example:{port}");
        for host in ["evil.example", &format!("evil.example:{port}"), "10.0.0.1", "127.0.0.1.evil.example", &brackets] {
            assert_eq!(server.ask_as(host, "GET", path, &[]).status, 403, "{host}");
        }
        let own = format!("Origin: http://127.0.0.1:{port}");
        assert_eq!(server.ask("GET", path, &[&own]).status, 200);
        for origin in ["Origin: http://evil.example", "Origin: null", "Origin: http://127.0.0.1:1", "Origin: "] {
            assert_eq!(server.ask("GET", path, &[origin]).status, 403, "{origin}");
        }
        assert_eq!(server.ask("GET", path, &[&own, "Origin: http://evil.example"]).status, 403);
    }
    assert_eq!(server.ask_as("evil.example", "GET", "/events", &[]).status, 403);
    assert_eq!(server.ask("GET", "http://evil.example/metrics", &[]).status, 403, "the target names another host");
    assert_eq!(server.ask("GET", &format!("http://127.0.0.1:{port}/metrics"), &[]).status, 200);
    assert_eq!(server.ask("GET", "/events", &["Origin: null"]).status, 403);
    server.end().expect(0);
}

#[test]
fn nothing_but_reading() {
    let server = Server::start(&Place::new(), &["run", "-", "--simulate", "-q"]);
    for path in ["/", "/metrics", "/events", "/healthz", "/nothing"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let response = server.ask(method, path, &["Content-Length: 1000000"]);
            assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
        let (get, head) =
            (if path == "/events" { None } else { Some(server.get(path)) }, server.ask("HEAD", path, &[]));
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(head.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(head.header("referrer-policy"), Some("no-referrer"));
        assert!(head.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
        if let Some(get) = get {
            assert_eq!((get.status, get.header("content-type")), (head.status, head.header("content-type")));
            assert_eq!(get.header("content-length"), head.header("content-length"));
            assert_eq!(get.header("content-length"), Some(get.body.len().to_string().as_str()));
        } else {
            assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        }
    }
    for path in ["/nothing", "/metrics/", "/%2e%2e/etc/passwd", "/../../etc/passwd", "//"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    server.end().expect(0);
}

#[test]
fn health_follows_the_run() {
    let mut server = Server::start(&Place::new(), &["run", "-", "--simulate", "-q"]);
    let health = |server: &Server| {
        let response = server.get("/healthz");
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!((&body["live"], &body["run"]), (&true.into(), &1.into()), "{body}");
        (response.status, body["phase"].as_str().unwrap().to_owned())
    };
    server.feed("{\"ms\":600000}\n");
    until("it runs", || server.metric("fourfold_in_flight") > 0.0);
    assert_eq!(health(&server), (200, "running".to_owned()));
    signal(&server.child, Signal::INT);
    until("it drains", || health(&server) == (503, "draining".to_owned()));
    signal(&server.child, Signal::INT);
    server.end().expect(130);
}

#[test]
fn an_address_that_cannot_be_had_is_said_before_anything_is_done() {
    let place = Place::new();
    place.write("tasks", "1\n");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in [["run", "tasks"], ["compare", "tasks"]] {
        let args = [&command[..], &["--listen", &address, "--exec", "touch", "started"]].concat();
        let ended = place.run(&args).expect(2);
        ended.says(&["--listen", &address]);
        assert_eq!(ended.stdout, "");
    }
    place.run(&["web", "--listen", &address]).expect(2).says(&["--listen", &address]);
    place.run(&["run", "tasks", "--simulate", "--listen", "192.0.2.1:0"]).expect(2).says(&["--listen 192.0.2.1:0"]);
    assert!(!place.path("started").exists());
    for bad in ["localhost", "http://localhost:1", "127.0.0.1:99999", "::1:80"] {
        let ended = place.run(&["run", "tasks", "--simulate", "--listen", bad]).expect(2);
        assert!(ended.stderr.contains("--listen <ADDR>") && ended.stderr.contains("HOST:PORT"), "{}", ended.stderr);
    }
}

#[test]
fn an_address_for_everybody_is_warned_of() {
    let place = Place::new();
    let ended = place.run(&["run", "--tasks", "1", "--listen", "0.0.0.0:0", "-q"]).expect(0);
    assert!(
        ended.stderr.contains("listening on http://0.0.0.0:") && ended.stderr.contains("warning: everyone"),
        "{ended:?}"
    );
    let ended = place.run(&["run", "--tasks", "1", "--listen", "0", "-q"]).expect(0);
    assert!(
        ended.stderr.starts_with("listening on http://127.0.0.1:") && !ended.stderr.contains("warning"),
        "{ended:?}"
    );
}

#[test]
fn a_demo_that_is_followed_takes_its_time() {
    let report = Place::new().run(&["run", "--tasks", "8", "-c", "1", "--listen", "0", "--json"]).expect(0).report();
    assert!(report["elapsed_ms"].as_f64() > report["service_ms"]["max"].as_f64(), "{report}");
    assert!(report["service_ms"]["p50"].as_f64().unwrap().fract() != 0.0, "on the wall clock: {report}");
}
