//! The HTTP server beside a run, and the page that it serves.

mod page;

use std::{io, ops::RangeInclusive};

use fourfold::listen::{ListenAddress, Listener};

use crate::{exit::CliError, terminal};

/// The port where the page is by default, and those that are tried when it is taken.
const PORTS: RangeInclusive<u16> = 4040..=4059;

/// Listens at an address for a run that is about to begin.
///
/// # Errors
/// When nothing can listen there.
pub(crate) fn listen(address: &ListenAddress) -> Result<Listener, CliError> {
    bound(Listener::bind(address), address)
}

/// Listens at an address for the page alone, by default at the first free one of [`PORTS`].
///
/// # Errors
/// When nothing can listen there.
pub(crate) fn listen_for_page(address: Option<&ListenAddress>) -> Result<Listener, CliError> {
    match address {
        Some(address) => bound(Listener::bind_page(address), address),
        None => listen_at_free_port(),
    }
}

fn bound(listener: io::Result<Listener>, address: &ListenAddress) -> Result<Listener, CliError> {
    let listener = listener.map_err(|error| CliError::usage(format_args!("--listen {address}: {error}")))?;
    Ok(listener.page(page::page()))
}

fn listen_at_free_port() -> Result<Listener, CliError> {
    for port in PORTS {
        let address = ListenAddress::loopback(port);
        match Listener::bind_page(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            listener => return bound(listener, &address),
        }
    }
    let (first, last) = (PORTS.start(), PORTS.end());
    Err(CliError::usage(format_args!(
        "the ports {first} to {last} of 127.0.0.1 are taken: --listen 0 takes any that is free"
    )))
}

/// Says where it listens.
pub(crate) fn announce(listener: &Listener) {
    terminal::say(&format!("listening on {}", listener.url()));
    if !listener.address().ip().is_loopback() {
        terminal::say(
            "warning: everyone who can reach that address can read what is served, including the reasons of failures",
        );
    }
}

/// Serves, if there is a listener; never returns.
pub(crate) async fn serve<T>(listener: Option<&Listener>) -> T {
    if let Some(listener) = listener {
        match listener.serve().await {}
    }
    std::future::pending().await
}
