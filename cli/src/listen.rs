//! `--listen`: the server beside a run.

use fourfold::listen::{ListenAddress, Listener};

use super::{exit::Fault, page, screen};

/// Listens there, and says where that is.
pub(crate) fn open(address: &ListenAddress) -> Result<Listener, Fault> {
    let fault = |error| Fault::usage(format_args!("--listen {address}: {error}"));
    let listener = Listener::bind(address).map_err(fault)?.page(page::page());
    announce(&listener);
    Ok(listener)
}

pub(crate) fn announce(listener: &Listener) {
    screen::say(&format!("listening on {}", listener.url()));
    if !listener.address().ip().is_loopback() {
        screen::say("warning: everyone who can reach that address can read what is there, payloads' failures included");
    }
}

/// Serves, where there is somebody to do it; never ends.
pub(crate) async fn serve<T>(listener: Option<&Listener>) -> T {
    if let Some(listener) = listener {
        match listener.serve().await {}
    }
    std::future::pending().await
}
