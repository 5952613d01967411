//! Several redis-servers that belong together: a cluster, and a master with its replica and a sentinel.

use std::{
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::wait_until;

/// A redis-server on a port of its own, killed when it is dropped.
#[derive(Debug)]
pub struct Node {
    /// The port on the loopback address.
    pub port: u16,
    child: Child,
}

impl Node {
    /// Starts redis-server in a directory of its own below `dir`, with more arguments.
    fn start(dir: &TempDir, arguments: &[&str]) -> Self {
        let port = free_port();
        let home = dir.path().join(port.to_string());
        std::fs::create_dir(&home).unwrap();
        let mut command = Command::new("redis-server");
        // A sentinel's file stands before all options.
        let (files, options): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|it| it.starts_with('/'));
        command.args(files).args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--loglevel", "warning"]);
        command.args(["--dir", &home.display().to_string()]).args(options);
        let child = command.stdout(Stdio::null()).spawn().expect("redis-server is installed (cargo xtask setup)");
        let node = Self { port, child };
        wait_until("redis-server answers", || node.ask(&["PING"]).contains("PONG"));
        node
    }

    /// Sends a command by redis-cli and returns what it prints.
    pub fn ask(&self, words: &[&str]) -> String {
        text(&Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output().unwrap())
    }

    /// Whether a replica is online that has acknowledged everything the server had written when it was asked. WAIT says so
    /// only for the writes of its own connection, which redis-cli does not have.
    pub fn is_replicated(&self) -> bool {
        let info = self.ask(&["INFO", "replication"]);
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<u64>().ok());
        let written = number(info.lines().find_map(|line| line.strip_prefix("master_repl_offset:")));
        let replica = info.lines().find(|line| line.starts_with("slave0:") && line.contains("state=online"));
        let acknowledged = number(replica.and_then(|line| line.split(',').find_map(|it| it.strip_prefix("offset="))));
        written.is_some() && acknowledged >= written
    }

    /// Kills the server as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three masters with a replica each.
#[derive(Debug)]
pub struct RedisCluster {
    /// All servers; who is a master changes.
    pub nodes: Vec<Node>,
    _dir: TempDir,
}

impl RedisCluster {
    /// Starts the servers and waits until they are a cluster.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let arguments =
            ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--appendonly", "yes", "--save", ""];
        let nodes: Vec<Node> = (0..6).map(|_| Node::start(&dir, &arguments)).collect();
        let addresses: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(&addresses).args(["--cluster-replicas", "1", "--cluster-yes"]);
        let created = create.output().unwrap();
        assert!(created.status.success(), "{}", text(&created));
        let cluster = Self { nodes, _dir: dir };
        wait_until("the cluster is whole", || {
            cluster.nodes.iter().all(|node| {
                let has_link = !node.ask(&["ROLE"]).starts_with("slave") || node.ask(&["ROLE"]).contains("connected");
                node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok") && has_link
            })
        });
        cluster
    }

    /// The place among the nodes of the master that has the slot of a key; `None` while there is none.
    pub fn owner(&self, key: &str) -> Option<usize> {
        self.nodes.iter().position(|node| {
            // Only the owner answers without naming another one.
            node.ask(&["ROLE"]).starts_with("master")
                && !["MOVED", "CLUSTERDOWN", "refused"].iter().any(|no| node.ask(&["TYPE", key]).contains(no))
        })
    }

    /// Moves the slot of a key to another master, key by key as a resharding does, and returns that one's place.
    pub fn move_slot(&self, key: &str, between: impl FnOnce()) -> usize {
        let from = self.owner(key).unwrap();
        let is_other = |node: &Node| node.ask(&["ROLE"]).starts_with("master") && node.port != self.nodes[from].port;
        let to = self.nodes.iter().position(is_other).unwrap();
        let slot = self.nodes[from].ask(&["CLUSTER", "KEYSLOT", key]);
        let [source, target] = [from, to].map(|at| self.nodes[at].ask(&["CLUSTER", "MYID"]));
        let (source, target, slot) = (source.trim(), target.trim(), slot.trim());
        self.nodes[to].ask(&["CLUSTER", "SETSLOT", slot, "IMPORTING", source]);
        self.nodes[from].ask(&["CLUSTER", "SETSLOT", slot, "MIGRATING", target]);
        between();
        loop {
            let keys = self.nodes[from].ask(&["CLUSTER", "GETKEYSINSLOT", slot, "100"]);
            let keys: Vec<&str> = keys.lines().filter(|key| !key.is_empty()).collect();
            if keys.is_empty() {
                break;
            }
            let port = self.nodes[to].port.to_string();
            let migrate = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            self.nodes[from].ask(&[&migrate[..], &keys].concat());
        }
        for at in [to, from] {
            self.nodes[at].ask(&["CLUSTER", "SETSLOT", slot, "NODE", target]);
        }
        to
    }
}

/// A master, its replica, and a sentinel that watches them.
#[derive(Debug)]
pub struct RedisSentinel {
    /// The master that there was first, and its replica.
    pub nodes: [Node; 2],
    /// The sentinel, which calls the master `main`.
    pub sentinel: Node,
    _dir: TempDir,
}

impl RedisSentinel {
    /// Starts the three and waits until the sentinel knows the replica.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let plain = ["--appendonly", "yes", "--save", ""];
        let master = Node::start(&dir, &plain);
        let of = format!("127.0.0.1 {}", master.port);
        let replica = Node::start(&dir, &[&plain[..], &["--replicaof", &of]].concat());
        let file = dir.path().join("sentinel.conf");
        let port = master.port;
        let lines = format!(
            "sentinel monitor main 127.0.0.1 {port} 1\nsentinel down-after-milliseconds main 700\n\
             sentinel failover-timeout main 3000\n"
        );
        std::fs::write(&file, lines).unwrap();
        let sentinel = Node::start(&dir, &[&file.display().to_string(), "--sentinel"]);
        wait_until("the sentinel knows the replica", || {
            sentinel.ask(&["SENTINEL", "REPLICAS", "main"]).contains(&replica.port.to_string())
                && replica.ask(&["ROLE"]).contains("connected")
        });
        Self { nodes: [master, replica], sentinel, _dir: dir }
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A port that nobody has, with room for the one of a cluster's bus, which is higher by 10,000.
fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = if port > 55_000 { port - 20_000 } else { port };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}
