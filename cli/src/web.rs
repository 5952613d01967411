//! `fourfold web`: the page, from the executable.

use std::{
    io::ErrorKind,
    path::PathBuf,
    process::{Command, Stdio},
};

use fourfold::listen::{ListenAddress, Listener};
use futures_lite::future::or;

use super::{
    args::WebArgs,
    exit::{self, Fault},
    listen, page, screen,
    signals::{self, Asked},
};

/// Where it is unless something else is said; the ports after it are tried where it is taken.
const PORTS: std::ops::RangeInclusive<u16> = 4040..=4059;
/// What opens a page in the user's browser.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

pub(crate) fn web(args: &WebArgs) -> Result<u8, Fault> {
    let listener = match &args.listen {
        Some(address) => bind(address)?,
        None => bind_any()?,
    };
    let listener = listener.page(page::page());
    // Before anybody is told that it is there.
    let signals = signals::catch();
    listen::announce(&listener);
    if args.open {
        open(&listener.url());
    }
    let asked = Asked::default();
    smol::block_on(or(asked.once(signals), listen::serve(Some(&listener))));
    Ok(asked.exit_code().unwrap_or(exit::DONE))
}

fn bind(address: &ListenAddress) -> Result<Listener, Fault> {
    Listener::bind_page(address).map_err(|error| Fault::usage(format_args!("--listen {address}: {error}")))
}

fn bind_any() -> Result<Listener, Fault> {
    for port in PORTS {
        match Listener::bind_page(&ListenAddress::loopback(port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            bound => {
                return bound
                    .map_err(|error| Fault::usage(format_args!("127.0.0.1:{port}: {error} (try --listen ADDR)")));
            }
        }
    }
    let (first, last) = (PORTS.start(), PORTS.end());
    Err(Fault::usage(format_args!(
        "the ports {first} to {last} of 127.0.0.1 are taken: --listen 0 takes any that is free"
    )))
}

fn open(url: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = OPENERS.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    let Some(opener) = found.into_iter().find(|program| program.is_file()) else {
        screen::say(&format!("warning: --open: there is no {} here: open {url} by hand", OPENERS[0]));
        return;
    };
    if let Err(error) = start(&opener, url) {
        screen::say(&format!("warning: --open: {}: {error}", opener.display()));
    }
}

/// Starts it, and leaves it to itself.
fn start(opener: &PathBuf, url: &str) -> std::io::Result<()> {
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop)
}
