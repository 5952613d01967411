//! The two futures that claim and settle, polled beside the tasks, and what they leave behind when they are dropped.

use core::{
    cell::RefCell,
    future::{Future, poll_fn},
    mem,
    ops::{Deref, DerefMut},
    pin::pin,
};

use super::shared::Shared;
use crate::{clock::Clock, event::Observer, source::Source};

/// A value on loan to a future. When that is dropped in the middle, the value is back in its place with all that is in it.
struct Loan<'d, T: Default> {
    value: T,
    place: &'d RefCell<T>,
}

impl<'d, T: Default> Loan<'d, T> {
    fn from(place: &'d RefCell<T>) -> Self {
        Self { value: place.take(), place }
    }
}

impl<T: Default> Deref for Loan<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Default> DerefMut for Loan<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Default> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        self.place.replace(mem::take(&mut self.value));
    }
}

/// Claims whenever there is room. Ends only with a failure of the source.
pub(super) async fn claim<S: Source, C: Clock, O: Observer>(shared: &Shared<'_, S, C, O>) -> S::Error {
    let mut claims = Loan::from(&shared.claims);
    loop {
        let size = shared.claim_waker.until(|| shared.state.borrow_mut().request_claim(shared)).await;
        claims.set_startable(shared.state.borrow().startable());
        let result = {
            let mut claim = pin!(shared.source.claim(size, &mut claims, shared.clock));
            let mut is_told = !O::ACTIVE;
            poll_fn(|cx| {
                let poll = claim.as_mut().poll(cx);
                if poll.is_pending() && !mem::replace(&mut is_told, true) {
                    let state = &mut *shared.state.borrow_mut();
                    state.intake.wait(&mut state.recorder);
                }
                poll
            })
            .await
        };
        match result {
            Ok(status) => {
                let mut state = shared.state.borrow_mut();
                state.enqueue(&mut claims, status);
                if !state.has_room(shared) {
                    continue;
                }
            }
            Err(error) => return error,
        }
        // What the claim brought is started before the next one, and a source that answers at once every time starves no task.
        // The run wakes this as long as there is room: yielding would cost a poll of the host.
        let mut is_woken = false;
        shared.claim_waker.until(|| mem::replace(&mut is_woken, true).then_some(())).await;
    }
}

/// Tells the source what has ended, all of it at once; what ends meanwhile goes with the next message. Never ends.
pub(super) async fn settle<S: Source, C: Clock, O: Observer, T>(shared: &Shared<'_, S, C, O>) -> T {
    let mut lot = Loan::from(&shared.settling);
    loop {
        shared.settle_waker.until(|| shared.state.borrow_mut().inventory.take_pending(&mut lot).then_some(())).await;
        let result = shared.source.settle(&mut lot.settlements, shared.clock).await;
        let state = &mut *shared.state.borrow_mut();
        match result {
            Ok(()) => state.confirm(&mut lot),
            Err(error) => {
                state.lifecycle.source_failed(error);
                state.inventory.abandon(&mut lot, shared.source, &mut state.recorder);
            }
        }
    }
}
