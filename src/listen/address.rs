//! Where to listen.

use core::{fmt, str::FromStr};
use std::{
    io,
    net::{TcpListener, ToSocketAddrs},
};

use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// A host and a port: `127.0.0.1:4040`, `[::1]:0`, `localhost:8080`; a port alone is on 127.0.0.1. Port 0 is any that is free.
///
/// ```
/// use fourfold::listen::ListenAddress;
/// assert_eq!("4040".parse::<ListenAddress>().unwrap().to_string(), "127.0.0.1:4040");
/// assert!("localhost".parse::<ListenAddress>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// A name or an address, without brackets.
    host: String,
    port: u16,
}

/// A text that is no [`ListenAddress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAddress;

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected HOST:PORT: such as 127.0.0.1:4040, [::1]:4040 or localhost:0")
    }
}

impl core::error::Error for InvalidAddress {}

impl FromStr for ListenAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
        // `parse` would take a sign.
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidAddress);
        }
        let port = port.parse().map_err(|_| InvalidAddress)?;
        let host = match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
            None if !host.contains(':') => host,
            Some(Some(host)) if host.contains(':') => host,
            _ => return Err(InvalidAddress),
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "/@?#[]".contains(c)) {
            return Err(InvalidAddress);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl ListenAddress {
    /// Makes the address of a port on 127.0.0.1.
    pub fn loopback(port: u16) -> Self {
        Self { host: "127.0.0.1".to_owned(), port }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn bind(&self) -> io::Result<TcpListener> {
        let addresses: Vec<_> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        TcpListener::bind(addresses.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, expected) in [
            ("127.0.0.1:4040", "127.0.0.1:4040"),
            ("[::1]:0", "[::1]:0"),
            ("localhost:80", "localhost:80"),
            ("0", "127.0.0.1:0"),
            ("0.0.0.0:65535", "0.0.0.0:65535"),
        ] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), expected);
        }
        let bad =
            ["", ":", ":80", "host", "host:", "host:http", "host:+80", "host:65536", "::1:80", "[host]:80", "[::1:80"];
        for text in bad.into_iter().chain(["http://host:80", "a b:80", "user@host:80", "-1"]) {
            assert_eq!(text.parse::<ListenAddress>(), Err(InvalidAddress), "{text}");
        }
    }
}
