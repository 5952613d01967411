//! A connection that is not waited for for ever.

use core::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::io;

use futures_lite::{AsyncRead, AsyncWrite, Future};
use smol::{Timer, net::TcpStream};

/// How long a request may take to come, the first or the next.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long a client may take nothing of what is written to it.
const STALL_MAX: Duration = Duration::from_secs(30);

/// A connection whose reads and writes end.
#[derive(Debug)]
pub(super) struct Timed {
    stream: TcpStream,
    reading: Option<Timer>,
    writing: Option<Timer>,
}

impl Timed {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, reading: None, writing: None }
    }
}

/// What has come, or that it took too long.
fn within<T>(
    polled: Poll<io::Result<T>>,
    timer: &mut Option<Timer>,
    max: Duration,
    cx: &mut Context<'_>,
) -> Poll<io::Result<T>> {
    if polled.is_ready() {
        *timer = None;
        return polled;
    }
    let timer = timer.get_or_insert_with(|| Timer::after(max));
    Pin::new(timer).poll(cx).map(|_| Err(io::ErrorKind::TimedOut.into()))
}

impl AsyncRead for Timed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        within(polled, &mut this.reading, SILENCE_MAX, cx)
    }
}

impl AsyncWrite for Timed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, buf);
        within(polled, &mut this.writing, STALL_MAX, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        within(polled, &mut this.writing, STALL_MAX, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}
