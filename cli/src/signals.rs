//! SIGINT and SIGTERM: the first drains, the second aborts, the third does not wait for anybody.

use std::{cell::Cell, task::Poll};

use async_signal::{Signal, Signals};
use fourfold::Control;
use futures_lite::StreamExt;

use super::screen;

/// What has been asked of the process.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    first: Cell<Option<i32>>,
    count: Cell<u32>,
}

impl Asked {
    /// The exit code that says which signal came first, if one came.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        self.first.get().and_then(|signal| u8::try_from(128 + signal).ok())
    }

    /// Turns signals into drain and abort; never ends.
    pub(crate) async fn watch(&self, signals: Option<Signals>, control: &Control) -> std::convert::Infallible {
        let Some(mut signals) = signals else { return std::future::pending().await };
        while let Some(Ok(signal)) = signals.next().await {
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
                    screen::clear();
                    std::process::exit(i32::from(self.exit_code().unwrap_or(1)))
                }
            }
        }
        std::future::pending().await
    }

    /// Ends at the first signal.
    pub(crate) async fn once(&self, signals: Option<Signals>) {
        let Some(mut signals) = signals else { return std::future::pending().await };
        if let Some(Ok(signal)) = signals.next().await {
            self.first.set(Some(signal as i32));
        }
    }

    /// Ends at the second signal, where something that is polled earlier in the same task [watches](Self::watch).
    pub(crate) async fn twice(&self) {
        std::future::poll_fn(|_| if self.count.get() > 1 { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// As everybody writes it.
fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Int => "SIGINT",
        _ => "SIGTERM",
    }
}

/// The signals that end a run. `None`, with a warning, where they cannot be caught: they then end the process at once.
pub(crate) fn catch() -> Option<Signals> {
    Signals::new([Signal::Int, Signal::Term]).inspect_err(|error| tracing::warn!("cannot catch signals: {error}")).ok()
}
