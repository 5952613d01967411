//! Stopping in good order: the first signal drains, the second aborts, the third ends the process
//! at once.

use std::{cell::Cell, task::Poll, time::Duration};

use async_signal::{Signal, Signals};
use fourfold::Control;
use futures_lite::StreamExt;
use rustix::process;

use crate::{exit::Ending, process::group, terminal};

/// How long the last words of a process that is to end at once may take.
const FAREWELL: Duration = Duration::from_millis(200);

/// The signals that came.
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    first: Cell<Option<i32>>,
    count: Cell<u32>,
}

impl Shutdown {
    /// Returns which signal came first, if one came.
    pub(crate) fn ending(&self) -> Ending {
        let signal = self.first.get().and_then(|signal| u8::try_from(signal).ok());
        signal.map_or(Ending::Done, Ending::Stopped)
    }

    /// Turns signals into drain and abort; never returns.
    pub(crate) async fn watch(&self, signals: Option<Signals>, control: &Control) -> std::convert::Infallible {
        let Some(mut signals) = signals else { return std::future::pending().await };
        while let Some(Ok(signal)) = signals.next().await {
            if job_control(signal) {
                continue;
            }
            self.first.set(self.first.get().or(Some(signal as i32)));
            self.count.set(self.count.get() + 1);
            match self.count.get() {
                1 => {
                    tracing::warn!("{}: finishing what has started; once more to abort", name(signal));
                    control.drain();
                }
                2 => {
                    tracing::warn!("{}: aborting", name(signal));
                    control.abort();
                }
                _ => {
                    terminal::clear();
                    terminal::flush(Some(FAREWELL));
                    std::process::exit(i32::from(self.ending().code()))
                }
            }
        }
        std::future::pending().await
    }

    /// Waits for the first signal.
    pub(crate) async fn once(&self, signals: Option<Signals>) {
        let Some(mut signals) = signals else { return std::future::pending().await };
        while let Some(Ok(signal)) = signals.next().await {
            if !job_control(signal) {
                self.first.set(Some(signal as i32));
                break;
            }
        }
    }

    /// Waits for a signal, where something that is polled earlier in the same task
    /// [watches](Self::watch).
    pub(crate) async fn stopped(&self) {
        std::future::poll_fn(|_| if self.count.get() > 0 { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Waits for the second signal, where something that is polled earlier in the same task
    /// [watches](Self::watch).
    pub(crate) async fn twice(&self) {
        std::future::poll_fn(|_| if self.count.get() > 1 { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// Stops and continues what this process has started together with the process itself, as Ctrl-Z and `fg` mean it: the tasks
/// have groups of their own, which the terminal does not reach. Says whether the signal was one of those two.
fn job_control(signal: Signal) -> bool {
    match signal {
        Signal::Tstp => {
            terminal::clear();
            terminal::flush(Some(FAREWELL));
            group::signal_all(process::Signal::STOP);
            // It may take effect after the call: what is to happen when the process goes on waits for SIGCONT.
            let _ = process::kill_process(process::getpid(), process::Signal::STOP);
        }
        Signal::Cont => group::signal_all(process::Signal::CONT),
        _ => return false,
    }
    true
}

/// The name of a signal.
fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Int => "SIGINT",
        Signal::Hup => "SIGHUP",
        Signal::Quit => "SIGQUIT",
        _ => "SIGTERM",
    }
}

/// Catches the signals that stop a command. `None`, with a warning, where they cannot be caught:
/// they then end the process at once.
pub(crate) fn catch() -> Option<Signals> {
    let mut signals = vec![Signal::Int, Signal::Term, Signal::Quit];
    if !is_ignored(process::Signal::TSTP) {
        signals.extend([Signal::Tstp, Signal::Cont]);
    }
    // Under nohup the end of the terminal means nothing, and stays so.
    if !is_ignored(process::Signal::HUP) {
        signals.push(Signal::Hup);
    }
    Signals::new(signals).inspect_err(|error| tracing::warn!("cannot catch signals: {error}")).ok()
}

/// Whether this process was started with a signal ignored, as far as the system tells.
fn is_ignored(signal: process::Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal.as_raw() - 1)) != 0
}
