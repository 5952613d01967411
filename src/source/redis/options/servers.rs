//! URLs that name several servers: a cluster's nodes, or sentinels.

use std::{string::String, sync::Arc, vec::Vec};

use redis::ConnectionAddr;

use super::{super::nodes::Route, RedisError};

/// A URL of several servers, taken apart.
pub(super) struct Several<'a> {
    /// The scheme of each server by itself.
    scheme: &'static str,
    /// User and password with their `@`, or nothing.
    credentials: &'a str,
    servers: Vec<&'a str>,
    /// The name of the master, where they are sentinels.
    master: Option<&'a str>,
    /// All behind the servers, and behind the master's name.
    rest: &'a str,
    port: u16,
}

/// Takes a URL apart; `None` for one that names a single server.
pub(super) fn split(text: &str) -> Result<Option<Several<'_>>, RedisError> {
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
    let scheme = scheme.to_ascii_lowercase();
    let (plain, kind) = scheme.split_once('-').unwrap_or((&scheme, ""));
    let scheme = match plain {
        "redis" | "valkey" => "redis",
        "rediss" | "valkeys" => "rediss",
        _ => return Ok(None),
    };
    let (is_sentinel, port) = match kind {
        "cluster" => (false, 6379),
        "sentinel" => (true, 26379),
        _ => return Ok(None),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let at = authority.rfind('@').map_or(0, |at| at + 1);
    let (credentials, servers) = authority.split_at(at);
    let servers: Vec<&str> = servers.split(',').filter(|server| !server.is_empty()).collect();
    if servers.is_empty() {
        return Err(RedisError::usage(format!(
            "the Redis URL names no server: {scheme}-{kind}://HOST:PORT,HOST:PORT/…"
        )));
    }
    let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let path = path.strip_prefix('/').unwrap_or(path);
    if is_sentinel {
        let (master, db) = path.split_at(path.find('/').unwrap_or(path.len()));
        if master.is_empty() {
            return Err(RedisError::usage(format!(
                "the Redis URL names no master: {scheme}-sentinel://HOST:PORT,HOST:PORT/NAME?list=KEY"
            )));
        }
        let rest = &rest[rest.len() - query.len() - db.len()..];
        return Ok(Some(Several { scheme, credentials, servers, master: Some(master), rest, port }));
    }
    if !path.is_empty() && path != "0" {
        return Err(RedisError::usage("the Redis URL names a database, and a cluster has only 0: leave it out"));
    }
    Ok(Some(Several { scheme, credentials, servers, master: None, rest: query, port }))
}

impl Several<'_> {
    /// The URL of each server by itself.
    pub(super) fn urls(&self) -> Vec<String> {
        let url = |server: &&str| {
            let has_port = server.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && !port.ends_with(']'));
            let port = if has_port { String::new() } else { format!(":{}", self.port) };
            format!("{}://{}{server}{port}{}", self.scheme, self.credentials, self.rest)
        };
        self.servers.iter().map(url).collect()
    }

    pub(super) fn route(&self, servers: Vec<ConnectionAddr>) -> Route {
        match self.master {
            Some(master) => Route::Sentinel { sentinels: servers, master: master.into() },
            None => Route::Cluster { seeds: servers, nodes: Arc::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RedisOptions;

    #[test]
    fn several_servers_are_read_with_the_ports_that_they_have_by_default() {
        for (url, shown) in [
            ("redis-cluster://a,b:7,c/?list=k", "redis-cluster://a:6379,b:7,c:6379?list=k"),
            ("redis-cluster://u:p%40@a/0?stream=k&group=g", "redis-cluster://a:6379?stream=k&group=g"),
            ("REDISS-CLUSTER://[::1]?list=k", "rediss-cluster://::1:6379?list=k"),
            ("redis-sentinel://a,b/main?list=k", "redis-sentinel://a:26379,b:26379/main/0?list=k"),
            ("valkey-sentinel://a:1/main/3?list=k", "redis-sentinel://a:1/main/3?list=k"),
        ] {
            assert_eq!(RedisOptions::from_url(url).map(|it| it.to_string()).as_deref(), Ok(shown), "{url}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (url, part) in [
            ("redis-cluster:///?list=k", "no server"),
            ("redis-cluster://a/2?list=k", "only 0"),
            ("redis-cluster://a,b/", "list=KEY"),
            ("redis-sentinel://u:secret@a,b/?list=k", "NAME"),
            ("redis-sentinel://u:secret@a,b/main/x?list=k", "database is no number"),
            ("redis-cluster://u:secret@a,b:x/?list=k", "not a Redis URL"),
            ("redis-other://a/?list=k", "not a Redis URL"),
        ] {
            let error = RedisOptions::from_url(url).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
