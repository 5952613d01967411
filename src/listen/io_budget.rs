//! Connections that cannot hold the thread: each reading and writing counts.
//!
//! A peer that sends without a pause always has the next bytes ready, and the future of its connection would never
//! return. Once the budget is spent, the connection says that it is pending, and asks to be polled again.

use alloc::rc::Rc;
use core::{
    cell::Cell,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use std::io;

use futures_lite::{AsyncRead, AsyncWrite, future::poll_fn};

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

    /// Spends one operation, whether there is one left or not.
    pub fn spend(&self) {
        self.0.set(self.0.get().saturating_sub(1));
    }

    /// Spends one operation; where none is left, asks to be polled again.
    pub fn poll_spend(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_spent() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.spend();
        Poll::Ready(())
    }

    /// Drives `future`, which has `operations` of this budget in each poll.
    pub async fn per_poll<F: Future>(&self, operations: u32, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            self.refill(operations);
            future.as_mut().poll(cx)
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
    /// Wraps a stream.
    pub fn new(stream: T, budget: IoBudget) -> Self {
        Self { stream, budget }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Budgeted<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.budget.poll_spend(cx));
        Pin::new(&mut this.stream).poll_read(cx, buf)
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
    use futures_lite::{AsyncReadExt, future::block_on, future::poll_once, io::repeat};

    use super::*;

    #[test]
    fn a_stream_that_always_has_more_is_left_after_so_many_reads() {
        block_on(async {
            let budget = IoBudget::default();
            let mut stream = Budgeted::new(repeat(b'x'), budget.clone());
            let reads = Cell::new(0);
            let mut endless = pin!(budget.per_poll(64, async {
                loop {
                    let _ = stream.read(&mut [0; 8]).await;
                    reads.set(reads.get() + 1);
                }
            }));
            for polls in 1..=3 {
                assert_eq!(poll_once(endless.as_mut()).await, None::<()>);
                assert_eq!(reads.get(), polls * 64);
            }
        });
    }
}
