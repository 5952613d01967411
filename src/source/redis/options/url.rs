//! The URL of a queue.

use std::{borrow::ToOwned, string::String, vec::Vec};

use redis::{ConnectionInfo, IntoConnectionInfo};

use super::{super::nodes::Route, PopSide, RedisError, servers};

/// What a URL says.
pub(super) struct Parts {
    pub(super) info: ConnectionInfo,
    pub(super) key: String,
    pub(super) pop: PopSide,
    /// The group, where the key is a stream.
    pub(super) group: Option<String>,
    pub(super) route: Route,
}

pub(super) fn parse(text: &str) -> Result<Parts, RedisError> {
    let text = text.trim();
    let Some(several) = servers::split(text)? else { return parse_one(text) };
    let all = several.urls().iter().map(|url| parse_one(url)).collect::<Result<Vec<_>, _>>()?;
    let route = several.route(all.iter().map(|parts| parts.info.addr().clone()).collect());
    let first = all.into_iter().next();
    // The parts behind the servers are the same for all of them, and there is one at least.
    first.map(|parts| Parts { route, ..parts }).ok_or_else(|| RedisError::usage("the Redis URL names no server"))
}

/// Reads the URL of one server.
fn parse_one(text: &str) -> Result<Parts, RedisError> {
    if let Some(at) = text.find('#') {
        let part =
            if text.rfind('@').is_some_and(|end| at < end) { "user or password" } else { "part behind the server" };
        return Err(RedisError::usage(format!("the Redis URL has a `#` in its {part}: write it as %23")));
    }
    let Some(url) = redis::parse_redis_url(text) else {
        let forms =
            "redis://HOST:PORT/DB?list=KEY or ?stream=KEY&group=GROUP, rediss://… or redis+unix:///PATH?list=KEY";
        let hint = "; in a password, `?`, `/` and `@` are written as %3F, %2F and %40";
        let hint = if text.contains('@') { hint } else { "" };
        return Err(RedisError::usage(format!("not a Redis URL: the forms are {forms}{hint}")));
    };
    let query = url.query().unwrap_or_default().to_owned();
    let is_socket = url.scheme().ends_with("unix");
    let (mut key, mut stream, mut group, mut pop, mut user, mut pass) = (None, None, None, None, None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value)
            .ok_or_else(|| RedisError::usage(format!("the Redis URL's {}= is no UTF-8 once decoded", known(name))))?;
        match name {
            "list" => once(&mut key, name, value)?,
            "stream" => once(&mut stream, name, value)?,
            "group" => once(&mut group, name, value)?,
            "pop" => {
                pop = match &*value {
                    "right" => Some(PopSide::Right),
                    "left" => Some(PopSide::Left),
                    _ => return Err(RedisError::usage("the Redis URL's pop= takes right or left")),
                }
            }
            "user" if is_socket => user = Some(value),
            "pass" if is_socket => pass = Some(value),
            "db" if is_socket => {}
            "protocol" => {}
            "db" => {
                return Err(RedisError::usage(
                    "the Redis URL has db=: here the database stands behind the server, /DB",
                ));
            }
            name => {
                return Err(RedisError::usage(format!("the Redis URL has an unknown parameter, {}=", known(name))));
            }
        }
    }
    let (key, group) = queue(key, stream, group, pop)?;
    // The error's detail could repeat a part of the URL.
    let mut info = url.into_connection_info().map_err(|error| {
        let text = error.to_string();
        let what = match () {
            () if text.contains("database number") => "the database is no number",
            () if text.contains("Password") => "the password is no UTF-8 once decoded",
            () if text.contains("Username") => "the user is no UTF-8 once decoded",
            () => "no server in it",
        };
        RedisError::usage(format!("the Redis URL is not usable: {what}"))
    })?;
    if is_socket {
        // Decoded here, since there a `+` would be a space.
        let mut settings = info.redis_settings().clone();
        if let Some(user) = user {
            settings = settings.set_username(user);
        }
        if let Some(pass) = pass {
            settings = settings.set_password(pass);
        }
        info = info.set_redis_settings(settings);
    }
    Ok(Parts { info, key, pop: pop.unwrap_or_default(), group, route: Route::Direct })
}

fn once(slot: &mut Option<String>, name: &str, value: String) -> Result<(), RedisError> {
    match slot.replace(value) {
        Some(_) => Err(RedisError::usage(format!("the Redis URL has {name}= twice"))),
        None => Ok(()),
    }
}

/// The key, and the group where it is a stream.
fn queue(
    list: Option<String>,
    stream: Option<String>,
    group: Option<String>,
    pop: Option<PopSide>,
) -> Result<(String, Option<String>), RedisError> {
    let named = |value: Option<String>| value.filter(|value| !value.is_empty());
    let error = match (list, stream) {
        (Some(_), Some(_)) => "the Redis URL has both list= and stream=: name one queue",
        (Some(_), None) if group.is_some() => "the Redis URL has group= beside list=: only streams have groups",
        (None, Some(_)) if pop.is_some() => {
            "the Redis URL has pop= beside stream=: a stream is read from its beginning"
        }
        (None, Some(stream)) => match (named(Some(stream)), named(group)) {
            (Some(stream), Some(group)) => return Ok((stream, Some(group))),
            (None, _) => "the Redis URL names no key: stream=KEY is empty",
            (_, None) => "the Redis URL names no group: group=GROUP, which reads the stream, is missing or empty",
        },
        (list, None) => match named(list) {
            Some(list) => return Ok((list, None)),
            None => "the Redis URL names no key: list=KEY is missing or empty",
        },
    };
    Err(RedisError::usage(error))
}

