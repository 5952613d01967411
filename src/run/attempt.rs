//! One attempt at a task: the handler, its timeout, its panics.

use alloc::{format, vec::Vec};
use core::{
    cell::RefCell,
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

/// On what terms an attempt is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) permit: usize,
    pub(crate) worker: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) on_lost: OnLost,
}

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

/// What all attempts of a run have in common. Each holds one reference to it: an attempt is moved when it starts.
pub(crate) struct Common<'a, S: Source, C> {
    pub(crate) source: &'a S,
    pub(crate) clock: &'a C,
    pub(crate) dropped: DroppedAttempts<S::Payload, S::Receipt>,
}

impl<'a, S: Source, C> Common<'a, S, C> {
    pub(crate) fn new(source: &'a S, clock: &'a C) -> Self {
        Self { source, clock, dropped: DroppedAttempts::default() }
    }
}

/// A delivery and the span of its attempt.
type Spanned<S> = (Delivery<<S as Source>::Payload, <S as Source>::Receipt>, TaskSpan);

/// A delivery in the hands of a handler, and its span. Dropped before its time, it goes to the dropped attempts.
struct Held<'c, 'a, S: Source, C> {
    held: Option<Spanned<S>>,
    permit: usize,
    common: &'c Common<'a, S, C>,
}

impl<S: Source, C> Held<'_, '_, S, C> {
    fn held(&self) -> &Spanned<S> {
        self.held.as_ref().expect("only `end` takes it, and that consumes the holder")
    }

    fn task(&self) -> &Task<S::Payload> {
        &self.held().0.task
    }

    fn is_lost(&self) -> bool {
        self.common.source.is_lost(&self.held().0.receipt)
    }

    fn span(&self) -> &TaskSpan {
        &self.held().1
    }

    fn end(mut self, result: Result<(), (Outcome, Failure)>) -> Ended<S::Payload, S::Receipt> {
        let (delivery, span) = self.held.take().expect("only `end` takes it, and that consumes the holder");
        Ended { delivery, result, span }
    }
}

impl<S: Source, C> Drop for Held<'_, '_, S, C> {
    fn drop(&mut self) {
        if let Some((delivery, span)) = self.held.take() {
            span.ended(Outcome::Cancelled);
            self.common.dropped.push(self.permit, delivery);
        }
    }
}

/// Makes one attempt. It ends with the delivery, whatever the handler does.
pub(crate) fn attempt<'c, 'a, S, C, H, T, E>(
    delivery: Delivery<S::Payload, S::Receipt>,
    span: TaskSpan,
    terms: &Terms,
    common: &'c Common<'a, S, C>,
    handler: &'c H,
) -> impl Future<Output = Ended<S::Payload, S::Receipt>> + use<'c, 'a, S, C, H, T, E>
where
    S: Source,
    C: Clock,
    H: AsyncFn(&Task<S::Payload>) -> Result<T, E>,
    E: Into<Failure>,
{
    let Terms { permit, timeout, on_lost, .. } = *terms;
    let held = Held { held: Some((delivery, span)), permit, common };
    async move {
        let result = {
            let clock = held.common.clock;
            // The call and the conversion stand inside: they are the user's code too, and may panic.
            let mut future = pin!(Some(async { handler(held.task()).await.map(drop).map_err(Into::into) }));
            let mut sleep = pin!(None);
            poll_fn(|cx| {
                if held.is_lost() {
                    match on_lost {
                        OnLost::Tell => held.task().set_lost(),
                        OnLost::Cancel => return Poll::Ready(Err(lost(|| future.set(None)))),
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
