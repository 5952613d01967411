//! `push`, `stats`, `dead` and `run` on Redis queues.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use test_support::RedisServer;

use super::command::{Place, seq, until};

/// A server of the test's own, and a directory to start the command in.
struct Server {
    place: Place,
    redis: RedisServer,
}

impl Server {
    fn start() -> Self {
        Self { place: Place::new(), redis: RedisServer::start() }
    }

    fn client(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(format!("redis+unix://{}", self.redis.socket()))?
            .get_connection_with_timeout(Duration::from_secs(5))
    }

    fn url(&self) -> String {
        self.redis.url("tasks")
    }

    /// The address of a stream.
    fn stream(&self) -> String {
        self.url().replace("list=tasks", "stream=tasks&group=workers")
    }
}

#[test]
fn what_is_pushed_is_counted_drained_and_buried() {
    for is_stream in [false, true] {
        let server = Server::start();
        let url = if is_stream { server.stream() } else { server.url() };
        push_count_drain_and_bury(&server.place, &url);
    }
}

fn push_count_drain_and_bury(place: &Place, url: &str) {
    let pushed = place.feed(&["push", url], format!("{}bad\n", seq(2500)).as_bytes()).expect(1);
    assert_eq!(pushed.stdout, "2500 pushed, 1 malformed lines left out\n");
    assert!(pushed.stderr.contains("line 2501"), "{}", pushed.stderr);
    let stats = place.run(&["stats", url, "--json"]).expect(0).report();
    assert_eq!(
        (stats["waiting"].as_u64(), stats["dead"].as_u64(), stats["in_flight"].as_u64()),
        (Some(2500), Some(0), Some(0))
    );
    assert!(place.run(&["stats", url]).expect(0).stdout.contains("waiting    2500"));

    let script = "[ {} -ne 7 ] || { echo seven >&2; exit 1; }";
    let args = ["run", url, "-c", "4", "--max-tasks", "20", "--retries", "0", "--json", "--exec", "sh", "-c", script];
    let report = place.run(&args).expect(1).report();
    assert_eq!(report["dead"], 1, "{report}");
    let report = place.run(&["run", url, "-c", "16", "--simulate", "--json"]).expect(0).report();
    assert_eq!((report["peak_in_flight"].as_u64() <= Some(16), report["released"].as_u64()), (true, Some(0)));

    let list = place.run(&["dead", "list", url, "--json"]).expect(0).report();
    assert_eq!((list["payload"].as_u64(), list["reason"].as_str()), (Some(7), Some("exit code 1: seven")));
    let id = list["task"].to_string();
    assert!(place.run(&["dead", "list", url]).expect(0).stdout.contains("seven"));
    assert!(place.run(&["dead", "show", url, &id]).expect(0).stdout.contains("\"payload\": 7"));
    place.run(&["dead", "show", url, "999999"]).expect(1).says(&["999999"]);
    assert_eq!(place.run(&["dead", "requeue", url, &id]).expect(0).stdout, "1 requeued\n");
    assert_eq!(place.run(&["dead", "purge", url, &id]).expect(1).stdout, "0 purged\n");
    assert_eq!(place.run(&["run", url, "--simulate", "--json"]).expect(0).report()["done"], 1);
    assert_eq!(place.run(&["dead", "purge", url, "--all"]).expect(0).stdout, "0 purged\n");
}

#[test]
fn each_pattern_drains_it_to_the_limit() {
    let server = Server::start();
    let (place, url) = (&server.place, server.url());
    for pattern in ["set", "batch", "pool", "group"] {
        place.feed(&["push", &url, "-q"], "{\"ms\":5}\n".repeat(200).as_bytes()).expect(0);
        let report = place.run(&["run", &url, "-p", pattern, "-c", "16", "--simulate", "--json"]).expect(0).report();
        assert_eq!((report["done"].as_u64(), report["peak_in_flight"].as_u64()), (Some(200), Some(16)), "{report}");
        let stats = place.run(&["stats", &url, "--json"]).expect(0).report();
        assert_eq!((stats["waiting"].as_u64(), stats["in_flight"].as_u64()), (Some(0), Some(0)), "{stats}");
    }
}