/// The name of a parameter, unless it may be a piece of a badly written password.
fn known(name: &str) -> &str {
    let is_plain =
        name.len() <= 16 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_');
    if is_plain { name } else { "…" }
}

/// What `%` and two digits stand for; `None` when that is no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        let digit = |at: usize| others.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).ok()?);
                rest = &others[2..];
            }
            (byte, ..) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{super::RedisOptions, *};

    fn error(url: &str) -> String {
        let error = RedisOptions::from_url(url).unwrap_err();
        assert!(error.is_usage());
        error.to_string()
    }

    #[test]
    fn urls_of_every_form() {
        for (url, shown, pop) in [
            ("redis://h/0?list=a", "redis://h:6379/0?list=a", PopSide::Right),
            ("redis://:p%40ss@h:1/3?pop=left&list=a%20b", "redis://h:1/3?list=a b", PopSide::Left),
            ("rediss://u:p@h?list=a", "rediss://h:6379/0?list=a", PopSide::Right),
            ("redis://[::1]:7/?list=%7Ba%7Db", "redis://[::1]:7/0?list={a}b", PopSide::Right),
            ("redis+unix:///run/r.sock?db=2&list=a&pop=right", "redis+unix:///run/r.sock?db=2&list=a", PopSide::Right),
            ("REDIS://h/0?list=a", "redis://h:6379/0?list=a", PopSide::Right),
            (" Redis://h/0?list=a", "redis://h:6379/0?list=a", PopSide::Right),
            ("redis://h/0?list=a+b%23c", "redis://h:6379/0?list=a+b#c", PopSide::Right),
            ("redis://h/0?group=g&stream=a", "redis://h:6379/0?stream=a&group=g", PopSide::Right),
        ] {
            let options = RedisOptions::from_url(url).unwrap();
            assert_eq!((options.to_string().as_str(), options.pop), (shown, pop));
        }
    }

    #[test]
    fn bad_urls_name_what_is_wrong_and_no_secret() {
        for (url, part) in [
            ("http://h/?list=a", "not a Redis URL"),
            ("redis://u:secret@h:port/?list=a", "not a Redis URL"),
            ("redis://u:secret@h/x?list=a", "the database is no number"),
            ("redis://u:secret@h/0", "list=KEY is missing"),
            ("redis://u:secret@h/0?list=a&pop=up", "pop= takes right or left"),
            ("redis://u:secret@h/0?list=a&lsit=b", "unknown parameter, lsit="),
            ("redis://h/0?list=jobs#7", "`#` in its part behind the server: write it as %23"),
            ("redis://u:se#cret@h/0?list=a", "`#` in its user or password"),
            ("redis://h/0?list=a%FFb", "list= is no UTF-8"),
            ("redis://u:%FFsecret@h/0?list=a", "the password is no UTF-8"),
            ("redis://h/0?list=a&list=b", "list= twice"),
            ("redis://u:x?secret@h/0?list=a", "%3F"),
            ("redis://h/0?db=3&list=a", "/DB"),
            ("redis://h/0?stream=a", "group=GROUP"),
            ("redis://h/0?stream=&group=g", "stream=KEY is empty"),
            ("redis://h/0?stream=a&list=a&group=g", "both list= and stream="),
            ("redis://h/0?list=a&group=g", "only streams have groups"),
            ("redis://h/0?stream=a&group=g&pop=left", "pop= beside stream="),
        ] {
            let error = error(url);
            assert!(error.contains(part) && !error.contains("secret"), "{url}: {error}");
        }
        let options = RedisOptions::from_url("redis://user:secret@h/0?list=a").unwrap();
        assert!(!format!("{options:?} {options}").contains("secret"));
    }

    #[test]
    fn a_password_can_come_from_elsewhere_and_the_url_comes_first() {
        let password = |url: &str| {
            let options = RedisOptions::from_url(url).unwrap().credentials(Some("me"), "elsewhere");
            let settings = options.info.redis_settings();
            (settings.username().map(str::to_owned), settings.password().map(str::to_owned))
        };
        assert_eq!(password("redis://h/0?list=a"), (Some("me".into()), Some("elsewhere".into())));
        assert_eq!(password("redis://you@h/0?list=a"), (Some("you".into()), Some("elsewhere".into())));
        assert_eq!(password("redis://:here@h/0?list=a"), (None, Some("here".into())));
        assert_eq!(password("unix:///s?list=a&pass=a%2Bb+c"), (None, Some("a+b+c".into())));
    }
}
