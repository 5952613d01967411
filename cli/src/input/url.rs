//! URLs of Redis queues.

use std::env;

use fourfold::source::redis::RedisOptions;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::exit::CliError;

/// The environment's password for a URL that has none, under the name that redis-cli gives it.
const PASSWORD: &str = "REDISCLI_AUTH";

/// The schemes of URLs that name a Redis queue.
const SCHEMES: [&str; 15] = [
    "redis",
    "rediss",
    "valkey",
    "valkeys",
    "unix",
    "redis+unix",
    "valkey+unix",
    "redis-cluster",
    "rediss-cluster",
    "valkey-cluster",
    "valkeys-cluster",
    "redis-sentinel",
    "rediss-sentinel",
    "valkey-sentinel",
    "valkeys-sentinel",
];

/// Returns whether a SOURCE is such a URL; letter case and white space before it do not matter.
pub(super) fn is_redis(source: &str) -> bool {
    let scheme = source.trim_start().split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)))
}

/// Reads a URL.
///
/// # Errors
/// When it names no queue, or has characters in it that mean something else there.
pub(super) fn options(source: &str) -> Result<RedisOptions, CliError> {
    let url = source.trim_start();
    check(url)?;
    let url = match env::var(PASSWORD) {
        Ok(password) if !password.is_empty() => with_password(url, &password),
        _ => url.to_owned(),
    };
    RedisOptions::from_url(&url).map_err(CliError::usage)
}

/// Refuses what would silently be read as something else. No error repeats a part of the URL.
fn check(url: &str) -> Result<(), CliError> {
    if url.contains('#') {
        return Err(CliError::usage(
            "the Redis URL has a `#` in it, where a URL ends: write %23 for one in a password or in list=KEY",
        ));
    }
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    if query.rsplit_once('?').is_some_and(|(before, _)| before.contains('@')) {
        return Err(CliError::usage(
            "the Redis URL has a `?` before its `@`, where the queue begins: write %3F for one in a password",
        ));
    }
    let credentials = place.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(before, _)| before);
    let values =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (format!("{name}="), value));
    let parts = credentials.map(|text| ("user or password".to_owned(), text)).into_iter().chain(values);
    for (what, text) in parts {
        if percent_decode_str(text).decode_utf8().is_err() {
            return Err(CliError::usage(format_args!("the Redis URL's {what} is no UTF-8 once its %XX are read")));
        }
    }
    Ok(())
}

/// Adds a password to a URL that has none.
fn with_password(url: &str, password: &str) -> String {
    let password = utf8_percent_encode(password, NON_ALPHANUMERIC);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    if scheme.to_ascii_lowercase().ends_with("unix") {
        let has_password = url.contains("?pass=") || url.contains("&pass=");
        let mark = if url.contains('?') { '&' } else { '?' };
        return if has_password { url.to_owned() } else { format!("{url}{mark}pass={password}") };
    }
    match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => url.to_owned(),
        Some((user, host)) => format!("{scheme}://{user}:{password}@{host}{after}"),
        None => format!("{scheme}://:{password}@{authority}{after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_known_by_its_scheme() {
        for source in
            ["redis://h/0?list=a", "REDIS://h", " redis://h", "Redis+Unix:///s", "valkeys://h", "redis-cluster://a,b"]
        {
            assert!(is_redis(source), "{source}");
        }
        for source in ["redis.jsonl", "-", "demo", "http://h", "tasks:redis"] {
            assert!(!is_redis(source), "{source}");
        }
    }

    #[test]
    fn what_would_be_read_as_something_else_is_refused_without_a_word_of_it() {
        for (url, part) in [
            ("redis://h/0?list=jobs#7", "%23"),
            ("redis://u:sec#ret@h/0?list=a", "%23"),
            ("redis://u:sec?ret@h/0?list=a", "%3F"),
            ("redis://h/0?list=a%FFb", "list="),
            ("redis://u:%FFsecret@h/0?list=a", "password"),
            ("redis://u:secret@h/0?stream=a", "group=GROUP"),
        ] {
            let error = options(url).unwrap_err();
            assert!(error.message().contains(part) && !error.message().contains("sec"), "{url}: {}", error.message());
        }
        assert_eq!(options(" REDIS://u:p@h/0?list=a%23b?c").unwrap().to_string(), "redis://h:6379/0?list=a#b?c");
    }

    #[test]
    fn the_environments_password_is_for_urls_without_one() {
        for (url, expected) in [
            ("redis://h/0?list=a", "redis://:s%40x@h/0?list=a"),
            ("redis://u@h:1?list=a", "redis://u:s%40x@h:1?list=a"),
            ("redis-cluster://a,b/?list=a", "redis-cluster://:s%40x@a,b/?list=a"),
            ("redis://u:p@h/0", "redis://u:p@h/0"),
            ("unix:///s?list=a", "unix:///s?list=a&pass=s%40x"),
            ("unix:///s?pass=p&list=a", "unix:///s?pass=p&list=a"),
        ] {
            assert_eq!(with_password(url, "s@x"), expected);
        }
    }
}
