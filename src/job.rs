//! One task, from its delivery to the end of an attempt: the handler, its timeout, its panics.

mod contain;

use alloc::format;
use core::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use alloc::vec::Vec;

pub(crate) use self::contain::contain;
use crate::{Clock, Delivery, Failure, Outcome, Task};

/// How an attempt ended.
pub(crate) struct Ended<P, R> {
    pub(crate) delivery: Delivery<P, R>,
    pub(crate) result: Result<(), (Outcome, Failure)>,
}

/// Where deliveries fall when the handler that holds them is dropped.
pub(crate) type Net<P, R> = RefCell<Vec<(usize, Delivery<P, R>)>>;

/// A delivery in the hands of a handler. Dropped before its time, it falls into the net with its slot.
struct Held<'a, P, R> {
    delivery: Option<Delivery<P, R>>,
    slot: usize,
    net: &'a Net<P, R>,
}

impl<P, R> Held<'_, P, R> {
    fn task(&self) -> &Task<P> {
        &self.delivery.as_ref().expect("only `end` takes it, and that consumes the holder").task
    }

    fn end(mut self) -> Delivery<P, R> {
        self.delivery.take().expect("only `end` takes it, and that consumes the holder")
    }
}

impl<P, R> Drop for Held<'_, P, R> {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            self.net.borrow_mut().push((self.slot, delivery));
        }
    }
}

/// One attempt. It ends with the delivery, whatever the handler does.
pub(crate) fn attempt<'a, P, R, C, H, T, E>(
    delivery: Delivery<P, R>,
    slot: usize,
    net: &'a Net<P, R>,
    clock: &'a C,
    timeout: Option<Duration>,
    handler: &'a H,
) -> impl Future<Output = Ended<P, R>> + use<'a, P, R, C, H, T, E>
where
    C: Clock,
    H: AsyncFn(&Task<P>) -> Result<T, E>,
    E: Into<Failure>,
{
    let held = Held { delivery: Some(delivery), slot, net };
    async move {
        // The call itself stands inside: it is the user's code too, and may panic.
        let result = limited(async { handler(held.task()).await }, clock, timeout).await;
        let result = match result {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => {
                let failure: Failure = error.into();
                let outcome = if failure.is_panic() { Outcome::Panicked } else { Outcome::Failed };
                Err((outcome, failure))
            }
            Err(ended) => Err(ended),
        };
        Ended { delivery: held.end(), result }
    }
}

/// Polls a future until it is ready, panics or has taken too long; it is dropped before this returns.
async fn limited<F: Future, C: Clock>(
    future: F,
    clock: &C,
    timeout: Option<Duration>,
) -> Result<F::Output, (Outcome, Failure)> {
    let mut future = pin!(Some(future));
    let mut sleep = pin!(None);
    poll_fn(|cx| {
        let result = match contain(|| poll_once(future.as_mut(), cx)) {
            Ok(Poll::Ready(output)) => Ok(output),
            Ok(Poll::Pending) => match timeout {
                Some(timeout) if expired(sleep.as_mut(), clock, timeout, cx) => {
                    Err((Outcome::TimedOut, Failure::transient(format!("timed out after {timeout:?}"))))
                }
                _ => return Poll::Pending,
            },
            Err(panic) => Err((Outcome::Panicked, panic)),
        };
        // Dropping it is the user's code as well.
        match contain(|| future.set(None)) {
            Ok(()) => Poll::Ready(result),
            Err(panic) => Poll::Ready(Err((Outcome::Panicked, panic))),
        }
    })
    .await
}

#[inline]
fn poll_once<F: Future>(future: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<F::Output> {
    match future.as_pin_mut() {
        Some(future) => future.poll(cx),
        // It was dropped when this attempt ended, and an attempt that has ended is not polled again.
        None => Poll::Pending,
    }
}

/// The timer starts when the handler first waits: one that never does needs none.
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
