//! Who is let in: those who ask to read, by a name that is this machine's, and not on behalf of another site.
//!
//! A page anywhere on the web can have its own name resolve to 127.0.0.1 and then read what is there as its own: so the name
//! that was asked for has to be one that only this machine's user can have meant. An address cannot be made to mean another.

use alloc::{borrow::ToOwned, string::String};
use std::net::IpAddr;

use hyper::{Method, StatusCode};

/// The names under which the server is asked.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// As the user wrote it.
    given: String,
    bound: IpAddr,
}

impl Hosts {
    pub(super) fn new(given: &str, bound: IpAddr) -> Self {
        Self { given: given.to_owned(), bound }
    }

    /// Whether `Host` names this server; ports are not looked at, for a tunnel may end at another one.
    fn admit(&self, host: &str) -> bool {
        let (name, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            // What follows the brackets is the port and nothing else: `[::1].evil.example` is a name.
            Some((name, "")) => (name, ""),
            Some((name, rest)) => match rest.strip_prefix(':') {
                Some(port) => (name, port),
                None => return false,
            },
            None => host.split_once(':').unwrap_or((host, "")),
        };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        match name.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || address == self.bound || self.bound.is_unspecified(),
            Err(_) => name.eq_ignore_ascii_case("localhost") || name.eq_ignore_ascii_case(&self.given),
        }
    }

    /// Says with which status a request is refused, and why.
    pub(super) fn refuse(&self, method: &Method, asked: &Asked<'_>) -> Option<(StatusCode, &'static str)> {
        let Some(host) = asked.host.filter(|host| self.admit(host)) else {
            return Some((
                StatusCode::FORBIDDEN,
                "this is not the name of this server: use the address that it printed\n",
            ));
        };
        let same = |origin: &str| origin.strip_prefix("http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host));
        if !asked.origins.iter().all(|origin| origin.is_some_and(same)) {
            return Some((StatusCode::FORBIDDEN, "another site may not read this\n"));
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Some((StatusCode::METHOD_NOT_ALLOWED, "this server is read-only: GET and HEAD\n"));
        }
        None
    }
}

/// What a request says of whom it asks, and for whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) host: Option<&'a str>,
    /// `Some(None)` is one that is no text, or more than one.
    pub(super) origins: Option<Option<&'a str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, bound: &str, host: &str, admitted: bool) {
        let hosts = Hosts::new(given, bound.parse().unwrap());
        let asked = Asked { host: Some(host), origins: None };
        assert_eq!(hosts.refuse(&Method::GET, &asked).is_none(), admitted, "{given} {host}");
    }

    #[test]
    fn names_are_those_of_this_machine() {
        for host in ["127.0.0.1:4040", "localhost:4040", "LOCALHOST", "[::1]:4040", "127.0.0.1", "127.8.0.1:1"] {
            check("127.0.0.1", "127.0.0.1", host, true);
        }
        for host in [
            "evil.example:4040",
            "localhost.evil.example",
            "10.0.0.1:4040",
            "",
            "[::1",
            "::1",
            "127.0.0.1.evil.example",
            "[::1].evil.example",
            "[::1]evil.example:4040",
            "[::1]:4040.evil.example",
            "127.0.0.1:4040.evil.example",
        ] {
            check("127.0.0.1", "127.0.0.1", host, false);
        }
    }

    #[test]
    fn what_the_user_names_is_a_name_too() {
        check("build-box", "10.0.0.1", "Build-Box:4040", true);
        check("build-box", "10.0.0.1", "10.0.0.1:4040", true);
        check("build-box", "10.0.0.1", "10.0.0.2:4040", false);
        check("0.0.0.0", "0.0.0.0", "10.0.0.2:4040", true);
        check("0.0.0.0", "0.0.0.0", "evil.example:4040", false);
        check("::", "::", "[fe80::1]:4040", true);
    }

    #[test]
    fn origins_are_the_same_or_absent() {
        let hosts = Hosts::new("127.0.0.1", [127, 0, 0, 1].into());
        let refused = |origins| {
            let asked = Asked { host: Some("localhost:4040"), origins };
            hosts.refuse(&Method::GET, &asked).map(|(status, _)| status)
        };
        assert_eq!(refused(None), None);
        assert_eq!(refused(Some(Some("http://localhost:4040"))), None);
        for origin in ["http://localhost:4041", "https://localhost:4040", "http://127.0.0.1:4040", "null", ""] {
            assert_eq!(refused(Some(Some(origin))), Some(StatusCode::FORBIDDEN), "{origin}");
        }
        assert_eq!(refused(Some(None)), Some(StatusCode::FORBIDDEN));
    }

    #[test]
    fn nothing_can_be_written() {
        let hosts = Hosts::new("127.0.0.1", [127, 0, 0, 1].into());
        let asked = Asked { host: Some("127.0.0.1"), origins: None };
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::CONNECT, Method::TRACE] {
            assert_eq!(hosts.refuse(&method, &asked).map(|(status, _)| status), Some(StatusCode::METHOD_NOT_ALLOWED));
        }
        assert!(hosts.refuse(&Method::HEAD, &asked).is_none());
    }
}
