//! The one clock of the command: the wall's, or a simulated one.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use fourfold::{
    Clock, NativeClock,
    clock::{SimulatedClock, Time},
};

/// Either clock.
#[derive(Clone, Debug)]
pub(crate) enum AnyClock {
    Native(NativeClock),
    Simulated(SimulatedClock),
}

/// A sleep on either clock.
#[derive(Debug)]
pub(crate) enum AnySleep {
    Native(<NativeClock as Clock>::Sleep),
    Simulated(<SimulatedClock as Clock>::Sleep),
}

impl Future for AnySleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::Native(sleep) => Pin::new(sleep).poll(cx),
            Self::Simulated(sleep) => Pin::new(sleep).poll(cx),
        }
    }
}

impl Clock for AnyClock {
    type Sleep = AnySleep;

    fn now(&self) -> Time {
        match self {
            Self::Native(clock) => clock.now(),
            Self::Simulated(clock) => clock.now(),
        }
    }

    fn sleep(&self, duration: Duration) -> AnySleep {
        match self {
            Self::Native(clock) => AnySleep::Native(clock.sleep(duration)),
            Self::Simulated(clock) => AnySleep::Simulated(clock.sleep(duration)),
        }
    }
}
