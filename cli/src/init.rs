//! The first process of a container: it only reaps what others left behind, and the command runs as
//! its child.

use std::{env, io, os::unix::process::CommandExt, process::Command, thread};

use async_signal::{Signal, Signals};
use futures_lite::StreamExt;
use rustix::process::{Pid, WaitOptions, WaitStatus, kill_process, wait};

/// Returns whether this is the first process: the parent of all whose own parents have ended.
pub(crate) fn is_first() -> bool {
    std::process::id() == 1
}

/// Runs the command as a child and reaps whatever ends. Returns the child's exit code.
///
/// # Errors
/// When no child can be started: then the command has to run in this process.
pub(crate) fn run() -> io::Result<u8> {
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| "fourfold".into());
    let signals = Signals::new([Signal::Int, Signal::Term, Signal::Hup, Signal::Quit])?;
    let child = Command::new(env::current_exe()?).arg0(name).args(arguments).spawn()?;
    let child = Pid::from_child(&child);
    thread::spawn(move || pass_on(signals, child));
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended == child => return Ok(code(status)),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sends on to the child what is meant for it.
fn pass_on(mut signals: Signals, child: Pid) {
    while let Some(Ok(signal)) = smol::block_on(signals.next()) {
        let signal = match signal {
            Signal::Int => rustix::process::Signal::INT,
            Signal::Hup => rustix::process::Signal::HUP,
            Signal::Quit => rustix::process::Signal::QUIT,
            _ => rustix::process::Signal::TERM,
        };
        // Once it has ended, so does this process.
        let _ = kill_process(child, signal);
    }
}

/// The exit code as a shell gives it.
fn code(status: WaitStatus) -> u8 {
    let signal = status.terminating_signal().map(|signal| 128 + signal);
    let code = status.exit_status().or(signal).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}
