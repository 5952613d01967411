//! The page, from the executable.

use std::{collections::BTreeSet, process::Child};

use rustix::process::Signal;

use super::client::Server;
use crate::command::{Place, signal, until};

const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
    connect-src 'self'; worker-src 'self'; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

fn stop(child: &Child) {
    signal(child, Signal::TERM);
}

#[test]
fn the_page_comes_from_the_executable_with_or_without_a_run() {
    let place = Place::new();
    let web = Server::start(&place, &["web"]);
    let run = Server::start(&place, &["run", "-", "--simulate", "-q"]);
    for server in [&web, &run] {
        let page = server.get("/");
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert_eq!(
            (page.header("content-security-policy"), page.header("cache-control")),
            (Some(POLICY), Some("no-cache"))
        );
        assert!(page.text().contains("fourfold"));
        assert_eq!(server.get("/index.html?mode=live").body, page.body);
        let tag = page.header("etag").unwrap();
        for known in [tag, "*", &format!("\"other\", W/{tag}")] {
            let known = server.ask("GET", "/", &[&format!("If-None-Match: {known}")]);
            assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, Some(tag)));
        }
        assert_eq!(server.ask("GET", "/", &["If-None-Match: \"other\""]).status, 200);
    }
    // The page learns from these whether there is a run to be followed.
    assert_eq!((web.get("/events").status, web.get("/metrics").status), (404, 404));
    assert_eq!((web.get("/healthz").status, web.get("/healthz").text().trim()), (200, "{\"live\":false}"));
    assert!(run.get("/healthz").text().contains("\"live\":true"));
    run.end().expect(0);
    stop(&web.child);
    let ended = web.end().expect(143);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""), "nothing but where it is");
}

#[test]
fn who_says_no_port_gets_one_that_is_free() {
    let place = Place::new();
    let servers: Vec<Server> = (0..3).map(|_| Server::start_as(&place, &["web"])).collect();
    let ports: BTreeSet<u16> = servers.iter().map(|server| server.port).collect();
    assert!(ports.len() == 3 && ports.iter().all(|port| (4040..4060).contains(port)), "{ports:?}");
    for server in servers {
        signal(&server.child, Signal::INT);
        server.end().expect(130);
    }
}

#[test]
fn a_browser_is_opened_where_there_is_one() {
    let place = Place::new();
    place.script("xdg-open", "echo \"$1\" > opened.tmp; mv opened.tmp opened");
    let start = |path: &str| {
        let mut command = place.command(&["web", "--open", "--listen", "0"]);
        command.env("PATH", path).spawn().unwrap()
    };
    let path = format!("{}:{}", place.path("").display(), std::env::var("PATH").unwrap());
    let child = start(&path);
    until("it is opened", || place.path("opened").exists());
    stop(&child);
    let ended = crate::command::Ended::from(child.wait_with_output().unwrap());
    let opened = place.read("opened");
    assert!(opened.starts_with("http://127.0.0.1:") && ended.stderr.contains(opened.trim()), "{opened} {ended:?}");
    let mut child = start("/nowhere");
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    crate::command::wait_for_line(&mut stderr, "by hand");
    stop(&child);
    child.wait().unwrap();
}