#[test]
fn a_key_of_another_type_is_named() {
    let server = Server::start();
    redis::cmd("SET").arg("tasks").arg("x").exec(&mut server.client().unwrap()).unwrap();
    let url = server.url();
    for args in [&["run", &url, "--simulate"][..], &["push", &url, "/dev/null"], &["stats", &url]] {
        server.place.run(args).expect(3).says(&["tasks", "string"]);
    }
}

/// `fourfold run` with two tasks that take for ever, killed at the latest when its test ends.
struct Busy(Child);

impl Busy {
    fn start(place: &Place, url: &str, more: &[&str]) -> Self {
        place.feed(&["push", url, "-q"], b"1\n2\n").expect(0);
        let args = [&["run", url, "-p", "set", "-c", "2", "--quiet"], more, &["--exec", "sleep", "1000"]].concat();
        let child = place.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let busy = Self(child);
        until("both are held", || place.run(&["stats", url, "--json"]).report()["in_flight"] == 2);
        busy
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_run_that_is_not_to_wait_says_who_holds_what() {
    for is_stream in [false, true] {
        let server = Server::start();
        let (place, url) = (&server.place, if is_stream { server.stream() } else { server.url() });
        let busy = Busy::start(place, &url, &[]);
        place.feed(&["push", &url, "-q"], b"3\n").expect(0);
        let ended = place.run(&["run", &url, "--no-wait", "--simulate", "--json"]).expect(5);
        assert_eq!(ended.report()["done"], 1);
        let stats = place.run(&["stats", &url, "--json"]).expect(0).report();
        let who = stats["consumers"][0]["name"].as_str().unwrap();
        let line = format!("2 tasks are held by other workers: {who} (2)");
        assert!(ended.stderr.contains(&line), "{}", ended.stderr);
        drop(busy);
        // The dead hold them until their lease ends: without the flag, that is waited for.
        let report = place.run(&["run", &url, "--lease", "1s", "--simulate", "--json"]).expect(0).report();
        assert_eq!(report["done"], 2, "{report}");
        place.run(&["run", &url, "--no-wait", "--simulate"]).expect(0);
    }
    let place = Place::new();
    place.run(&["run", "demo", "--no-wait"]).expect(2).says(&["--no-wait", "demo"]);
    place.run(&["run", "redis://h/0?list=a", "--no-wait", "--follow", "--simulate"]).expect(2);
}

#[test]
fn a_dead_letter_is_shown_byte_for_byte() {
    let server = Server::start();
    let (place, url) = (&server.place, server.url());
    let payload = r#"{"id":12345678901234567890123,"b":1.00,"a":2,"a":"\u00e9\/"}"#;
    place.feed(&["push", &url, "-q"], format!("{payload}\n").as_bytes()).expect(0);
    let _: usize = redis::Commands::lpush(&mut server.client().unwrap(), "tasks", b"no\xffjson").unwrap();
    place.run(&["run", &url, "--retries", "0", "--quiet", "--exec", "false"]).expect(1);
    let lines = place.run(&["dead", "list", &url, "--json"]).expect(0).stdout;
    assert!(lines.contains(&format!(r#""payload":{payload}"#)), "{lines}");
    let id = lines.lines().find(|line| line.contains("payload")).and_then(|line| line.split([':', ',']).nth(1));
    let shown = place.run(&["dead", "show", &url, id.unwrap()]).expect(0).stdout;
    assert!(shown.contains(&format!(r#""payload": {payload}"#)), "{shown}");
    assert!(lines.contains(r#""raw_hex":"6e6fff6a736f6e""#), "{lines}");
}

#[test]
fn a_worker_is_stopped_within_its_grace_though_the_server_is_gone() {
    let mut server = Server::start();
    let url = server.url();
    let mut busy = Busy::start(&server.place, &url, &["--grace", "2s"]);
    server.redis.kill();
    let start = Instant::now();
    super::command::signal(&busy.0, rustix::process::Signal::TERM);
    assert_eq!(busy.0.wait().unwrap().code(), Some(143));
    assert!(start.elapsed() < Duration::from_millis(3_800), "{:?}", start.elapsed());
}
