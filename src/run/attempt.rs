//! One attempt at a task: the handler, its timeout, its panics.

use alloc::{format, vec::Vec};
use core::{
    cell::{Cell, RefCell},
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    clock::{Clock, Time},
    config::OnLost,
    event::Outcome,
    failure::Failure,
    panic::contain,
    source::{Delivery, Source},
    spans::TaskSpan,
    task::Task,
};

/// An attempt that has ended.
pub(crate) struct Ended<P, R> {
    pub(crate) delivery: Delivery<P, R>,
    pub(crate) result: Result<(), (Outcome, Failure)>,
    pub(crate) span: TaskSpan,
}

/// Deliveries whose attempts were dropped in the middle, with their permits.
pub(crate) struct DroppedAttempts<P, R>(RefCell<Vec<(usize, Delivery<P, R>)>>);

impl<P, R> DroppedAttempts<P, R> {
    fn push(&self, permit: usize, delivery: Delivery<P, R>) {
        self.0.borrow_mut().push((permit, delivery));
    }

    /// Takes them out, in the order in which they were dropped.
    pub(crate) fn take(&self) -> Vec<(usize, Delivery<P, R>)> {
        self.0.take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

impl<P, R> Default for DroppedAttempts<P, R> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

/// The lease of a delivery: how an attempt learns that it is lost, and where the delivery goes when the attempt is dropped.
pub(crate) struct Lease<'a, S: Source> {
    pub(crate) source: &'a S,
    /// The number of losses that the run has seen.
    pub(crate) losses: &'a Cell<usize>,
    pub(crate) on_lost: OnLost,
    pub(crate) dropped: &'a DroppedAttempts<S::Payload, S::Receipt>,
}

/// A delivery in the hands of a handler, and its span. Dropped before its time, it goes to the dropped attempts.
struct Held<'a, P, R> {
    held: Option<(Delivery<P, R>, TaskSpan)>,
    permit: usize,
    dropped: &'a DroppedAttempts<P, R>,
}

impl<P, R> Held<'_, P, R> {
    fn held(&self) -> &(Delivery<P, R>, TaskSpan) {
        self.held.as_ref().expect("only `end` takes it, and that consumes the holder")
    }

    fn task(&self) -> &Task<P> {
        &self.held().0.task
    }

    fn span(&self) -> &TaskSpan {
        &self.held().1
    }

    fn end(mut self, result: Result<(), (Outcome, Failure)>) -> Ended<P, R> {
        let (delivery, span) = self.held.take().expect("only `end` takes it, and that consumes the holder");
        Ended { delivery, result, span }
    }
}

impl<P, R> Drop for Held<'_, P, R> {
    fn drop(&mut self) {
        if let Some((delivery, span)) = self.held.take() {
            span.ended(Outcome::Cancelled);
            self.dropped.push(self.permit, delivery);
        }
    }
}

/// Makes one attempt. It ends with the delivery, whatever the handler does.
pub(crate) fn attempt<'a, S, P, R, C, H, T, E>(
    delivery: Delivery<P, R>,
    permit: usize,
    span: TaskSpan,
    clock: &'a C,
    timeout: Option<Duration>,
    lease: Lease<'a, S>,
    handler: &'a H,
) -> impl Future<Output = Ended<P, R>> + use<'a, S, P, R, C, H, T, E>
where
    S: Source<Payload = P, Receipt = R>,
    C: Clock,
    H: AsyncFn(&Task<P>) -> Result<T, E>,
    E: Into<Failure>,
{
    let held = Held { held: Some((delivery, span)), permit, dropped: lease.dropped };
    async move {
        let result = {
            // The call and the conversion stand inside: they are the user's code too, and may panic.
            let mut future = pin!(Some(async { handler(held.task()).await.map(drop).map_err(Into::into) }));
            let (mut sleep, mut losses) = (pin!(None), lease.losses.get());
            poll_fn(|cx| {
                if lease.losses.get() != losses {
                    losses = lease.losses.get();
                    if lease.source.is_lost(&held.held().0.receipt) {
                        match lease.on_lost {
                            OnLost::Tell => held.task().set_lost(),
                            OnLost::Cancel => return Poll::Ready(Err(lost(|| future.set(None)))),
                        }
                    }
                }
                match contain(|| held.span().within(|| poll_once(future.as_mut(), cx))) {
                    Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(failed)),
                    Ok(Poll::Pending) => match timeout {
                        Some(timeout) if expired(sleep.as_mut(), clock, timeout, cx) => {
                            Poll::Ready(Err(timed_out(timeout, || future.set(None))))
                        }
                        _ => Poll::Pending,
                    },
                    Err(panic) => {
                        // The handler is not looked at again. Dropping it may panic once more, which says nothing new.
                        let _ = contain(|| future.set(None));
                        Poll::Ready(Err(failed(panic)))
                    }
                }
            })
            .await
        };
        held.end(result)
    }
}

/// Polls the handler, and drops it as soon as it is ready: dropping it is the user's code as well.
#[inline]
fn poll_once<F: Future>(mut future: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<F::Output> {
    // The handler is gone once the attempt has ended, and an attempt that has ended is not polled again.
    let Some(running) = future.as_mut().as_pin_mut() else { return Poll::Pending };
    let poll = running.poll(cx);
    if poll.is_ready() {
        future.set(None);
    }
    poll
}

#[cold]
fn failed(failure: Failure) -> (Outcome, Failure) {
    let outcome = match &failure {
        failure if failure.is_panic() => Outcome::Panicked,
        failure if failure.is_cancelled() => Outcome::Cancelled,
        failure if failure.is_timeout() => Outcome::TimedOut,
        _ => Outcome::Failed,
    };
    (outcome, failure)
}

#[cold]
fn lost(drop_handler: impl FnOnce()) -> (Outcome, Failure) {
    match contain(drop_handler) {
        Ok(()) => (Outcome::Cancelled, Failure::lost()),
        Err(panic) => failed(panic),
    }
}

#[cold]
fn timed_out(timeout: Duration, drop_handler: impl FnOnce()) -> (Outcome, Failure) {
    match contain(drop_handler) {
        Ok(()) => (Outcome::TimedOut, Failure::transient(format!("timed out after {}", Time::ZERO + timeout))),
        Err(panic) => failed(panic),
    }
}

/// Whether the timeout is over. Its timer starts when the handler first waits: one that never does needs none.
fn expired<C: Clock>(
    mut sleep: Pin<&mut Option<C::Sleep>>,
    clock: &C,
    timeout: Duration,
    cx: &mut Context<'_>,
) -> bool {
    if sleep.is_none() {
        sleep.set(Some(clock.sleep(timeout)));
    }
    sleep.as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready())
}

impl<P, R> fmt::Debug for Ended<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended").field("task", &self.delivery.task.id).field("result", &self.result).finish()
    }
}
