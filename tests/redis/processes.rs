//! Whole workers, killed at random moments: this very program, started again with other arguments.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    env,
    fs::OpenOptions,
    io::Write,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use fourfold::{
    Control, NativeClock, Pattern, Run, Task,
    source::{
        Json, Verdict,
        redis::{RedisOptions, RedisSource},
    },
};

use crate::server::{Mode, Server, beside, claim, in_both_modes, settle};

const URL: &str = "FOURFOLD_TEST_WORKER_URL";
const FILE: &str = "FOURFOLD_TEST_WORKER_FILE";
const LIMIT: usize = 8;

/// A worker, when a test below starts it; nothing to test otherwise.
#[test]
fn worker() {
    let (Ok(url), Ok(file)) = (env::var(URL), env::var(FILE)) else { return };
    let file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    smol::block_on(async {
        let options = RedisOptions::from_url(&url).unwrap().lease(Duration::from_millis(400)).follow(true);
        let source = RedisSource::connect(options).await.unwrap();
        let handler = async |task: &Task<Json>| {
            smol::Timer::after(Duration::from_millis(1)).await;
            // One write each: a line is there or it is not.
            (&file).write_all(format!("{}\n", task.payload).as_bytes()).unwrap();
            Ok::<_, Infallible>(())
        };
        let run = Run::new(&source, handler).pattern(Pattern::WorkerPool).limit(NonZeroUsize::new(LIMIT).unwrap());
        run.clock(NativeClock::new()).await.unwrap();
    });
}

/// A worker that is killed at the latest when its test ends.
struct Worker(Child);

impl Worker {
    fn start(server: &Server, file: &Path) -> Self {
        Self(Self::command(&server.url(), file).spawn().unwrap())
    }

    fn command(url: &str, file: &Path) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "processes::worker", "--nocapture"]);
        command.env(URL, url).env(FILE, file).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn done(file: &PathBuf) -> BTreeMap<String, usize> {
    let mut done = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
        *done.entry(line.to_owned()).or_default() += 1;
    }
    done
}

fn workers_that_are_killed_leave_nothing_undone(mode: Mode) {
    const TASKS: usize = 12_000;
    let server = Server::of(mode);
    let file = PathBuf::from(format!("{}.done", server.socket()));
    server.push(&(0..TASKS).map(|n| n.to_string()).collect::<Vec<_>>());
    let mut workers: Vec<Worker> = (0..3).map(|_| Worker::start(&server, &file)).collect();
    let mut kills = 0;
    let start = Instant::now();
    while done(&file).len() < TASKS {
        assert!(start.elapsed() < Duration::from_secs(60), "{} of {TASKS} after {kills} kills", done(&file).len());
        // Odd times against the rhythm of the workers.
        thread::sleep(Duration::from_millis(60 + 37 * kills % 90));
        if kills < 20 {
            let which = usize::try_from(kills).unwrap() % workers.len();
            workers[which] = Worker::start(&server, &file);
            kills += 1;
        }
    }
    drop(workers);
    assert!(kills >= 5, "only {kills} kills");
    let done = done(&file);
    let more: usize = done.values().map(|times| times - 1).sum();
    assert_eq!(done.len(), TASKS);
    assert!(more <= usize::try_from(kills).unwrap() * LIMIT, "{more} done again after {kills} kills");
    // What the last ones held is given back, nothing else is left.
    let rest = server.source();
    beside(&rest, async {
        while let Some(held) = claim(&rest, 100).await {
            settle(&rest, held, Verdict::Done).await;
        }
        smol::future::yield_now().await;
    });
}

fn a_run_drains_a_queue_by_every_pattern(mode: Mode) {
    let server = Server::of(mode);
    for pattern in [Pattern::TaskSet, Pattern::SemaphoreBatch, Pattern::WorkerPool, Pattern::TaskGroup] {
        server.push(&(0..2_000).map(|n| n.to_string()).collect::<Vec<_>>());
        let source = server.source();
        let run = Run::new(&source, async |_: &Task<Json>| Ok::<_, Infallible>(())).pattern(pattern);
        let run = run.limit(NonZeroUsize::new(16).unwrap()).clock(NativeClock::new());
        let report = smol::block_on(run.into_future()).unwrap();
        assert_eq!((report.counters.done, report.counters.lease_lost), (2_000, 0), "{pattern:?}");
        server.assert_keys(&[]);
    }
}

fn a_drained_run_puts_back_what_it_had_only_claimed(mode: Mode) {
    let server = Server::of(mode);
    server.push(&(0..500).map(|n| n.to_string()).collect::<Vec<_>>());
    let source = server.source();
    let control = Control::new();
    let count = std::cell::Cell::new(0);
    let handler = async |_: &Task<Json>| {
        count.set(count.get() + 1);
        if count.get() == 100 {
            control.drain();
        }
        Ok::<_, Infallible>(())
    };
    let run = Run::new(&source, handler).pattern(Pattern::SemaphoreBatch).control(&control);
    let report = smol::block_on(run.clock(NativeClock::new()).into_future()).unwrap();
    assert_eq!(usize::try_from(report.counters.done).unwrap() + server.queued().len(), 500);
    assert!(report.counters.done >= 100 && !server.queued().is_empty());
}

#[test]
fn a_worker_speaks_tls_with_a_server_that_it_trusts_and_with_no_other() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name).display().to_string());
    std::fs::write(&cert, certificate.cert.pem()).unwrap();
    std::fs::write(&key, certificate.signing_key.serialize_pem()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let server = Server::with(&[
        "--tls-port",
        &port,
        "--bind",
        "127.0.0.1",
        "--tls-auth-clients",
        "no",
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &cert,
    ]);
    let url = format!("rediss://localhost:{port}/0?list=tasks");

    let stranger = smol::block_on(RedisSource::connect(RedisOptions::from_url(&url).unwrap())).unwrap_err();
    assert!(stranger.is_unreachable() && stranger.to_string().contains("certificate"), "{stranger}");

    server.push(&(0..100).map(|n| n.to_string()).collect::<Vec<_>>());
    let file = dir.path().join("done");
    let mut worker = Worker::command(&url, &file);
    worker.env("SSL_CERT_FILE", &cert);
    let _worker = Worker(worker.spawn().unwrap());
    let start = Instant::now();
    while done(&file).len() < 100 {
        assert!(start.elapsed() < Duration::from_secs(30), "{} of 100", done(&file).len());
        thread::sleep(Duration::from_millis(5));
    }
}

in_both_modes! {
    workers_that_are_killed_leave_nothing_undone
    a_run_drains_a_queue_by_every_pattern
    a_drained_run_puts_back_what_it_had_only_claimed
}
