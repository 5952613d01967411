//! Which server has the queue: the one of the URL, the owner of its slot in a cluster, or the master that Sentinel names.

use core::time::Duration;
use std::{string::String, vec::Vec};

use redis::{Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, RedisConnectionInfo, Value};
use tracing::debug;

use super::{
    connection::Connection,
    error::{ConnectionError, TARGET, odd_reply},
    nodes::{Nodes, Route},
    options::RedisOptions,
};

/// How long one of several servers may take to answer before the next one is asked.
const ASKED_MAX: Duration = Duration::from_secs(1);
/// The most nodes of a cluster that are remembered.
const NODES_MAX: usize = 1_000;
/// How long a server may take to answer the first time.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Connects to the server that has the queue.
pub(super) async fn open(options: &RedisOptions) -> Result<Connection, ConnectionError> {
    let info = find(options).await?;
    Connection::open_at(options, &info, CONNECT_MAX).await
}

/// Finds the server that has the queue just now.
async fn find(options: &RedisOptions) -> Result<ConnectionInfo, ConnectionError> {
    let info = &options.info;
    match &options.route {
        Route::Direct => Ok(info.clone()),
        Route::Cluster { seeds, nodes } => {
            if let Some((host, port)) = nodes.take_owner() {
                return Ok(info.clone().set_addr(at(info.addr(), host, port)));
            }
            let others = nodes.others().into_iter().map(|(host, port)| at(info.addr(), host, port));
            let owner =
                first_answer(options, seeds.iter().cloned().chain(others), info.redis_settings(), async |asked| {
                    owner(asked, &options.key, nodes).await
                });
            Ok(info.clone().set_addr(owner.await?))
        }
        Route::Sentinel { sentinels, master } => {
            // The user and the password of the URL are those of the servers.
            let settings = RedisConnectionInfo::default();
            let found =
                first_answer(options, sentinels.iter().cloned(), &settings, async |asked| named(asked, master).await);
            Ok(info.clone().set_addr(found.await?))
        }
    }
}

/// The same kind of address on another server.
fn at(like: &ConnectionAddr, to_host: String, to_port: u16) -> ConnectionAddr {
    match like {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host: to_host, port: to_port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(to_host, to_port),
    }
}

/// A server that is asked, and its own address.
struct Asked<'a> {
    connection: Connection,
    address: ConnectionAddr,
    options: &'a RedisOptions,
}

impl Asked<'_> {
    async fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> Result<T, ConnectionError> {
        let mut command = Cmd::new();
        command.arg(words);
        let on = self.connection.on(self.options.place());
        let reply: Value = self.connection.drive(ASKED_MAX, on.send(&command)).await?;
        T::from_redis_value(reply).map_err(|_| odd_reply(words[0]))
    }
}

/// Asks servers in turn until one knows. The error is that of the last.
async fn first_answer<'a>(
    options: &'a RedisOptions,
    servers: impl Iterator<Item = ConnectionAddr>,
    settings: &RedisConnectionInfo,
    ask: impl AsyncFn(Asked<'a>) -> Result<ConnectionAddr, ConnectionError>,
) -> Result<ConnectionAddr, ConnectionError> {
    let mut last = ConnectionError::Connection("no server is named".into());
    for address in servers {
        let info = options.info.clone().set_addr(address.clone()).set_redis_settings(settings.clone());
        let answer = async {
            let connection = Connection::open_at(options, &info, ASKED_MAX).await?;
            ask(Asked { connection, address: address.clone(), options }).await
        };
        match answer.await {
            Ok(found) => return Ok(found),
            Err(error @ ConnectionError::Fatal(_)) => return Err(error),
            Err(error) => {
                debug!(target: TARGET, "{address}: {}", error.reason());
                last = error;
            }
        }
    }
    Err(last)
}

/// The master that has the key's slot, by what a node of the cluster knows.
async fn owner(mut asked: Asked<'_>, key: &str, nodes: &Nodes) -> Result<ConnectionAddr, ConnectionError> {
    /// The first and the last slot, and the nodes that have them, the master first.
    type Range = (u64, u64, Value);
    let slot: u64 = asked.ask(&["CLUSTER", "KEYSLOT", key]).await?;
    let ranges: Vec<Value> = asked.ask(&["CLUSTER", "SLOTS"]).await?;
    let (mut found, mut others) = (None, Vec::new());
    for range in ranges {
        let Value::Array(parts) = range else { return Err(odd_reply("CLUSTER SLOTS")) };
        let [from, to, master, ..] = &parts[..] else { return Err(odd_reply("CLUSTER SLOTS")) };
        let (from, to, master): Range = (read(from)?, read(to)?, master.clone());
        let Value::Array(master) = master else { return Err(odd_reply("CLUSTER SLOTS")) };
        let [host, port, ..] = &master[..] else { return Err(odd_reply("CLUSTER SLOTS")) };
        // A node that does not know its own name has that by which it was reached.
        let host = read::<Option<String>>(host)?.filter(|host| !host.is_empty()).unwrap_or_else(|| {
            let (ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. }) = &asked.address else {
                return String::new();
            };
            host.clone()
        });
        let node = (host, read::<u16>(port)?);
        if (from..=to).contains(&slot) {
            found = Some(node.clone());
        }
        if others.len() < NODES_MAX {
            others.push(node);
        }
    }
    nodes.remember(others);
    let (host, port) =
        found.ok_or_else(|| ConnectionError::Passing(format!("no node of the cluster has slot {slot}")))?;
    Ok(at(&asked.address, host, port))
}

fn read<T: FromRedisValue>(value: &Value) -> Result<T, ConnectionError> {
    T::from_redis_value_ref(value).map_err(|_| odd_reply("CLUSTER SLOTS"))
}

/// The master that a sentinel names, if it says itself that it is one.
async fn named(mut asked: Asked<'_>, master: &str) -> Result<ConnectionAddr, ConnectionError> {
    let found: Option<(String, u16)> = asked.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]).await?;
    let (host, port) =
        found.ok_or_else(|| ConnectionError::Passing(format!("Sentinel knows no master named {master}")))?;
    let address = at(&asked.address, host, port);
    // A master that was deposed answers until it is told so.
    let info = asked.options.info.clone().set_addr(address.clone());
    let connection = Connection::open_at(asked.options, &info, ASKED_MAX).await?;
    let mut server = Asked { connection, address, options: asked.options };
    let role: Vec<Value> = server.ask(&["ROLE"]).await?;
    match role.first().map(String::from_redis_value_ref) {
        Some(Ok(role)) if role == "master" => Ok(server.address),
        _ => Err(ConnectionError::Passing(format!("{} is no master any more, or not yet", server.address))),
    }
}
