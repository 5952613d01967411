//! Where JavaScript says that an attempt has ended.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    task::{Poll, Waker},
    time::Duration,
};

use fourfold::Failure;

/// The longest pause that a handler may ask for: one day.
const MS_MAX: f64 = 86_400_000.0;

/// The attempts in flight by number, and the waker of a claim that waits for a task.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    slots: RefCell<Vec<Slot>>,
    free: RefCell<Vec<u32>>,
    claim: RefCell<Option<Waker>>,
}

#[derive(Debug)]
enum Slot {
    Free,
    Running(Option<Waker>),
    Ended(Result<(), Failure>),
}

impl Slots {
    pub(super) fn take(&self) -> u32 {
        let free = self.free.borrow_mut().pop();
        let slots = &mut *self.slots.borrow_mut();
        let slot = free.unwrap_or_else(|| {
            slots.push(Slot::Free);
            // Limits are far below 2^32.
            slots.len() as u32 - 1
        });
        slots[slot as usize] = Slot::Running(None);
        slot
    }

    pub(super) fn give_back(&self, slot: u32) {
        self.slots.borrow_mut()[slot as usize] = Slot::Free;
        self.free.borrow_mut().push(slot);
    }

    /// Waits for the end of an attempt.
    pub(super) fn ended(&self, slot: u32) -> impl Future<Output = Result<(), Failure>> + '_ {
        poll_fn(move |cx| match &mut self.slots.borrow_mut()[slot as usize] {
            Slot::Running(waker) => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            Slot::Ended(result) => Poll::Ready(std::mem::replace(result, Ok(()))),
            Slot::Free => Poll::Pending,
        })
    }

    fn end(&self, slot: u32, result: Result<(), Failure>) {
        let mut slots = self.slots.borrow_mut();
        let Some(slot @ Slot::Running(_)) = slots.get_mut(slot as usize) else { return };
        let before = std::mem::replace(slot, Slot::Ended(result));
        drop(slots);
        if let Slot::Running(Some(waker)) = before {
            waker.wake();
        }
    }

    /// Ends an attempt with success.
    pub(crate) fn succeed(&self, slot: u32) {
        self.end(slot, Ok(()));
    }

    /// Ends an attempt with a failure. A negative pause leaves it to the retry policy.
    pub(crate) fn fail(&self, slot: u32, reason: &str, permanent: bool, cancelled: bool, after_ms: f64) {
        let failure = match (cancelled, permanent) {
            (true, _) => Failure::cancelled(reason),
            (_, true) => Failure::permanent(reason),
            _ if (0.0..=MS_MAX).contains(&after_ms) => {
                Failure::retry_after(reason, Duration::from_nanos((after_ms * 1e6) as u64))
            }
            _ => Failure::transient(reason),
        };
        self.end(slot, Err(failure));
    }

    pub(super) fn wait_for_task(&self, waker: &Waker) {
        *self.claim.borrow_mut() = Some(waker.clone());
    }

    /// Wakes the claim that waits for a task.
    pub(crate) fn task_arrived(&self) {
        let waker = self.claim.borrow_mut().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
