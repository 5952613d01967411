//! The command under fire: real workers on a real queue, killed at random moments and replaced.
//!
//! `FOURFOLD_ROUNDS` sets the number of rounds; `cargo xtask test --full` takes 20. `FOURFOLD_SEED` repeats the moments of an
//! earlier run.

use std::{
    collections::BTreeMap,
    env, fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use test_support::{RedisServer, wait_until};

const WORKERS: usize = 5;
const LIMIT: usize = 4;
/// Tasks that are pushed for each round; each kill waits for some progress, so there must be enough
/// to make it on.
const TASKS_PER_ROUND: usize = 300;

/// A redis-server that writes everything down before it answers.
struct Server(RedisServer);

impl Server {
    fn start() -> Self {
        Self(RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]))
    }

    fn restart(&mut self) {
        self.0.kill();
        self.0.restart();
    }

    /// What redis-cli prints.
    fn ask(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli").arg("-s").arg(self.0.socket()).args(words).output();
        String::from_utf8(output.expect("redis-cli is installed with redis-server").stdout).unwrap()
    }

    fn url(&self) -> String {
        self.0.url("tasks")
    }

    /// As a producer that knows nothing of fourfold.
    fn push(&self, tasks: std::ops::Range<usize>) {
        for start in tasks.clone().step_by(500) {
            let payloads = (start..tasks.end.min(start + 500)).map(|n| format!("{{\"n\":{n}}}"));
            let words: Vec<String> = ["LPUSH".into(), "tasks".into()].into_iter().chain(payloads).collect();
            self.ask(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    /// How many deliveries the server counts as held by a process, or by all.
    fn held_by(&self, process: &str) -> usize {
        let keys = self.ask(&["KEYS", &format!("*:held:*{process}*")]);
        keys.lines().map(|key| self.ask(&["HLEN", key]).trim().parse::<usize>().unwrap()).sum()
    }

    fn log(&self) -> PathBuf {
        self.0.dir().join("done.log")
    }

    /// How often each task was done.
    fn done(&self) -> BTreeMap<String, usize> {
        let mut done = BTreeMap::new();
        for line in fs::read_to_string(self.log()).unwrap_or_default().lines() {
            *done.entry(line.to_owned()).or_default() += 1;
        }
        done
    }
}

/// `fourfold run`, killed at the latest when its test ends.
struct Worker(Child);

impl Worker {
    fn start(server: &Server) -> Self {
        // A line is written in one piece, before the answer: what is done is in the log, whoever
        // dies.
        let handler = "while read -r task; do sleep 0.004; echo \"$task\" >> \"$LOG\"; echo ok; done";
        let mut command = Command::new(env!("CARGO_BIN_EXE_fourfold"));
        command.args(["run", &server.url(), "--follow", "--lease", "1s", "--max-deliveries", "100", "--quiet"]);
        command.args(["-c", &LIMIT.to_string(), "--pipe", "sh", "-c", handler]);
        command.env("LOG", server.log()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn terminate(&mut self) -> Option<i32> {
        let kill = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(kill.unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn killed_workers_and_a_restarted_server_lose_nothing() {
    let rounds = usize::try_from(number("FOURFOLD_ROUNDS", 3)).unwrap();
    let mut seed = number("FOURFOLD_SEED", u64::from(std::process::id()));
    println!("FOURFOLD_ROUNDS={rounds} FOURFOLD_SEED={seed}");
    let mut draw = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound
    };
    let mut server = Server::start();
    let tasks = rounds * TASKS_PER_ROUND;
    server.push(0..tasks);
    let mut workers: Vec<Worker> = (0..WORKERS).map(|_| Worker::start(&server)).collect();
    let (mut kills, mut held) = (0, 0);
    for round in 0..rounds {
        for worker in &mut workers {
            let goal = (server.done().len() + draw(50)).min(tasks);
            wait_until("progress", || server.done().len() >= goal);
            worker.kill();
            held += server.held_by(&format!(":{}:", worker.0.id()));
            *worker = Worker::start(&server);
            kills += 1;
        }
        if round == rounds / 2 {
            server.restart();
            // Leases may have ended while it was away.
            held += server.held_by("");
        }
    }
    wait_until("the last task", || server.done().len() == tasks);
    // Everything is settled as well: nothing waits, nothing is held, nothing is dead.
    for worker in &mut workers {
        assert_eq!(worker.terminate(), Some(143));
    }
    // What is left of the killed says to each that it was reaped, should it live after all, and expires.
    let expires = |key: &str| server.ask(&["PTTL", key]).trim().parse::<i64>().unwrap() > 0;
    let left = || {
        let keys = server.ask(&["KEYS", "*"]);
        let keys = keys.lines().filter(|key| !key.is_empty() && !key.ends_with(":deliveries") && !expires(key));
        keys.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    wait_for_reaping(&server);
    assert_eq!(left(), "", "nothing is left");
    let more: usize = server.done().values().map(|times| times - 1).sum();
    println!("{tasks} tasks, {kills} kills with {held} deliveries held, {more} done again");
    assert!(held >= kills, "the kills hit idle workers");
    assert!(more <= held, "{more} done again, though only {held} were held at the kills");
}

/// A consumer that stays takes out all who are gone; when it is the last one, it leaves.
fn wait_for_reaping(server: &Server) {
    let mut worker = Worker::start(server);
    let holders = || server.ask(&["SMEMBERS", "{tasks}:fourfold:holders"]).lines().count();
    let beats = || server.ask(&["ZRANGE", "{tasks}:fourfold:beats", "0", "-1"]).lines().count();
    wait_until("the leases of the dead", || holders() == 1 && beats() == 1);
    assert_eq!(worker.terminate(), Some(143));
}

#[test]
fn the_loss_of_the_server_and_its_return_are_said_without_being_asked() {
    let mut server = Server::start();
    server.push(0..400);
    let mut command = Command::new(env!("CARGO_BIN_EXE_fourfold"));
    command.args(["run", &server.url(), "-c", "4", "--pipe", "sh", "-c"]);
    command.arg("while read -r task; do sleep 0.004; echo \"$task\" >> \"$LOG\"; echo ok; done");
    command.env("LOG", server.log()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = command.spawn().unwrap();
    wait_until("progress", || server.done().len() > 20);
    server.restart();
    let output = run.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("WARN")).collect();
    assert!(matches!(lines[..], [lost, back] if lost.contains("lost") && back.contains("is back after")), "{told}");
    assert_eq!(server.done().len(), 400);
}
