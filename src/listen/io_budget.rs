//! Connections that cannot hold the thread: each reading and writing counts.
//!
//! A peer that sends without a pause always has the next bytes ready, and the future of its connection would never
//! return. Once the budget is spent, the connection says that it is pending, and asks to be polled again.

use alloc::rc::Rc;
use core::{
    cell::Cell,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};
use std::io;

use futures_lite::{AsyncRead, AsyncWrite, future::poll_fn};
use smol::Timer;

/// How many bytes may be read for one operation: all that is read has to be understood, too.
const BYTES_PER_OPERATION: usize = 4096;

/// How long a future rests that has spent its budget in one poll.
const PAUSE: Duration = Duration::from_millis(5);

/// A number of operations that can be used up, shared by whatever draws on it.
#[derive(Clone, Debug, Default)]
pub struct IoBudget(Rc<Cell<u32>>);

impl IoBudget {
    /// Sets what is left to `operations`.
    pub fn refill(&self, operations: u32) {
        self.0.set(operations);
    }

    /// Returns whether nothing is left.
    pub fn is_spent(&self) -> bool {
        self.0.get() == 0
    }

    /// Spends this many operations, or what is left.
    pub fn spend(&self, operations: u32) {
        self.0.set(self.0.get().saturating_sub(operations));
    }

    /// Spends one operation; where none is left, asks to be polled again.
    pub fn poll_spend(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_spent() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.spend(1);
        Poll::Ready(())
    }

    /// Drives `future`, which has `operations` of this budget in each poll. After a poll that has spent them all comes a
    /// pause: a future that asks for its next poll at once would get it before others that wait for time or input.
    pub async fn in_turns<F: Future>(&self, operations: u32, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut pause: Option<Timer> = None;
        poll_fn(|cx| {
            if let Some(timer) = &mut pause {
                ready!(Pin::new(timer).poll(cx));
                pause = None;
            }
            self.refill(operations);
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() && self.is_spent() {
                // Polled again at once, since the future has asked for that: then the timer is what is waited for.
                pause = Some(Timer::after(PAUSE));
            }
            polled
        })
        .await
    }
}

/// A stream whose reads and writes draw on a budget.
#[derive(Debug)]
pub struct Budgeted<T> {
    stream: T,
    budget: IoBudget,
}

impl<T> Budgeted<T> {
    /// Wraps a stream so that it spends the budget.
    pub fn new(stream: T, budget: IoBudget) -> Self {
        Self { stream, budget }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Budgeted<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.budget.poll_spend(cx));
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        if let Poll::Ready(Ok(count)) = polled {
            this.budget.spend(u32::try_from(count / BYTES_PER_OPERATION).unwrap_or(u32::MAX));
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Budgeted<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.budget.poll_spend(cx));
        Pin::new(&mut this.stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_lite::{AsyncReadExt, io::repeat};
    use smol::block_on;

    use super::*;

    /// How many reads of this length a stream that always has more gets in each of three turns.
    fn reads(length: usize) -> [u32; 3] {
        let budget = IoBudget::default();
        let mut stream = Budgeted::new(repeat(b'x'), budget.clone());
        let (count, mut buffer) = (Cell::new(0), vec![0; length]);
        let mut endless = pin!(budget.in_turns(64, async {
            loop {
                assert_eq!(stream.read(&mut buffer).await.unwrap(), length);
                count.set(count.get() + 1);
            }
        }));
        [0; 3].map(|_| {
            block_on(poll_fn(|cx| {
                assert_eq!(endless.as_mut().poll(cx), Poll::<()>::Pending);
                if count.get() > 0 { Poll::Ready(count.take()) } else { Poll::Pending }
            }))
        })
    }

    #[test]
    fn a_stream_that_always_has_more_is_left_when_the_budget_is_spent() {
        let start = Instant::now();
        assert_eq!(reads(8), [64; 3]);
        assert!(start.elapsed() >= 2 * PAUSE, "a pause between two turns");
        assert_eq!(reads(3 * BYTES_PER_OPERATION), [16; 3], "long reads count for more");
    }
}
