//! `fourfold web`: the page, from the executable.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use futures_lite::future::or;

use crate::{
    args::WebArgs,
    exit::{CliError, Ending},
    server,
    shutdown::{self, Shutdown},
    terminal,
};

/// The programs that open a page in the user's browser.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

pub(super) fn web(args: &WebArgs) -> Result<Ending, CliError> {
    let listener = server::listen_for_page(args.listen.as_ref())?;
    // Caught before the page is announced: from then on a signal may come.
    let signals = shutdown::catch();
    server::announce(&listener);
    if args.open {
        open(&listener.url());
    }
    let shutdown = Shutdown::default();
    smol::block_on(or(shutdown.once(signals), server::serve(Some(&listener))));
    Ok(shutdown.ending())
}

fn open(url: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = OPENERS.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    let Some(opener) = found.into_iter().find(|program| program.is_file()) else {
        terminal::say(&format!("warning: --open: there is no {} here: open {url} by hand", OPENERS[0]));
        return;
    };
    if let Err(error) = start(&opener, url) {
        terminal::say(&format!("warning: --open: {}: {error}", opener.display()));
    }
}

/// Starts a program and does not wait for it.
fn start(opener: &PathBuf, url: &str) -> std::io::Result<()> {
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop)
}
